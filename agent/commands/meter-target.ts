import { type Command, InvalidArgumentError, Option } from 'commander';
import type { ConnectionConfig } from '../config/schema.ts';
import type { Target } from '../service/target.ts';
import { refuseCollectorsLine } from './collectors-line.ts';
import { configOption, modelOption, wholeNumberArgument } from './options.ts';

/** How a person says which meter is meant. */
export interface TargetOptions {
  config: string;
  port?: string;
  tcp?: { host: string; port: number };
  rtuOverTcp?: { host: string; port: number };
  model: string;
  unit?: number;
  baud?: number;
  parity?: 'none' | 'even' | 'odd';
}

export interface ChosenMeter {
  target: Target;
  /** Undefined: it was named by its port. */
  name: string | undefined;
  timeZone: string | undefined;
}

/** A command about one meter, of the configuration or by its port. */
export function meterCommand(meter: Command, name: string, description: string): Command {
  return meter
    .command(name)
    .description(description)
    .addOption(configOption())
    .option('--port <path>', 'serial port of a meter that is in no configuration, such as /dev/ttyUSB0')
    .addOption(addressOption('--tcp <host:port>', 'the same behind a Modbus TCP gateway', 502))
    .addOption(addressOption('--rtu-over-tcp <host:port>', 'the same behind a transparent serial server', 4001))
    .addOption(modelOption('its model'))
    .option('--unit <n>', "its Modbus address (default: the model's)", wholeNumberArgument(1, 247))
    .option('--baud <n>', "its baud rate (default: the model's)", wholeNumberArgument(1200, 115_200))
    .addOption(new Option('--parity <name>', "its parity (default: the model's)").choices(['none', 'even', 'odd']));
}

function addressOption(flags: string, description: string, defaultPort: number): Option {
  return new Option(flags, description).argParser((text) => {
    const match = /^([A-Za-z0-9._-]+)(?::(\d{1,5}))?$/.exec(text);
    if (!match?.[1]) throw new InvalidArgumentError(`Write host:port, such as 192.168.1.50:${defaultPort}.`);
    return { host: match[1], port: Number(match[2] ?? defaultPort) };
  });
}

/** The meter of the configuration with this name, or the one at the port. */
export async function chosenMeter(name: string | undefined, options: TargetOptions): Promise<ChosenMeter> {
  const { serviceTables } = await import('../meters/service/catalogue.ts');
  const { connectorFor } = await import('../collector/connectors.ts');
  const targetOf = (model: Target['model'], unit: number, connection: ConnectionConfig): Target => ({
    model,
    tables: serviceTables(model.name),
    unit,
    isSerial: 'serial' in connection,
    connect: (changed) => connectorFor('tcp' in connection ? connection : { ...connection, ...changed }),
    responseMs: connection.responseTimeout,
  });
  if (options.port !== undefined || options.tcp !== undefined || options.rtuOverTcp !== undefined) {
    const { resolveModel } = await import('../config/models.ts');
    const { connectionOf } = await import('../config/meter-defaults.ts');
    const model = resolveModel(options.model);
    const target = targetOf(model, options.unit ?? model.serial.unit, connectionOf(options, model));
    if (options.rtuOverTcp !== undefined) await refuseCollectorsLine(options.config, target.connect().name);
    return { target, name: undefined, timeZone: undefined };
  }
  const { loadConfig } = await import('../config/load.ts');
  const { chooseMeter } = await import('../config/meter-choice.ts');
  const { meterModel } = await import('../config/meter-model.ts');
  const { refuseSharedLine } = await import('../collector/line-holder.ts');
  const config = loadConfig(options.config);
  const meter = chooseMeter(config, name);
  const target = targetOf(meterModel(meter), meter.unit, meter.connection);
  if (!('tcp' in meter.connection)) refuseSharedLine(config.stateDir, target.connect().name);
  return { target, name: meter.name, timeZone: config.timeZone };
}
