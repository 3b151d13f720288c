import { interFrameMs, isSameWire, type Wire } from '../modbus/connection.ts';

/** What reading one meter takes of its line. */
export interface LineLoad {
  name: string;
  intervalMs: number;
  /** Line time of one sample. */
  needMs: number;
  wire: Wire;
}

/** A driver's time for other settings, guessed for a USB adapter: some control transfers of 1 ms each. */
const RETUNE_MS = 5;
/** The share of an interval that its loop gives a sample. */
const USABLE = 0.97;

/** The share of its time that a line is in use; above 1 it is over-full. */
export function usedShare(meters: readonly LineLoad[]): number {
  const settings: LineLoad[] = [];
  for (const meter of meters) if (!settings.some(({ wire }) => isSameWire(wire, meter.wire))) settings.push(meter);
  // Meters of the same settings are read next to each other: a round changes them as often as there are settings.
  const slowest = Math.max(...settings.map(({ wire }) => interFrameMs(wire)));
  const retuning = settings.length < 2 ? 0 : settings.length * (2 * slowest + RETUNE_MS);
  const shortest = Math.min(...meters.map(({ intervalMs }) => intervalMs));
  return (meters.reduce((sum, { needMs, intervalMs }) => sum + needMs / intervalMs, 0) + retuning / shortest) / USABLE;
}

/** A sentence for the log where a line cannot carry its meters; undefined where it can. */
export function overfullText(line: string, meters: readonly LineLoad[]): string | undefined {
  const share = usedShare(meters);
  if (meters.length === 0 || share <= 1) return undefined;
  const roundMs = meters.reduce((sum, { needMs }) => sum + needMs, 0);
  const each = meters.map(
    ({ name, needMs, intervalMs }) => `${name} ${needMs.toFixed(0)} ms each ${intervalMs / 1000} s`,
  );
  return (
    `${line} is over-full: one round of its meters takes ${(roundMs / 1000).toFixed(2)} s (${each.join(', ')}), ` +
    `${(share * 100).toFixed(0)} % of its time; about ${((1 - 1 / share) * 100).toFixed(0)} % of the readings will be missing`
  );
}

export const OVERFULL_HINT =
  'give meters a longer interval or fewer quantities, set meters and line to a higher baud rate, or use a second adapter';
