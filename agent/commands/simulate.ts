import { type Command, InvalidArgumentError, Option } from 'commander';
import { CASES } from '../simulator/case-names.ts';
import { FAULTS, type Fault, type FaultRates } from '../simulator/fault-names.ts';
import type { SimulatorOptions } from '../simulator/run.ts';
import { type PlannedFault, WRITE_FAULTS } from '../simulator/write-faults.ts';
import { modelOption, wholeNumberArgument } from './options.ts';

type SimulateOptions = Omit<SimulatorOptions, 'model' | 'faults' | 'baudRate' | 'turnaroundMs' | 'memoryPath'> & {
  model: string;
  fault: FaultRates;
  baud?: number;
  turnaround?: number;
  memory?: string;
  writeFault: PlannedFault[];
  clockAhead: number;
};

/** `lose-reply`, or `lose-reply@3` for the third write alone. */
function writeFaultArgument(text: string, before: PlannedFault[]): PlannedFault[] {
  const [name, at] = text.split('@');
  const fault = WRITE_FAULTS.find((one) => one === name);
  if (!fault || (at !== undefined && !/^[1-9]\d*$/.test(at))) {
    throw new InvalidArgumentError(`Write NAME or NAME@NUMBER; names are ${WRITE_FAULTS.join(', ')}.`);
  }
  return [...before, { fault, ...(at === undefined ? {} : { at: Number(at) }) }];
}

/** `late=0.1,crc=5%` added to what earlier --fault options gave; `all=0.1` means each. */
function faultArgument(text: string, before: FaultRates): FaultRates {
  const rates: FaultRates = { ...before };
  for (const part of text.split(',')) {
    const match = /^([a-z-]+)=(\d*\.?\d+)(%?)$/.exec(part.trim());
    const rate = Number(match?.[2]) / (match?.[3] === '%' ? 100 : 1);
    const names = match?.[1] === 'all' ? FAULTS : FAULTS.filter((fault) => fault === match?.[1]);
    if (names.length === 0 || !(rate >= 0 && rate <= 1)) {
      throw new InvalidArgumentError(
        `Write NAME=RATE with a rate from 0 to 1; names are ${FAULTS.join(', ')} and all.`,
      );
    }
    for (const name of names) rates[name as Fault] = rate;
  }
  return rates;
}

export function addSimulate(root: Command): void {
  root
    .command('simulate')
    .description(
      'run a virtual meter on a pseudo-terminal or a TCP port, with a household behind it and faults on the line',
    )
    .option('--link <path>', 'name of the pseudo-terminal (default: energy-meter in the temporary directory)')
    .option(
      '--tcp <port>',
      'Modbus TCP on this loopback port instead; 0 takes a free one',
      wholeNumberArgument(0, 65_535),
    )
    .option(
      '--rtu-over-tcp <port>',
      'RTU frames on this loopback port instead, as a serial server gives',
      wholeNumberArgument(0, 65_535),
    )
    .addOption(modelOption('meter to play'))
    .option('--unit <n>', "Modbus address (default: the model's)", wholeNumberArgument(1, 247))
    .option(
      '--seed <n>',
      'what happens in the household and on the line; the same seed repeats it',
      wholeNumberArgument(0, 2 ** 32 - 1),
      1,
    )
    .option(
      '--solar <watt>',
      'peak power of a photovoltaic system; the house then exports at noon',
      wholeNumberArgument(0, 30_000),
      0,
    )
    .option(
      '--fault <name=rate>',
      'chance of a fault for each reply, such as late=0.1,crc=5% or all=0.02; repeatable',
      faultArgument,
      {},
    )
    .addOption(
      new Option(
        '--case <name>',
        'a state of the line that doctor tells from the others; the meter is then strict',
      ).choices(CASES),
    )
    .option('--strict', 'answer only a reader whose baud rate and parity are those of the meter')
    .addOption(
      new Option('--parity <name>', "parity of the meter (default: the model's)").choices(['none', 'even', 'odd']),
    )
    .option('--baud <n>', "pace of the line; 0 answers at once (default: the model's)", wholeNumberArgument(0, 115_200))
    .option('--turnaround <ms>', 'time before a reply begins (default: 3.5 characters)', wholeNumberArgument(0, 10_000))
    .option('--memory <file>', 'where the meter keeps its counters when it is switched off')
    .option(
      '--write-fault <name@number>',
      `what goes wrong with a write, with each or with that one: ${WRITE_FAULTS.join(', ')}; repeatable`,
      writeFaultArgument,
      [],
    )
    .option('--clock-ahead <seconds>', 'how far its clock is ahead', Number, 0)
    .action(async (options: SimulateOptions) => {
      const { resolveModel } = await import('../config/models.ts');
      const { runSimulator } = await import('../simulator/run.ts');
      const { stopRequested } = await import('../system/stop-signal.ts');
      const model = resolveModel(options.model);
      await runSimulator(
        {
          ...options,
          model,
          turnaroundMs: options.turnaround,
          baudRate: options.baud,
          faults: options.fault,
          memoryPath: options.memory,
          writeFaults: options.writeFault,
          clockAheadMs: options.clockAhead * 1000,
        },
        stopRequested(),
      );
    });
}
