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

interface LogLine {
  level: number;
  time: number;
  msg?: string;
  [detail: string]: unknown;
}

/** What happened, then its details; on one line, as a newline would begin another entry. */
function sentence({ level: _, time: __, msg = '', ...details }: LogLine): string {
  const shown = (value: unknown) => (typeof value === 'string' ? value : JSON.stringify(value));
  const pairs = Object.entries(details).map(([key, value]) => `${key}=${shown(value)}`);
  return [msg, ...pairs].join(' ').replaceAll(/\s*\n\s*/g, ' ');
}

function forTerminal(text: string): string {
  const line = JSON.parse(text) as LogLine;
  const clock = new Date(line.time).toTimeString().slice(0, 8);
  return `${clock} ${(LEVEL_NAMES[line.level] ?? String(line.level)).padEnd(5)} ${sentence(line)}\n`;
}

/** journald has the time, and takes the priority from the prefix. */
function forJournald(text: string): string {
  const line = JSON.parse(text) as LogLine;
  return `<${PRIORITIES[line.level] ?? 6}>${sentence(line)}\n`;
}

/** The agent's logger: sentences with priorities for journald and on a terminal, else JSON; secrets redacted everywhere. */
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
