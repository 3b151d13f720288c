import { pino } from 'pino';
import { SECRET_KEYS, scrub } from './scrub.ts';

export type Logger = pino.Logger;

/** pino levels to syslog priorities as journald reads them from a `<N>` prefix (sd-daemon(3)). */
const PRIORITIES: Record<number, number> = { 10: 7, 20: 7, 30: 6, 40: 4, 50: 3, 60: 2 };

const LEVEL_NAMES: Record<number, string> = {
  10: 'trace',
  20: 'debug',
  30: 'info',
  40: 'warn',
  50: 'error',
  60: 'fatal',
};

/** Secrets are redacted wherever they stand in a log object, up to two levels deep. */
const REDACTED_PATHS = SECRET_KEYS.flatMap((key) => [key, `*.${key}`, `*.*.${key}`]);

export type LogFormat = 'journald' | 'terminal' | 'json';

export interface LoggingOptions {
  level?: string;
  format?: LogFormat;
  /** Where lines go; standard error by default, so that a command's output stays clean. */
  write?: (line: string) => void;
}

/** journald announces itself by JOURNAL_STREAM; a person sits at a terminal; all else gets JSON lines. */
export function detectFormat(env: NodeJS.ProcessEnv, isTerminal: boolean): LogFormat {
  if (env.JOURNAL_STREAM !== undefined && !isTerminal) return 'journald';
  return isTerminal ? 'terminal' : 'json';
}

function forTerminal(line: string): string {
  const { level, time, msg, ...rest } = JSON.parse(line) as { level: number; time: number; msg?: string };
  const clock = new Date(time).toTimeString().slice(0, 8);
  const details = Object.entries(rest).map(
    ([key, value]) => `${key}=${typeof value === 'string' ? value : JSON.stringify(value)}`,
  );
  return `${[clock, (LEVEL_NAMES[level] ?? String(level)).padEnd(5), msg ?? '', ...details].join(' ')}\n`;
}

function forJournald(line: string): string {
  const level = Number(/^\{"level":(\d+)/.exec(line)?.[1] ?? 30);
  return `<${PRIORITIES[level] ?? 6}>${line}`;
}

/** The agent's logger: JSON with journald priorities under systemd, readable on a terminal, secrets redacted everywhere. */
export function createLogger(options: LoggingOptions = {}): Logger {
  const format = options.format ?? detectFormat(process.env, process.stderr.isTTY === true);
  const write = options.write ?? ((line: string) => process.stderr.write(line));
  const shape = format === 'terminal' ? forTerminal : format === 'journald' ? forJournald : (line: string) => line;
  return pino(
    {
      level: options.level ?? process.env.ENERGY_MONITOR_LOG_LEVEL ?? 'info',
      base: null,
      redact: { paths: REDACTED_PATHS, censor: '***' },
    },
    { write: (line: string) => write(shape(scrub(line))) },
  );
}
