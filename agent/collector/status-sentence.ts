import type { ForwardingStatus } from '../forwarding/forward-status.ts';
import type { SinkStatus } from '../forwarding/sink-status.ts';
import type { CollectorStatus, MeterStatus } from './status.ts';

/** Later than this, or than so many intervals, a reading is said to be old. */
const FRESH_MS = 10_000;
/** A server that is further behind is said to be. */
const BEHIND_MS = 60_000;
/** The forwarding says how it is each second; later, it hangs or is not there. */
const SILENT_MS = 60_000;

/**
 * How the collector is, in one line for `systemctl status`: each meter's last reading, what was missed, servers that are
 * behind, and what is wrong. Times are UTC: asking for the local one costs a collector 8 MB (ICU).
 */
export function statusSentence(
  status: CollectorStatus,
  forwarding: ForwardingStatus | undefined,
  nowMs: number,
): string {
  const isSilent = forwarding !== undefined && nowMs - forwarding.updatedMs > SILENT_MS;
  const parts = [
    ...status.meters.map((meter) => meterText(meter, nowMs)),
    ...(forwarding?.sinks ?? []).map((sink) =>
      isSilent
        ? `${sink.name} is sent nothing since ${clockText(forwarding?.updatedMs ?? nowMs)}`
        : sinkText(sink, nowMs),
    ),
  ];
  const { journal, clock, reload } = status;
  if (journal?.problem) parts.push(`journal: ${journal.problem.message}, ${journal.pending} entries wait`);
  if (clock?.message) parts.push('readings are held until the time is known');
  if (reload?.problem !== undefined)
    parts.push('the changed configuration has mistakes, the one before stays in force');
  return parts.join('; ');
}

function meterText({ name, lastReading, lastGap, problem, gaps }: MeterStatus, nowMs: number): string {
  const missed = Object.entries(gaps).reduce((sum, [cause, count]) => (cause === 'stopped' ? sum : sum + count), 0);
  const tail = missed === 0 ? '' : `, ${missed} missed`;
  if (!lastReading) return `${name} not read yet: ${problem?.message ?? lastGap?.message ?? 'just started'}`;
  const { timeMs, values } = lastReading;
  // A gap that is newer than the last reading says why there is none.
  if (nowMs - timeMs > FRESH_MS && lastGap !== undefined && lastGap.timeMs > timeMs)
    return `${name} not read since ${clockText(timeMs)}: ${problem?.message ?? lastGap.message}${tail}`;
  const power = values.active_power;
  return `${name} ${power === undefined ? 'read' : `${Math.round(power)} W`} at ${clockText(timeMs)}${tail}`;
}

function sinkText({ name, problem, catchingUp, lastTimeMs }: SinkStatus, nowMs: number): string {
  if (problem) return `${name} waits: ${problem.message}`;
  const behindMs = catchingUp && lastTimeMs !== undefined ? nowMs - lastTimeMs : 0;
  return behindMs > BEHIND_MS ? `${name} ${Math.round(behindMs / 60_000)} min behind` : `${name} up to date`;
}

const clockText = (timeMs: number): string => `${new Date(timeMs).toISOString().slice(11, 19)} UTC`;
