import type { CollectorStatus, MeterStatus } from './status.ts';

/** Later than this a reading is said to be old. */
const FRESH_MS = 5000;

/** How the collector is, in one line for `systemctl status`. */
export function statusSentence(status: CollectorStatus, nowMs: number): string {
  const parts = status.meters.map((meter) => meterText(meter, nowMs));
  const { journal, clock, reload } = status;
  if (journal?.problem) parts.push(`journal: ${journal.problem.message}, ${journal.pending} entries wait`);
  if (clock?.message) parts.push('readings are held until the time is known');
  if (reload?.problem !== undefined) parts.push('the changed configuration has mistakes: the one before is in force');
  return parts.join('; ');
}

function meterText({ name, lastReading, lastGap, problem, gaps }: MeterStatus, nowMs: number): string {
  const missed = Object.entries(gaps).reduce((sum, [cause, count]) => (cause === 'stopped' ? sum : sum + count), 0);
  const tail = missed === 0 ? '' : `, ${missed} missed`;
  if (!lastReading) return `${name} has no reading yet: ${problem?.message ?? lastGap?.message ?? 'just started'}`;
  const power = lastReading.values.active_power;
  const what = power === undefined ? 'is read' : `${Math.round(power)} W`;
  const oldMs = nowMs - lastReading.timeMs;
  // A gap that is newer than the last reading says why.
  const isSilent = oldMs > FRESH_MS && lastGap !== undefined && lastGap.timeMs > lastReading.timeMs;
  if (isSilent)
    return `${name} silent since ${clockText(lastReading.timeMs)}: ${problem?.message ?? lastGap.message}${tail}`;
  return `${name} ${what} at ${clockText(lastReading.timeMs)}${tail}`;
}

const clockText = (timeMs: number): string => new Date(timeMs).toTimeString().slice(0, 8);
