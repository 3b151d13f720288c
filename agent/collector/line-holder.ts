import { AgentError } from '../system/errors.ts';
import { gatherStatus } from './status-report.ts';

/**
 * A transparent gateway has no lock: two who ask through it take each other's answers. A serial port has one of the kernel's,
 * but who holds it only root may see, and a collector that waits for the port would take it in between.
 * @throws AgentError when the collector of this state directory reads on the line
 */
export function refuseSharedLine(stateDir: string, line: string): void {
  const collector = collectorOf(stateDir);
  if (!collector?.meters.some((meter) => meter.line === line)) return;
  throw new AgentError('unavailable', `${line} is held by the collector, process ${collector.pid}`, {
    retryable: true,
    hint: 'stop it for as long as this takes, and start it again: its readings have a gap meanwhile (sudo systemctl stop energy-monitor-collector)',
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
