import { AgentError } from '../system/errors.ts';
import { gatherStatus } from './status-report.ts';

/**
 * A serial port has a lock of the kernel's, a transparent gateway has none: two who ask through it take each other's answers.
 * @throws AgentError when the collector of this state directory reads on the line
 */
export function refuseSharedLine(stateDir: string, line: string): void {
  const collector = collectorOf(stateDir);
  if (!collector?.meters.some((meter) => meter.line === line)) return;
  throw new AgentError('unavailable', `${line} is held by the collector, process ${collector.pid}`, {
    retryable: true,
    hint: 'stop it for as long as this takes, and start it again: its readings have a gap meanwhile (sudo systemctl stop energy-monitor)',
  });
}

function collectorOf(stateDir: string) {
  try {
    const { running, collector } = gatherStatus(stateDir);
    return running ? collector : undefined;
  } catch (error) {
    // No journal: no collector.
    if (error instanceof AgentError) return undefined;
    throw error;
  }
}
