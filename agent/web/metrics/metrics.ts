import { freshStatus } from '../../collector/status.ts';
import type { Place } from '../place.ts';
import { agentMetrics } from './agent.ts';
import { backupMetrics } from './backups.ts';
import { exposition, Families, type Format } from './exposition.ts';
import { meterMetrics } from './meters.ts';
import { processMetrics } from './process.ts';

/** All that Prometheus gets. Status files and what this thread knows: the journal is not opened, so that it costs about a millisecond. */
export function metricsText(place: Place, format: Format): string {
  const families = new Families();
  const collector = freshStatus(place.runtimeDirectory, place.nowMs());
  meterMetrics(families, place, collector);
  agentMetrics(families, place, collector);
  backupMetrics(families, place.stateDir);
  processMetrics(families);
  return exposition(families.all(), format);
}
