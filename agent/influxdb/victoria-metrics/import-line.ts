import type { Copy } from './selector.ts';
import { canonicalLabels, HOUR_MS, type SeriesTally } from './tallies.ts';

/** Samples of one series within an hour, as `POST /api/v1/import` takes them. */
export interface ImportLine {
  /** With its end of line. */
  text: string;
  /** Labels as they will be in the server (`canonicalLabels`). */
  key: string;
  hourMs: number;
  firstMs: number;
  lastMs: number;
  tally: SeriesTally;
}

interface Exported {
  metric: Record<string, string>;
  values: unknown[];
  timestamps: number[];
}

/**
 * A line of a backup, made ready.
 * @param copy the name and label it gets; undefined leaves them as they were
 * @returns undefined where no number is in it: VictoriaMetrics 1.79 takes nothing of a line that has a NaN or an infinity,
 *   and says 204
 * @throws SyntaxError when it is no such line
 */
export function importLine(text: string, copy: Copy | undefined): ImportLine | undefined {
  const { metric, values, timestamps } = JSON.parse(text) as Partial<Exported>;
  if (!metric || !values || !timestamps || values.length !== timestamps.length) throw new SyntaxError('no series');
  const labels = copy ? { ...metric, __name__: `${copy.prefix}${metric.__name__}`, db: copy.label } : metric;
  const isPlain =
    copy === undefined &&
    values.every((value, i) => typeof value === 'number' && (i === 0 || timestamps[i - 1] !== timestamps[i]));
  return made(canonicalLabels(labels), values, timestamps, isPlain ? `${text}\n` : undefined);
}

/** What of a line is at other times than these; the line itself where all of it is. */
export function without(line: ImportLine, times: ReadonlySet<number> | undefined): ImportLine | undefined {
  if (!times) return line;
  const { values, timestamps } = JSON.parse(line.text) as Exported;
  const kept = timestamps.flatMap((time, i) => (times.has(time) ? [] : [i]));
  if (kept.length === timestamps.length) return line;
  return made(
    line.key,
    kept.map((i) => values[i]),
    kept.map((i) => timestamps[i] ?? 0),
  );
}

function made(
  key: string,
  allValues: readonly unknown[],
  allTimes: readonly number[],
  text?: string,
): ImportLine | undefined {
  const values: number[] = [];
  const times: number[] = [];
  const tally = { count: 0, sum: 0 };
  for (const [i, value] of allValues.entries()) {
    const time = allTimes[i];
    if (typeof value !== 'number' || time === undefined) continue;
    if (times.at(-1) === time) {
      // Of two values of one time the last and larger one counts, as where the server deduplicates.
      tally.sum += value - (values.at(-1) ?? 0);
      values[values.length - 1] = value;
      continue;
    }
    values.push(value);
    times.push(time);
    tally.count++;
    tally.sum += value;
  }
  const [firstMs, lastMs] = [times[0], times.at(-1)];
  if (firstMs === undefined || lastMs === undefined) return undefined;
  return {
    text: text ?? `{"metric":${key},"values":${JSON.stringify(values)},"timestamps":${JSON.stringify(times)}}\n`,
    key,
    hourMs: Math.floor(firstMs / HOUR_MS) * HOUR_MS,
    firstMs,
    lastMs,
    tally,
  };
}
