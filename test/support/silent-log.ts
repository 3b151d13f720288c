import { createLogger, type Logger } from '../../agent/system/logging.ts';

export const silentLog: Logger = createLogger({ level: 'silent' });

/** A logger whose lines can be looked at. */
export function recordingLog(): { log: Logger; lines: Record<string, unknown>[] } {
  const lines: Record<string, unknown>[] = [];
  const write = (line: string) => void lines.push(JSON.parse(line) as Record<string, unknown>);
  return { log: createLogger({ level: 'debug', format: 'json', write }), lines };
}
