import { AgentError } from '../system/errors.ts';
import { holdersOf } from '../system/port-holder.ts';

/** A port that is held by another program: said with its holder, and with what to do. Any other error stays as it is. */
export function withHolder(port: string, error: unknown): unknown {
  if (!(error instanceof AgentError) || !/is held by another program/.test(error.message)) return error;
  const collects = ({ command }: { command: string | undefined }) => command === 'collect' || command === 'live';
  const holders = holdersOf(port);
  const holder = holders.find(collects) ?? holders[0];
  if (!holder) return error;
  const who = collects(holder) ? 'the collector' : holder.program;
  const hint = collects(holder)
    ? 'stop it for as long as this takes, and start it again: its readings have a gap meanwhile (sudo systemctl stop energy-monitor-collector)'
    : `end it, or wait for it: process ${holder.pid}`;
  const message = `serial port ${port} is held by ${who}, process ${holder.pid}`;
  return new AgentError('unavailable', message, { retryable: true, hint, cause: error });
}
