import { type InfluxAddress, InfluxClient } from '../../influxdb/client.ts';
import { VictoriaMetricsApi } from '../../influxdb/victoria-metrics/api.ts';
import { exportHours, exportSpanByHours } from '../../influxdb/victoria-metrics/export.ts';
import { DAY_MS, HOUR_MS, hasSeries, type TimeSpan, tallies } from '../../influxdb/victoria-metrics/tallies.ts';
import type { RememberedFile } from '../memory.ts';
import type { BackupSource, SourceFile } from '../source.ts';
import { countedMonths, knownDays, type Month, monthsUntil, nameOf, nextTurn } from './victoria-metrics-months.ts';

export interface VictoriaMetricsSourceOptions {
  /** Of the source, and the beginning of its paths. */
  name: string;
  address: InfluxAddress;
  /** Whose series are taken: metrics of others live in the same server. */
  measurements: readonly string[];
  /** For each answer; none is larger than some MB. */
  timeoutMs: number;
  nowMs?: number;
}

/** Days before today that are kept hour by hour: each backup then sends an hour, not the day so far. */
const YOUNG_DAYS = 1;
/** Days whose samples are counted in each run: here late ones are likely. */
const FRESH_DAYS = 8;
/** So many days are counted at once: a year at once would cost the server a gigabyte. */
const COUNTED_AT_ONCE_MS = 7 * DAY_MS;

/**
 * What a VictoriaMetrics has of this agent's measurements, over its API: `NAME/2026-11-21` for a day,
 * `NAME/2026-11-21T14` for an hour of today and yesterday, as lines for `POST /api/v1/import`.
 *
 * Days and hours whose samples are as many, with the same sums, are as they were. Counting costs the server the reading of
 * all of them, so each run counts the last days and one older month, another one each time.
 */
export function victoriaMetricsSource(options: VictoriaMetricsSourceOptions): BackupSource {
  return { name: options.name, files: (before) => new Run(options).files(before) };
}

class Run {
  readonly #name: string;
  readonly #api: VictoriaMetricsApi;
  readonly #measurements: readonly string[];
  readonly #nowMs: number;

  constructor({ name, address, measurements, timeoutMs, nowMs = Date.now() }: VictoriaMetricsSourceOptions) {
    this.#name = name;
    this.#api = new VictoriaMetricsApi(new InfluxClient(address), timeoutMs);
    this.#measurements = measurements;
    this.#nowMs = nowMs;
  }

  async *files(before: ReadonlyMap<string, RememberedFile>): AsyncGenerator<SourceFile> {
    const todayMs = Math.floor(this.#nowMs / DAY_MS) * DAY_MS;
    const oldBeforeMs = todayMs - FRESH_DAYS * DAY_MS;
    const youngFromMs = todayMs - YOUNG_DAYS * DAY_MS;
    const server = { server: this.#api.client.url, measurements: this.#measurements };
    const statePath = `${this.#name}/state.json`;
    const counted = countedMonths(before.get(statePath)?.stamp, JSON.stringify(server));
    const months = await this.#monthsWithReadings(before);
    const turn = nextTurn(months, counted, oldBeforeMs);

    const days: Record<string, number> = {};
    for (const month of months) {
      const known = knownDays(month, before, this.#name, counted, { turn, oldBeforeMs });
      for (const { path, file, ...span } of known ?? []) {
        yield { path, stamp: file.stamp, content: this.#content(span) };
      }
      let old = known?.length ?? 0;
      if (!known) {
        for await (const day of this.#days(between(month.span, 0, oldBeforeMs))) {
          old++;
          yield day;
        }
      }
      if (old > 0) days[month.name] = old;
      yield* this.#days(between(month.span, oldBeforeMs, youngFromMs));
      yield* this.#hours(between(month.span, youngFromMs, Number.POSITIVE_INFINITY));
    }
    yield {
      path: statePath,
      // What changes with each run is in the stamp alone: the content does not travel again.
      stamp: JSON.stringify({ of: counted.of, oldBeforeMs, turn, days }),
      content: [Buffer.from(`${JSON.stringify({ ...server, import: 'POST /api/v1/import' })}\n`)],
    };
  }

  /** The clock can be behind: what was there the last time is looked for whatever it says. */
  async #monthsWithReadings(before: ReadonlyMap<string, RememberedFile>): Promise<Month[]> {
    const known = [...before.keys()].map((path) => Date.parse(path.slice(this.#name.length + 1).slice(0, 10)));
    // VictoriaMetrics takes samples of up to two days to come.
    const lastMs = Math.max(this.#nowMs, ...known.filter(Number.isFinite)) + 2 * DAY_MS;
    const months: Month[] = [];
    for (const month of monthsUntil(lastMs)) {
      if (await hasSeries(this.#api, this.#measurements, month.span)) months.push(month);
    }
    return months;
  }

  async *#days(span: TimeSpan): AsyncGenerator<SourceFile> {
    for (let { fromMs } = span; fromMs < span.toMs; fromMs += COUNTED_AT_ONCE_MS) {
      const toMs = Math.min(span.toMs, fromMs + COUNTED_AT_ONCE_MS);
      const found = await tallies(this.#api, this.#measurements, { fromMs, toMs }, DAY_MS);
      for (const [dayMs, { mark }] of found) {
        const content = this.#content({ fromMs: dayMs, toMs: dayMs + DAY_MS });
        yield { path: `${this.#name}/${nameOf(dayMs)}`, stamp: mark, content };
      }
    }
  }

  async *#hours(span: TimeSpan): AsyncGenerator<SourceFile> {
    for (let { fromMs } = span; fromMs < span.toMs; fromMs += COUNTED_AT_ONCE_MS) {
      const toMs = Math.min(span.toMs, fromMs + COUNTED_AT_ONCE_MS);
      for (const [hourMs, tally] of await tallies(this.#api, this.#measurements, { fromMs, toMs }, HOUR_MS)) {
        yield {
          path: `${this.#name}/${new Date(hourMs).toISOString().slice(0, 13)}`,
          stamp: tally.mark,
          content: exportHours(this.#api, this.#measurements, new Map([[hourMs, tally]])),
        };
      }
    }
  }

  /** Nothing is asked for before it is read. */
  #content(span: TimeSpan): AsyncIterable<Uint8Array> {
    return exportSpanByHours(this.#api, this.#measurements, span);
  }
}

/** The part of a span; empty when its end is not after its beginning. */
function between({ fromMs, toMs }: TimeSpan, earliestMs: number, latestMs: number): TimeSpan {
  return { fromMs: Math.max(fromMs, earliestMs), toMs: Math.min(toMs, latestMs) };
}
