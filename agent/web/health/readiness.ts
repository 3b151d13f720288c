import { readStatus } from '../../collector/status.ts';
import type { PageMeter } from '../options.ts';
import type { Place } from '../place.ts';

/** A sample may take 3 s, and the journal of a slow card holds up a message to this thread. */
const PATIENCE_MS = 10_000;
const PATIENCE_INTERVALS = 3;

type Looked = Pick<Place, 'feed' | 'meters' | 'runtimeDirectory' | 'nowMs'>;

/**
 * Why the collector does not do its work, each as a sentence; none where it does. It is at work while any meter has outcomes, readings
 * or gaps, and the journal takes them. Who may not see more is told no more than that.
 */
export function unreadyReasons({ feed, meters, runtimeDirectory, nowMs }: Looked): string[] {
  const reasons: string[] = [];
  const isServed = ({ name, intervalMs }: PageMeter) => {
    const one = feed.latestOf(name);
    const patienceMs = PATIENCE_INTERVALS * intervalMs + PATIENCE_MS;
    return one !== undefined && nowMs() - one.outcome.timeMs <= patienceMs;
  };
  if (!meters.some(isServed)) reasons.push('no meter is read');
  if (readStatus(runtimeDirectory)?.journal?.problem) reasons.push('the journal cannot be written');
  return reasons;
}
