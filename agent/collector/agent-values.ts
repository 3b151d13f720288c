import { statSync } from 'node:fs';
import { readForwardingStatus } from '../forwarding/forward-status.ts';
import { journalPath } from '../journal/database.ts';
import { timeOfKey } from '../journal/keys.ts';
import { readOnce } from '../journal/reader.ts';
import { GAP_CAUSES, type Values } from '../readings/reading.ts';
import { AGENT } from './agent-names.ts';
import { freshStatus } from './status.ts';

/**
 * What the running collector and its forwarding last said of themselves; what is not known is absent.
 * @throws AgentError when there is no journal
 */
export function agentValues(stateDir: string, nowMs = Date.now()): Values {
  const size = (path: string) => statSync(path, { throwIfNoEntry: false })?.size ?? 0;
  const path = journalPath(stateDir);
  const values: Values = { [AGENT.journal]: size(path) + size(`${path}-wal`) };
  const directory = readOnce(stateDir, (reader) => reader.runtimeDirectory());
  const status = directory === undefined ? undefined : freshStatus(directory, nowMs);
  if (directory === undefined || !status) return values;
  values[AGENT.uptime] = (status.updatedMs - status.startedMs) / 1000;
  for (const cause of GAP_CAUSES) {
    values[`${AGENT.gaps}${cause}`] = status.meters.reduce((sum, { gaps }) => sum + (gaps[cause] ?? 0), 0);
  }
  const newest = Math.max(...status.meters.map(({ lastReading }) => lastReading?.timeMs ?? Number.NEGATIVE_INFINITY));
  // Where it stands in the journal, not what it sent last: that is unknown until it sends, and may be a reading that came late.
  const taken = (readForwardingStatus(directory)?.sinks ?? []).flatMap(({ name, position }) =>
    position.key === 0 || name.endsWith('/host') ? [] : [timeOfKey(position.key)],
  );
  if (taken.length > 0 && Number.isFinite(newest)) {
    values[AGENT.lag] = Math.max(0, newest - Math.min(...taken)) / 1000;
  }
  return values;
}
