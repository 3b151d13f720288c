import { type Command, Option } from 'commander';
import { FORMAT_NAMES, type FormatName } from '../export/format-names.ts';
import { AgentError } from '../system/errors.ts';
import { configOption, durationArgument, stateDirOf, stateDirOption, timeArgument } from './options.ts';

interface ReadingsOptions {
  config: string;
  stateDir?: string;
  last?: number;
  from?: number;
  to?: number;
  meter?: string;
  every?: number;
  format: FormatName;
}

const DEFAULT_LAST_MS = 5 * 60_000;

export function addReadings(root: Command): void {
  root
    .command('readings')
    .description('print readings from the journal')
    .option('--last <duration>', 'the last 30s, 5m, 2h, 7d ... (default: 5m)', durationArgument)
    .option(
      '--from <time>',
      'from this time on, such as "2026-11-21 12:00" (local) or 2026-11-21T11:00:00Z',
      timeArgument,
    )
    .option('--to <time>', 'until before this time (default: now)', timeArgument)
    .option('--meter <name>', 'of this meter only')
    .option(
      '--every <duration>',
      'one row for each 1m, 15m, 1h ...: means, the last value of counters, flags that were set',
      durationArgument,
    )
    .addOption(new Option('--format <name>', 'how to print').choices(FORMAT_NAMES).default('table'))
    .addOption(configOption())
    .addOption(stateDirOption())
    .action(async (options: ReadingsOptions) => {
      const { columnsFor } = await import('../export/columns.ts');
      const { groupEvery } = await import('../export/every.ts');
      const { FORMATS } = await import('../export/formats.ts');
      const { JournalReader } = await import('../journal/reader.ts');
      const range = rangeOf(options, Date.now());
      const reader = new JournalReader(await stateDirOf(options));
      try {
        const format = FORMATS[options.format];
        const names = columnsFor(reader.names());
        const readings = reader.each({ ...range, meter: options.meter });
        let first = true;
        await print(format.head(names));
        for (const reading of options.every ? groupEvery(readings, options.every) : readings) {
          await print(format.row(reading, names, first));
          first = false;
        }
        await print(format.tail(first));
        if (reader.damaged > 0) {
          process.stderr.write(
            `energy-monitor: ${reader.damaged} readings of this time are damaged and left out\n` +
              '  energy-monitor journal check names them; a backup may have them (restore --merge)\n',
          );
        }
      } finally {
        reader.close();
      }
    });
}

function rangeOf(options: ReadingsOptions, nowMs: number): { fromMs: number; toMs: number } {
  if (options.last !== undefined && (options.from !== undefined || options.to !== undefined)) {
    throw new AgentError('usage', '--last and --from/--to exclude each other; keep one');
  }
  const toMs = options.to ?? nowMs + 1;
  const fromMs = options.from ?? toMs - (options.last ?? DEFAULT_LAST_MS);
  if (fromMs >= toMs) throw new AgentError('usage', '--from is not before --to; exchange them');
  return { fromMs, toMs };
}

/** Waits for a slow reader of our output instead of piling it up. */
function print(text: string): Promise<void> | undefined {
  if (text === '' || process.stdout.write(text)) return undefined;
  return new Promise((resolve) => process.stdout.once('drain', () => resolve()));
}
