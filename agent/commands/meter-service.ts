import { type Command, Option } from 'commander';
import { chosenMeter, meterCommand, type TargetOptions } from './meter-target.ts';
import { wholeNumberArgument } from './options.ts';

const print = (text: string): void => void process.stdout.write(text);
const say = (text: string): void => void process.stderr.write(text);

/** Commands that talk to a meter. */
export function addMeterService(meter: Command): void {
  addRead(meter);
  addClock(meter);
  addTariffs(meter);
  addAddress(meter);
  addSerial(meter);
}

function addRead(meter: Command): void {
  meterCommand(meter, 'read', 'read all registers of a meter: as they came, and what they mean')
    .argument('[name]', 'of the meter in the configuration; not needed where there is one')
    .option('--json', 'as JSON')
    .action(async (name: string | undefined, options: TargetOptions & { json?: true }) => {
      const { readCommand } = await import('../service/commands.ts');
      const { target } = await chosenMeter(name, options);
      await readCommand(target, options.json === true, print);
    });
}

function addClock(meter: Command): void {
  meterCommand(meter, 'clock', "show a meter's clock beside this machine's, or set it")
    .argument('[name]', 'of the meter in the configuration; not needed where there is one')
    .option('--set', "set it to this machine's time, and read it back")
    .option('--force', 'with --set: also when nobody vouches for the clock of this machine')
    .option('--json', 'as JSON')
    .action(async (name: string | undefined, options: TargetOptions & { set?: true; force?: true; json?: true }) => {
      const { clockCommand } = await import('../service/commands.ts');
      const { clockDoubt } = await import('../system/clock-doubt.ts');
      const { systemZone, Zone } = await import('../system/zone.ts');
      const { target, timeZone } = await chosenMeter(name, options);
      await clockCommand(target, {
        set: options.set === true,
        isJson: options.json === true,
        // The answer can take seconds, and matters only where something is set.
        doubt: options.set && !options.force ? await clockDoubt() : undefined,
        zone: new Zone(timeZone ?? systemZone()),
        print,
      });
    });
}

interface TariffOptions extends TargetOptions {
  set?: string;
  dryRun?: true;
  dates?: 'binary' | 'bcd';
  yes?: true;
}

function addTariffs(meter: Command): void {
  meterCommand(meter, 'tariffs', "print a meter's tariff schedule as a file, or write such a file to the meter")
    .argument('[name]', 'of the meter in the configuration; not needed where there is one')
    .option('--set <file>', 'write this schedule: shows what changes, asks, writes, and reads back')
    .option('--dry-run', 'with --set: only show what would change')
    .option('--yes', 'with --set: do not ask')
    .addOption(
      new Option('--dates <way>', 'how the meter writes dates, where it does not tell').choices(['binary', 'bcd']),
    )
    .action(async (name: string | undefined, options: TariffOptions) => {
      const { loadTariffs } = await import('../config/tariff-file.ts');
      const { askAtTerminal } = await import('../service/confirm.ts');
      const { tariffCommand } = await import('../service/tariff-command.ts');
      const { tariffParts } = await import('../service/tariffs.ts');
      const { carryOn } = await import('../system/carry-on.ts');
      const { stopRequested } = await import('../system/stop-signal.ts');
      if (options.set !== undefined) carryOn();
      const { target } = await chosenMeter(name, options);
      const parts = tariffParts(target);
      await tariffCommand(target, {
        wanted: options.set === undefined ? undefined : loadTariffs(options.set, target.model.name, parts),
        isDryRun: options.dryRun === true,
        dates: options.dates,
        ask: options.yes ? undefined : askAtTerminal,
        print,
        say,
        stop: stopRequested,
      });
    });
}

function addAddress(meter: Command): void {
  meterCommand(meter, 'address', 'give a meter another Modbus address, and look for it there')
    .argument('<new>', 'address from 1 to 247', wholeNumberArgument(1, 247))
    .argument('[name]', 'of the meter in the configuration; not needed where there is one')
    .option('--yes', 'do not ask')
    .action(async (wanted: number, name: string | undefined, options: TargetOptions & { yes?: true }) => {
      const { addressCommand } = await import('../service/address-command.ts');
      const { askAtTerminal } = await import('../service/confirm.ts');
      const chosen = await chosenMeter(name, options);
      const ask = options.yes ? undefined : askAtTerminal;
      await addressCommand(chosen.target, wanted, { name: chosen.name, ask, print });
    });
}

interface SerialOptions extends TargetOptions {
  toBaud?: number;
  toParity?: 'none' | 'even' | 'odd';
  yes?: true;
}

function addSerial(meter: Command): void {
  meterCommand(meter, 'serial', 'give a meter another baud rate or parity, and look for it there')
    .argument('[name]', 'of the meter in the configuration; not needed where there is one')
    .option('--to-baud <n>', 'baud rate that it is to have', wholeNumberArgument(1200, 115_200))
    .addOption(new Option('--to-parity <name>', 'parity that it is to have').choices(['none', 'even', 'odd']))
    .option('--yes', 'do not ask')
    .action(async (name: string | undefined, options: SerialOptions) => {
      const { askAtTerminal } = await import('../service/confirm.ts');
      const { serialCommand } = await import('../service/serial-command.ts');
      const chosen = await chosenMeter(name, options);
      const ask = options.yes ? undefined : askAtTerminal;
      const wanted = { baudRate: options.toBaud, parity: options.toParity };
      await serialCommand(chosen.target, wanted, { name: chosen.name, ask, print });
    });
}
