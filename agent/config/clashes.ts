import { backupClashes, type Clash } from './backup-clashes.ts';
import { parseAddress } from './scalars.ts';
import { DEFAULT_PORTS, LINE_DEFAULTS } from './schema.ts';

/** Mistakes that lie between two entries; looked for in the raw content, so that they show beside all the others. */
export function findClashes(content: unknown): Clash[] {
  const meters = isRecord(content) && Array.isArray(content.meters) ? (content.meters as unknown[]) : [];
  const clashes: Clash[] = [];
  const names = new Map<unknown, number>();
  const addresses = new Map<string, number>();
  const lines = new Map<string, { connection: Record<string, unknown>; index: number }>();
  meters.forEach((meter, i) => {
    if (!isRecord(meter)) return;
    const first = names.get(meter.name);
    if (typeof meter.name === 'string' && first !== undefined) {
      clashes.push({
        path: ['meters', i, 'name'],
        message: `is ${JSON.stringify(meter.name)}, as is meters[${first}]; give each meter a name of its own`,
      });
    } else names.set(meter.name, i);
    const line = lineOf(meter.connection);
    if (line === undefined) return;
    const connection = meter.connection as Record<string, unknown>;
    const shared = lines.get(line);
    const message = shared && connectionClash(line, connection, shared);
    if (message !== undefined) clashes.push({ path: ['meters', i, 'connection'], message });
    if (shared === undefined) lines.set(line, { connection, index: i });
    const unit = meter.unit ?? 1;
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
  const { influxdb, backup }: Record<string, unknown> = isRecord(content) ? content : {};
  return [...clashes, ...sinkClashes(influxdb), ...backupClashes(backup, sinkNames(influxdb))];
}

/** What one gateway cannot be at once. A serial port is given other settings from meter to meter; a serial server is not. */
function connectionClash(
  line: string,
  given: Record<string, unknown>,
  shared: { connection: Record<string, unknown>; index: number },
): string | undefined {
  if ('serial' in given) return undefined;
  if ('tcp' in given !== 'tcp' in shared.connection)
    return `${line} is ${'tcp' in given ? 'rtuOverTcp' : 'tcp'} in meters[${shared.index}]; write the same for all meters on a line`;
  const settings = (from: Record<string, unknown>) =>
    JSON.stringify(Object.entries(LINE_DEFAULTS).map(([key, usual]) => from[key] ?? usual));
  if (settings(given) === settings(shared.connection)) return undefined;
  return `${line} has other settings in meters[${shared.index}]; write those of the serial server for all its meters`;
}

function sinkNames(influxdb: unknown): unknown[] {
  const entries: unknown[] = influxdb === undefined ? [] : [influxdb].flat();
  return entries.map((entry) => (isRecord(entry) ? (entry.name ?? 'influxdb') : undefined));
}

function sinkClashes(influxdb: unknown): Clash[] {
  const clashes: Clash[] = [];
  const names = new Map<unknown, number>();
  const entries: unknown[] = Array.isArray(influxdb) ? influxdb : [influxdb];
  entries.forEach((entry, i) => {
    if (!isRecord(entry)) return;
    const at: PropertyKey[] = Array.isArray(influxdb) ? ['influxdb', i] : ['influxdb'];
    const name = entry.name ?? 'influxdb';
    const first = names.get(name);
    if (first !== undefined) {
      clashes.push({
        path: [...at, ...('name' in entry ? ['name'] : [])],
        message: `is named ${JSON.stringify(name)}, as is influxdb[${first}]; give each server a name of its own`,
      });
    } else names.set(name, i);
    if (entry.token !== undefined && entry.tokenFile !== undefined) {
      clashes.push({ path: [...at, 'token'], message: 'stands beside tokenFile; keep one of both' });
    }
  });
  return clashes;
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
