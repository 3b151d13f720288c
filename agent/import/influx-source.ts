import { setTimeout as sleep } from 'node:timers/promises';
import { AgentError } from '../system/errors.ts';
import type { FluxRow } from './flux-csv.ts';
import { FluxPages, type FluxPagesOptions } from './flux-pages.ts';
import type { Item, Position, RawPoint, Source, Tags } from './source.ts';
import { SEED_FIELD } from './units.ts';

export interface InfluxSourceOptions extends FluxPagesOptions {
  /** UTC ms; undefined from the first point on, or to now. */
  fromMs?: number | undefined;
  toMs?: number | undefined;
  /** Undefined: to be told from the data. */
  fromSeed?: boolean | undefined;
  /** Pauses before a request that failed is repeated. */
  pausesMs?: readonly number[];
  /** Told once of each outage, before the first pause. */
  say?: (text: string) => void;
}

/** Rows that a page should have: little memory here and there, few requests. */
const PAGE_ROWS = 5000;
const FIRST_WINDOW_MS = 600_000;
const SHORTEST_WINDOW_MS = 1000;
/**
 * Shards begin at full hours at the finest, and a field may be of another type in each. Asked for a time with both types,
 * InfluxDB 2.9 leaves the points of one out and says nothing.
 */
const SHARD_MS = 3_600_000;
const PAUSES_MS = [1000, 4000, 15_000];

/** A measurement of an InfluxDB 2 bucket as a source. @throws AgentError when it cannot be asked, or is empty */
export async function influxSource(options: InfluxSourceOptions): Promise<Source> {
  const { address, org, bucket, measurement, fromMs: saidFromMs, toMs: saidToMs } = options;
  const pages = new FluxPages(options);
  const toMs = saidToMs ?? Date.now();
  const retried = <T>(ask: () => Promise<T>) => withRetries(ask, options);
  const firsts = await retried(() => pages.ends('first', saidFromMs ?? 0, toMs));
  const lasts = await retried(() => pages.ends('last', saidFromMs ?? 0, toMs));
  const beginMs = Math.min(...firsts.map(({ timeMs }) => timeMs));
  // For the progress only: it ends where no point follows.
  const lastMs = Math.max(...lasts.map(({ timeMs }) => timeMs));
  const name = `${address.url}, bucket ${bucket}`;
  if (firsts.length === 0) {
    throw new AgentError('usage', `${name} has no measurement ${measurement} in this time`, {
      hint: 'name another with --measurement or --bucket, or other times with --from and --to',
    });
  }
  let doneMs = beginMs;
  const items = async function* (position: Position | undefined): AsyncGenerator<Item[]> {
    let fromMs = position && 'fromMs' in position ? position.fromMs : beginMs;
    let windowMs = FIRST_WINDOW_MS;
    while (fromMs < toMs) {
      const untilMs = Math.min(fromMs + windowMs, toMs, (Math.floor(fromMs / SHARD_MS) + 1) * SHARD_MS);
      const rows = await retried(() => pages.page(fromMs, untilMs));
      doneMs = untilMs;
      yield itemsOf(rows, measurement, untilMs);
      windowMs = nextWindowMs(windowMs, rows.length);
      // What is empty may be so for years: the next point is asked for.
      fromMs = rows.length > 0 || untilMs >= toMs ? untilMs : await nextPointMs(untilMs);
    }
  };
  const nextPointMs = async (afterMs: number) => {
    const next = await retried(() => pages.ends('first', afterMs, toMs));
    return Math.min(toMs, ...next.map(({ timeMs }) => timeMs));
  };
  return {
    name,
    // Without --to the same command means a later time each time; its mark is that of one import nevertheless.
    identity: { url: address.url, org, bucket, from: saidFromMs, to: saidToMs, fromSeed: options.fromSeed },
    kind: `measurement ${measurement} from ${new Date(beginMs).toISOString()} to ${new Date(lastMs).toISOString()}`,
    fromSeed: options.fromSeed ?? firsts.some(({ texts }) => texts._field === SEED_FIELD),
    notes: [],
    items,
    // All series, but not all points: asking for these twice would take hours.
    survey: async function* () {
      yield firstPoints(firsts).map((point): Item => ({ content: { measurement, ...point }, after: undefined }));
    },
    share: () => Math.min(1, (doneMs - beginMs) / (lastMs + 1 - beginMs)),
  };
}

/** A point for each series, with all of its fields and no values. */
function firstPoints(firsts: readonly FluxRow[]): Omit<RawPoint, 'measurement'>[] {
  const points = new Map<Tags, { timeMs: number; fields: Record<string, number> }>();
  for (const { timeMs, tags, texts } of firsts) {
    const point = points.get(tags) ?? { timeMs, fields: {} };
    point.fields[texts._field ?? ''] = 0;
    points.set(tags, point);
  }
  return [...points].map(([tags, point]) => ({ tags, ...point, isAlone: Object.keys(point.fields).length === 1 }));
}

/** @param untilMs where the page ends */
function itemsOf(rows: readonly FluxRow[], measurement: string, untilMs: number): Item[] {
  const sorted = rows.toSorted((a, b) => a.timeMs - b.timeMs);
  const items = sorted.map(({ timeMs, tags, texts, numbers }, i): Item => {
    const nextMs = sorted[i + 1]?.timeMs ?? untilMs;
    // Texts beside the time are fields as well.
    const isAlone = Object.keys(texts).every((name) => name.startsWith('_')) && Object.keys(numbers).length === 1;
    return {
      content: { measurement, tags, timeMs, fields: numbers, isAlone },
      // Between points of one time there is no place to go on from.
      after: nextMs > timeMs ? { fromMs: nextMs } : undefined,
    };
  });
  return items.length > 0 ? items : [{ content: undefined, after: { fromMs: untilMs } }];
}

function nextWindowMs(windowMs: number, rows: number): number {
  const factor = rows === 0 ? 1 : Math.min(4, Math.max(0.05, PAGE_ROWS / rows));
  return Math.round(Math.min(SHARD_MS, Math.max(SHORTEST_WINDOW_MS, windowMs * factor)));
}

async function withRetries<T>(
  ask: () => Promise<T>,
  { pausesMs = PAUSES_MS, say, signal }: InfluxSourceOptions,
): Promise<T> {
  for (const [i, pauseMs] of pausesMs.entries()) {
    try {
      return await ask();
    } catch (error) {
      if (!(error instanceof AgentError && error.retryable)) throw error;
      const seconds = pausesMs.reduce((sum, ms) => sum + ms, 0) / 1000;
      if (i === 0) say?.(`${error.message}; trying again for ${seconds} s`);
    }
    await sleep(pauseMs, undefined, signal ? { signal } : {});
  }
  return ask();
}
