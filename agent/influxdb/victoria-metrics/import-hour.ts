import { type ImportLine, without } from './import-line.ts';
import type { ImportTarget } from './import-target.ts';
import type { SeriesTally } from './tallies.ts';

/** Of one request: proxies refuse a megabyte by default (nginx), and so much is sent again after a failure. */
const BODY_BYTES = 500_000;
/** The same numbers added up in another order, or kept with 15 digits, differ in their last ones. */
const RELATIVE = 1e-9;
const EACH = 1e-9;

export type Tallies = ReadonlyMap<string, SeriesTally>;

/**
 * Brings lines of one hour into a server that may have some of them. VictoriaMetrics keeps what is sent twice, twice: so
 * only times are sent at which the series has nothing, and after a failure it is asked what had arrived.
 * @param before what the server has of the hour, by series; nothing but this call adds to it of these lines
 * @param isAll whether these are all lines that the backup has of the hour: where counts and sums are the same, none is sent
 * @param selector finds the series of these lines
 * @returns what was not there, by series
 * @throws AgentError
 */
export async function importHour(
  target: ImportTarget,
  lines: readonly ImportLine[],
  { before, isAll, selector }: { before: Tallies; isAll: boolean; selector: string },
): Promise<Map<string, SeriesTally>> {
  if (isAll) {
    const all = new Map<string, SeriesTally>();
    for (const { key, tally } of lines) add(all, key, tally);
    if ([...all].every(([key, tally]) => isSame(tally, before.get(key)))) return new Map();
  }
  const added = new Map<string, SeriesTally>();
  for (const part of bodies(lines)) {
    const isNew = part.every(({ key }) => !before.has(key));
    const missing = isNew ? part : await missingOf(target, part, selector);
    await send(target, missing, selector);
    for (const { key, tally } of missing) add(added, key, tally);
  }
  return added;
}

export function add(tallies: Map<string, SeriesTally>, key: string, { count, sum }: SeriesTally): void {
  const before = tallies.get(key);
  tallies.set(key, { count: (before?.count ?? 0) + count, sum: (before?.sum ?? 0) + sum });
}

export function isSame(one: SeriesTally, other: SeriesTally | undefined): boolean {
  if (one.count !== other?.count) return false;
  const [a, b] = [one.sum, other.sum];
  return Math.abs(a - b) <= RELATIVE * Math.max(Math.abs(a), Math.abs(b)) + EACH * one.count;
}

async function send(target: ImportTarget, lines: readonly ImportLine[], selector: string): Promise<void> {
  let rest = lines;
  let isFirst = true;
  await target.patiently(async () => {
    if (!isFirst) {
      await target.flush();
      rest = await missingOf(target, rest, selector);
    }
    isFirst = false;
    if (rest.length > 0) await target.import(rest.map(({ text }) => text).join(''));
  });
}

async function missingOf(
  target: ImportTarget,
  lines: readonly ImportLine[],
  selector: string,
): Promise<readonly ImportLine[]> {
  const firstMs = lines.reduce((first, line) => Math.min(first, line.firstMs), Number.POSITIVE_INFINITY);
  const lastMs = lines.reduce((last, line) => Math.max(last, line.lastMs), 0);
  const times = await target.times(selector, firstMs, lastMs);
  return lines.flatMap((line) => {
    const there = times.get(line.key);
    return without(line, there && new Set(there)) ?? [];
  });
}

function* bodies(lines: readonly ImportLine[]): Generator<ImportLine[]> {
  let part: ImportLine[] = [];
  let bytes = 0;
  for (const line of lines) {
    if (part.length > 0 && bytes + line.text.length > BODY_BYTES) {
      yield part;
      part = [];
      bytes = 0;
    }
    part.push(line);
    bytes += line.text.length;
  }
  if (part.length > 0) yield part;
}
