import { resolve } from 'node:path';
import { type Command, InvalidArgumentError, Option } from 'commander';
import { BAUD_RATES } from '../config/scalars.ts';
import type { Target } from '../doctor/evidence.ts';
import type { Visit } from '../doctor/targets.ts';
import { AgentError } from '../system/errors.ts';
import { refuseCollectorsLine } from './collectors-line.ts';
import { DEFAULT_CONFIG, durationArgument, wholeNumberArgument } from './options.ts';

interface Options {
  port?: string;
  tcp?: string;
  rtuOverTcp?: string;
  config?: string;
  unit?: number;
  baud?: number;
  parity?: 'none' | 'even' | 'odd';
  model?: string;
  measure: boolean;
  for: number;
  thorough?: true;
  write?: string;
  force?: true;
  json?: true;
}

const EXIT_CODES_HELP = `
Exit codes: 0 a meter answers and its line is good, or ended by Ctrl-C; 69 no adapter, no meter, or a fault of the line;
77 no permission for the port; 78 the configuration does not say what the meter is set to.

It only reads; nothing is written to a meter. Stop the collector first: a line has one master.
`;

const PLACES = ['port', 'tcp', 'rtuOverTcp', 'config'] as const;
/** What a configuration says itself. */
const SAID_BY_CONFIG = ['unit', 'baud', 'parity', 'model', 'write', 'force'] as const;

/** No other can stand in a configuration. */
function baudRateArgument(text: string): number {
  const rate = BAUD_RATES.find((one) => String(one) === text);
  if (rate === undefined) throw new InvalidArgumentError(`Use one of ${BAUD_RATES.join(', ')}.`);
  return rate;
}

export function addDoctor(root: Command): void {
  root
    .command('doctor')
    .description('find the adapter and the meter, measure the line, and say what is wrong and what to do')
    .option('--port <path>', 'this serial port, instead of every adapter that is there')
    .option('--tcp <host[:port]>', 'a Modbus TCP gateway (port 502)')
    .option('--rtu-over-tcp <host[:port]>', 'a transparent serial server (port 4001)')
    .option('-c, --config <file>', 'check the meters of this configuration, instead of searching')
    .option('--unit <n>', 'the Modbus address that the meter should have; tried first', wholeNumberArgument(1, 247))
    .option('--baud <n>', 'the baud rate that it should have; tried first', baudRateArgument)
    .addOption(new Option('--parity <name>', 'the parity that it should have').choices(['none', 'even', 'odd']))
    .option('--model <name>', 'the model, or a register table such as ./my-meter.yaml (default: recognised)')
    .option('--for <time>', 'how long to measure', durationArgument, 60_000)
    .option('--no-measure', 'only find the meter')
    .option('--thorough', 'try all units at all settings: about 20 minutes')
    .option('--write <file>', 'write a configuration with what was found')
    .option('--force', 'replace the file of --write')
    .option('--json', 'as JSON')
    .addHelpText('after', EXIT_CODES_HELP)
    .action(async (options: Options) => {
      const { runDoctor } = await import('../doctor/doctor.ts');
      const { stopRequested } = await import('../system/stop-signal.ts');
      refuseContradictions(options);
      const expected = await expectedBy(options);
      process.exitCode = await runDoctor(
        {
          visits: await visitsBy(options, expected),
          ...(expected ? { expected } : {}),
          measureMs: options.measure ? options.for : 0,
          isThorough: options.thorough,
          asJson: options.json,
          writeTo: options.write,
          mayReplace: options.force,
          out: process.stdout,
          screen: process.stderr,
        },
        stopRequested(),
      );
    });
}

function refuseContradictions(options: Options): void {
  const flag = (name: string) => `--${name.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)}`;
  const places = PLACES.filter((place) => options[place] !== undefined);
  if (places.length > 1) {
    throw new AgentError('usage', `${places.map(flag).join(' and ')} exclude each other`, { hint: 'name one of them' });
  }
  const said = SAID_BY_CONFIG.filter((name) => options.config !== undefined && options[name] !== undefined);
  if (said.length > 0) {
    throw new AgentError('usage', `${said.map(flag).join(' and ')} cannot stand beside --config`, {
      hint: 'with --config the meters of the file are checked; without, doctor looks for a meter',
    });
  }
}

async function expectedBy({ unit, baud, parity, model }: Options): Promise<Visit['expected']> {
  if ([unit, baud, parity, model].every((value) => value === undefined)) return undefined;
  const { isTablePath, resolveModel } = await import('../config/models.ts');
  const said = { by: 'command line', unit, baudRate: baud, parity } as const;
  if (model === undefined) return said;
  // A configuration looks for a table beside itself, wherever that will be.
  return { ...said, model: resolveModel(model), modelName: isTablePath(model) ? resolve(model) : model };
}

async function visitsBy(options: Options, expected: Visit['expected']): Promise<Visit[]> {
  if (options.config !== undefined) {
    const { loadConfig } = await import('../config/load.ts');
    const { visitsOf } = await import('../doctor/targets.ts');
    const visits = visitsOf(loadConfig(options.config));
    for (const { target } of visits) await refuseBesideCollector(target, options.config);
    return visits;
  }
  const target = await targetBy(options);
  if (target) await refuseBesideCollector(target, process.env.ENERGY_MONITOR_CONFIG ?? DEFAULT_CONFIG);
  return target ? [{ target, ...(expected ? { expected } : {}) }] : [];
}

/** A transparent gateway has no lock: two who ask through it take each other's answers. A serial port has one. */
async function refuseBesideCollector(target: Target, configFile: string): Promise<void> {
  if (target.kind !== 'rtuOverTcp') return;
  const { lineDefaults } = await import('../config/meter-defaults.ts');
  const { connectorFor } = await import('../collector/connectors.ts');
  const { host, port } = target;
  await refuseCollectorsLine(configFile, connectorFor({ rtuOverTcp: { host, port }, ...lineDefaults(undefined) }).name);
}

async function targetBy({ port, tcp, rtuOverTcp }: Options): Promise<Target | undefined> {
  if (port !== undefined) return { kind: 'serial', path: resolve(port) };
  const text = tcp ?? rtuOverTcp;
  if (text === undefined) return undefined;
  const { parseAddress } = await import('../config/scalars.ts');
  const { DEFAULT_PORTS } = await import('../config/schema.ts');
  const kind = tcp === undefined ? 'rtuOverTcp' : 'tcp';
  const address = parseAddress(text, DEFAULT_PORTS[kind]);
  if (!address) throw new AgentError('usage', `${text} is no address`, { hint: 'write a host, or host:port' });
  return { kind, ...address };
}
