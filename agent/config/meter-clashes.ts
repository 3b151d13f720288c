import { realpathSync } from 'node:fs';
import { INTERVAL_GROUPS, meantBy } from '../meters/intervals.ts';
import type { MeterModel } from '../meters/model.ts';
import { serviceTables } from '../meters/service/catalogue.ts';
import { METER_QUANTITIES } from '../readings/quantity.ts';
import type { Clash } from './backup-clashes.ts';
import { lineDefaults } from './meter-defaults.ts';
import type { Models } from './models.ts';
import { parseAddress, parseDuration } from './scalars.ts';
import { DEFAULT_INTERVAL_MS, DEFAULT_PORTS } from './schema.ts';
import { meantOr } from './suggestion.ts';

/** Mistakes that lie between two meters, or between a meter and its model. */
export function meterClashes(given: unknown, models: Models): Clash[] {
  const clashes: Clash[] = [];
  const names = new Map<unknown, number>();
  const addresses = new Map<string, number>();
  const lines = new Map<string, SharedLine>();
  const ports = new Map<string, { line: string; index: number }>();
  const tables = new Map<string, unknown>();
  (Array.isArray(given) ? (given as unknown[]) : []).forEach((meter, i) => {
    if (!isRecord(meter)) return;
    const first = names.get(meter.name);
    if (typeof meter.name === 'string' && first !== undefined) {
      clashes.push({
        path: ['meters', i, 'name'],
        message: `is ${JSON.stringify(meter.name)}, as is meters[${first}]; give each meter a name of its own`,
      });
    } else names.set(meter.name, i);
    const found = models.find(meter.model);
    if (found.model === undefined && found.message !== undefined) {
      clashes.push({ path: ['meters', i, 'model'], message: `is ${JSON.stringify(meter.model)}; ${found.message}` });
    }
    if (found.model && found.isTable) {
      const { name } = found.model;
      const other = tables.get(name) ?? meter.model;
      tables.set(name, other);
      // Readings carry the name: two tables of one name would be one series.
      if (models.find(other).model !== found.model) {
        const message = `is ${JSON.stringify(meter.model)}, which is named ${name}, as is ${String(other)}; give each table a name of its own`;
        clashes.push({ path: ['meters', i, 'model'], message });
      }
    }
    clashes.push(...intervalClashes(meter, ['meters', i, 'intervals'], models));
    if (meter.clockSync === 'daily' && found.model && !isClockSet(found.model.name)) {
      const message = `a ${found.model.name} has no clock that is known well enough to be set; remove it`;
      clashes.push({ path: ['meters', i, 'clockSync'], message });
    }
    const line = lineOf(meter.connection);
    if (line === undefined) return;
    const connection = meter.connection as Record<string, unknown>;
    const device = 'serial' in connection ? deviceOf(line) : undefined;
    const known = device === undefined ? undefined : ports.get(device);
    if (known && known.line !== line) {
      const message = `${line} is the port of meters[${known.index}] by another name; write ${known.line} for both, as one line`;
      clashes.push({ path: ['meters', i, 'connection'], message });
    } else if (device !== undefined && !known) ports.set(device, { line, index: i });
    const shared = lines.get(line);
    const said: SharedLine = { connection, settings: settingsOf(connection, found.model), index: i };
    const message = shared && found.model && lineClash(line, said, shared);
    if (message !== undefined) clashes.push({ path: ['meters', i, 'connection'], message });
    if (shared === undefined && found.model) lines.set(line, said);
    const unit = meter.unit ?? found.model?.serial.unit ?? 1;
    const address = JSON.stringify([line, unit]);
    const other = addresses.get(address);
    if (other !== undefined) {
      const path = ['meters', i, 'unit' in meter ? 'unit' : 'connection'];
      clashes.push({
        path,
        message: `unit ${String(unit)} on ${line} is meters[${other}] already; give each meter on a line a unit of its own`,
      });
    } else addresses.set(address, i);
  });
  return clashes;
}

function isClockSet(model: string): boolean {
  const { clock } = serviceTables(model);
  return clock !== undefined && clock.readOnly === undefined;
}

/** A line as the first meter on it has it. */
interface SharedLine {
  connection: Record<string, unknown>;
  settings: string;
  index: number;
}

function settingsOf(connection: Record<string, unknown>, model: MeterModel | undefined): string {
  return JSON.stringify(Object.entries(lineDefaults(model)).map(([key, usual]) => connection[key] ?? usual));
}

/** What one gateway cannot be at once. A serial port is given other settings from meter to meter; a serial server is not. */
function lineClash(line: string, given: SharedLine, shared: SharedLine): string | undefined {
  if ('serial' in given.connection) return undefined;
  const [isTcp, wasTcp] = ['tcp' in given.connection, 'tcp' in shared.connection];
  if (isTcp !== wasTcp)
    return `${line} is ${wasTcp ? 'tcp' : 'rtuOverTcp'} in meters[${shared.index}]; write the same for all meters on a line`;
  if (isTcp || given.settings === shared.settings) return undefined;
  return `${line} has other settings in meters[${shared.index}]; write those of the serial server for all its meters`;
}

function intervalClashes(meter: Record<string, unknown>, path: PropertyKey[], models: Models): Clash[] {
  const { interval, intervals } = meter;
  if (!isRecord(intervals)) return [];
  const known = [...INTERVAL_GROUPS, ...METER_QUANTITIES];
  const eachMs = interval === undefined ? DEFAULT_INTERVAL_MS : parseDuration(String(interval));
  const { model } = models.find(meter.model);
  const clashes = Object.entries(intervals).flatMap(([name, text]): Clash[] => {
    const at = [...path, name];
    if (!known.includes(name)) {
      const remedy = meantOr(`use ${INTERVAL_GROUPS.join(', ')} or the name of a quantity`, name, known);
      return [{ path: at, message: `unknown quantity; ${remedy}` }];
    }
    if (model && meantBy(name, model).length === 0) {
      return [{ path: at, message: `${model.name} has none of it; energy-monitor meter describe shows what it has` }];
    }
    const ms = typeof text === 'string' ? parseDuration(text) : undefined;
    if (ms === undefined || eachMs === undefined || ms % eachMs === 0) return [];
    return [
      { path: at, message: `is ${JSON.stringify(text)}; use a whole multiple of the meter's interval, ${eachMs} ms` },
    ];
  });
  if (clashes.length > 0 || !model || eachMs === undefined) return clashes;
  const slow = new Set(Object.keys(intervals).flatMap((name) => meantBy(name, model)));
  if (model.fields.some(({ quantity }) => !slow.has(quantity))) return [];
  return [
    { path, message: `leave nothing to be read each ${eachMs} ms; write a longer interval for the meter instead` },
  ];
}

/** The port behind a name such as those of /dev/serial/by-id; undefined while it is not there. */
function deviceOf(path: string): string | undefined {
  try {
    return realpathSync(path);
  } catch {
    return undefined;
  }
}

function lineOf(connection: unknown): string | undefined {
  if (!isRecord(connection)) return undefined;
  const { serial, tcp, rtuOverTcp } = connection;
  if (typeof serial === 'string') return serial;
  const [text, port] = typeof tcp === 'string' ? [tcp, DEFAULT_PORTS.tcp] : [rtuOverTcp, DEFAULT_PORTS.rtuOverTcp];
  const target = typeof text === 'string' ? parseAddress(text, port) : undefined;
  return target && `${target.host}:${target.port}`;
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
