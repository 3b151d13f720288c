import { type Command, Option } from 'commander';
import { FORMAT_NAMES, type FormatName } from '../export/format-names.ts';
import { configOption, durationArgument, placeOf, stateDirOption } from './options.ts';
import { print } from './print.ts';
import { type RangeOptions, rangeOf, rangeOptions } from './range.ts';

interface ReadingsOptions extends RangeOptions {
  config: string;
  stateDir?: string;
  meter?: string;
  every?: number;
  format: FormatName;
}

const DEFAULT_LAST_MS = 5 * 60_000;
/** From here on roll-ups know what is asked for, also of times whose readings are gone. */
const ROLLED_UP_MS = 60_000;

export function addReadings(root: Command): void {
  const command = root.command('readings').description('print readings from the journal');
  for (const option of rangeOptions('5m')) command.addOption(option);
  command
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
      const { History } = await import('../history/history.ts');
      const { JournalReader } = await import('../journal/reader.ts');
      const range = { ...rangeOf(options, Date.now(), DEFAULT_LAST_MS), meter: options.meter };
      const { every } = options;
      const { stateDir } = await placeOf(options);
      const isRolledUp = every !== undefined && every % ROLLED_UP_MS === 0;
      const source = isRolledUp ? new History(stateDir) : new JournalReader(stateDir);
      try {
        const format = FORMATS[options.format];
        const names = columnsFor(source.names());
        const found = source instanceof History ? source.every(range, every ?? ROLLED_UP_MS) : source.each(range);
        let first = true;
        await print(format.head(names));
        for (const reading of every && !isRolledUp ? groupEvery(found, every) : found) {
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
