import type { MeterModel } from '../meters/model.ts';
import type { Models } from './models.ts';
import type { ConnectionConfig, GivenMeter, LineSettings, MeterConfig } from './schema.ts';

/** The factory setting of the WE-515 is 9600 8E1 (mbmd PR 129). */
const UNKNOWN_MODEL: LineSettings = { baudRate: 9600, parity: 'even', dataBits: 8, stopBits: 1 };

/** How a line is set where the configuration does not say: as the meter on it leaves the factory. */
export function lineDefaults(model: MeterModel | undefined): LineSettings {
  if (!model) return UNKNOWN_MODEL;
  const { baudRate, parity, stopBits } = model.serial;
  return { baudRate, parity, dataBits: 8, stopBits };
}

/** A meter with all that its model says where the configuration does not. */
export function completeMeter(given: GivenMeter, models: Models): MeterConfig {
  const found = models.find(given.model);
  const { model } = found;
  return {
    ...given,
    unit: given.unit ?? model?.serial.unit ?? 1,
    connection: completeConnection(given.connection, lineDefaults(model)),
    ...(model && found.isTable ? { table: model } : {}),
  };
}

function completeConnection(given: GivenMeter['connection'], defaults: LineSettings): ConnectionConfig {
  if ('tcp' in given) return given;
  const { baudRate, parity, dataBits, stopBits } = given;
  const said = Object.entries({ baudRate, parity, dataBits, stopBits }).filter(([, value]) => value !== undefined);
  return { ...given, ...defaults, ...(Object.fromEntries(said) as Partial<LineSettings>) };
}

/** The connection that options of a command line name; what they leave out is as the model leaves the factory. */
export function connectionOf(
  { port, tcp, rtuOverTcp, baud, parity }: ConnectionOptions,
  model: MeterModel,
): ConnectionConfig {
  if (tcp !== undefined) return { tcp };
  const defaults = lineDefaults(model);
  const line = { ...defaults, baudRate: baud ?? defaults.baudRate, parity: parity ?? defaults.parity };
  return rtuOverTcp === undefined ? { ...line, serial: port ?? '' } : { ...line, rtuOverTcp };
}

export interface ConnectionOptions {
  port?: string;
  tcp?: { host: string; port: number };
  rtuOverTcp?: { host: string; port: number };
  baud?: number;
  parity?: LineSettings['parity'];
}
