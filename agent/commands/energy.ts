import { type Command, Option } from 'commander';
import { FORMAT_NAMES, type FormatName } from '../export/format-names.ts';
import type { Zone } from '../system/zone.ts';
import { configOption, placeOf, stateDirOption, timeInZoneArgument } from './options.ts';
import { print } from './print.ts';
import { rangeOf, rangeOptions } from './range.ts';

const LENGTHS = ['hour', 'day', 'month'] as const;
type Length = (typeof LENGTHS)[number];

interface EnergyOptions {
  last?: number;
  from?: (zone: Zone) => number;
  to?: (zone: Zone) => number;
  config: string;
  stateDir?: string;
  by: Length;
  meter?: string;
  format: FormatName;
}

const DAY_MS = 86_400_000;
const DEFAULT_LAST_MS: Readonly<Record<Length, number>> = { hour: DAY_MS, day: 31 * DAY_MS, month: 365 * DAY_MS };

export function addEnergy(root: Command): void {
  const command = root
    .command('energy')
    .description('print what was consumed in each hour, day or month, by the meters’ own counters');
  command.addOption(new Option('--by <length>', 'of what').choices(LENGTHS).default('day'));
  for (const option of rangeOptions('24 hours, 31 days or a year', timeInZoneArgument)) command.addOption(option);
  command
    .option('--meter <name>', 'of this meter only')
    .addOption(new Option('--format <name>', 'how to print').choices(FORMAT_NAMES).default('table'))
    .addOption(configOption())
    .addOption(stateDirOption())
    .addHelpText(
      'after',
      `
Hours, days and months that the time touches are shown as a whole, in the timeZone of the configuration; a day on
which clocks are changed has 23 or 25 hours. ~ is partly estimated: nothing was read for a while, and what the meter
counted meanwhile is spread evenly over that time. ! the counter was reset, or the meter replaced.`,
    )
    .action(async (options: EnergyOptions) => {
      const { energyText } = await import('../export/energy.ts');
      const { History } = await import('../history/history.ts');
      const { last, from, to, by, meter } = options;
      const { stateDir, timeZone } = await placeOf(options);
      const history = new History(stateDir, timeZone);
      try {
        const given = { last, from: from?.(history.zone), to: to?.(history.zone) };
        const meters = history.energy({ ...rangeOf(given, Date.now(), DEFAULT_LAST_MS[by]), meter }, by);
        for (const piece of energyText(meters, options.by, history.zone, options.format)) await print(piece);
      } finally {
        history.close();
      }
    });
}
