import { type Command, InvalidArgumentError, Option } from 'commander';
import { FORMAT_NAMES, type FormatName } from '../export/format-names.ts';
import { configOption, durationArgument, placeOf, stateDirOption } from './options.ts';
import { print } from './print.ts';
import { type RangeOptions, rangeOf, rangeOptions } from './range.ts';

interface ReadingsOptions extends RangeOptions {
  config: string;
  stateDir?: string;
  meter?: string;
  /** ms, or a period of the zone. */
  every?: number | 'day' | 'month';
  format: FormatName;
}

const DAY_MS = 86_400_000;
/** Without any range. */
const DEFAULT_LAST_MS = { day: 31 * DAY_MS, month: 366 * DAY_MS, other: 5 * 60_000 };
/** From here on roll-ups know what is asked for, also of times whose readings are gone. */
const ROLLED_UP_MS = 60_000;

/** A day of UTC is nobody's day: from there on they are those of the zone. */
function everyArgument(text: string): number | 'day' | 'month' {
  if (text === 'month' || text === 'day') return text;
  const ms = durationArgument(text);
  if (ms === DAY_MS) return 'day';
  if (ms > DAY_MS) throw new InvalidArgumentError('Write a duration of up to a day such as 15m or 1h, day, or month.');
  return ms;
}

export function addReadings(root: Command): void {
  const command = root.command('readings').description('print readings from the journal');
  for (const option of rangeOptions('5m; of days 31d, of months 366d')) command.addOption(option);
  command
    .option('--meter <name>', 'of this meter only')
    .option(
      '--every <duration>',
      'one row for each 1m, 15m, 1h ..., day or month: means, the last value of counters, flags that were set',
      everyArgument,
    )
    .addOption(new Option('--format <name>', 'how to print').choices(FORMAT_NAMES).default('table'))
    .addOption(configOption())
    .addOption(stateDirOption())
    .action(async (options: ReadingsOptions) => {
      const { columnsFor } = await import('../export/columns.ts');
      const { groupEvery } = await import('../export/every.ts');
      const { FORMATS } = await import('../export/formats.ts');
      const { History } = await import('../history/history.ts');
      const { JournalReader } = await import('../journal/reader.ts');
      const { every } = options;
      const byDefaultMs = DEFAULT_LAST_MS[typeof every === 'string' ? every : 'other'];
      const range = { ...rangeOf(options, Date.now(), byDefaultMs), meter: options.meter };
      const { stateDir, timeZone } = await placeOf(options);
      const isRolledUp = typeof every === 'string' || (every !== undefined && every % ROLLED_UP_MS === 0);
      const source = isRolledUp ? new History(stateDir, timeZone) : new JournalReader(stateDir);
      try {
        const format = FORMATS[options.format];
        const names = columnsFor(source.names());
        const found = () => {
          if (source instanceof JournalReader) {
            const each = source.each(range);
            return typeof every === 'number' ? groupEvery(each, every) : each;
          }
          return typeof every === 'string'
            ? source.everyPeriod(range, every)
            : source.every(range, every ?? ROLLED_UP_MS);
        };
        let first = true;
        await print(format.head(names));
        for (const reading of found()) {
          await print(format.row(reading, names, first));
          first = false;
        }
        await print(format.tail(first));
        const damaged = source instanceof JournalReader ? source.damaged : 0;
        if (damaged > 0) {
          process.stderr.write(
            `energy-monitor: ${damaged} readings of this time are damaged and left out\n` +
              '  energy-monitor journal check names them; a backup may have them (restore --merge)\n',
          );
        }
      } finally {
        source.close();
      }
    });
}
