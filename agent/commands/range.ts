import { Option } from 'commander';
import { AgentError } from '../system/errors.ts';
import { durationArgument, timeArgument } from './options.ts';

/** `--last`, `--from` and `--to` of a command. */
export interface RangeOptions {
  last?: number | undefined;
  from?: number | undefined;
  to?: number | undefined;
}

/** @param byDefault what --last is without any of them, for a person; @param parse of the times */
export const rangeOptions = (byDefault: string, parse: (text: string) => unknown = timeArgument): Option[] => [
  new Option('--last <duration>', `the last 30s, 5m, 2h, 7d ... (default: ${byDefault})`).argParser(durationArgument),
  new Option(
    '--from <time>',
    'from this time on, such as "2026-11-21 12:00" (local) or 2026-11-21T11:00:00Z',
  ).argParser(parse),
  new Option('--to <time>', 'until before this time (default: now)').argParser(parse),
];

/** UTC ms; the end is excluded. @throws AgentError `usage` for options that contradict each other */
export function rangeOf(options: RangeOptions, nowMs: number, lastMs: number): { fromMs: number; toMs: number } {
  if (options.last !== undefined && (options.from !== undefined || options.to !== undefined)) {
    throw new AgentError('usage', '--last and --from/--to exclude each other; keep one');
  }
  const toMs = options.to ?? nowMs + 1;
  const fromMs = options.from ?? toMs - (options.last ?? lastMs);
  if (fromMs >= toMs) throw new AgentError('usage', '--from is not before --to; exchange them');
  return { fromMs, toMs };
}
