import { stringify } from 'yaml';
import { lineDefaults } from '../config/meter-defaults.ts';
import type { Evidence } from './evidence.ts';

const LONGEST_TIMEOUT_MS = 10_000;
const STEP_MS = 50;

/** For a meter that is slower than the collector waits: what it took at most and half of it again. */
export function responseTimeout({ measured }: Evidence): string | undefined {
  if (!measured?.latency || measured.late === 0) return undefined;
  const ms = Math.ceil((measured.latency.mostMs * 1.5) / STEP_MS) * STEP_MS;
  return `${Math.min(ms, LONGEST_TIMEOUT_MS)}ms`;
}

/** What a person says goes before what was recognised. */
const modelOf = ({ expected, recognised }: Evidence) => expected?.model ?? recognised?.candidates[0];

function connectionOf(evidence: Evidence): Record<string, unknown> {
  const { target, adapter, found } = evidence;
  const place =
    target.kind === 'serial'
      ? { serial: adapter?.stablePath ?? target.path }
      : { [target.kind]: `${target.host.includes(':') ? `[${target.host}]` : target.host}:${target.port}` };
  const timeout = responseTimeout(evidence);
  const defaults = lineDefaults(modelOf(evidence));
  // The settings of a line behind a gateway are the gateway's; only those that were tried are known.
  const settings = target.kind === 'serial' && found ? Object.entries(found.settings) : [];
  const different = settings.filter(([key, value]) => defaults[key as keyof typeof defaults] !== value);
  return { ...place, ...Object.fromEntries(different), ...(timeout === undefined ? {} : { responseTimeout: timeout }) };
}

/** A meter as the configuration has it, with what differs from its factory settings alone; undefined: none is known. */
export function meterEntry(evidence: Evidence, name: string): Record<string, unknown> | undefined {
  const model = modelOf(evidence);
  if (!evidence.found || !model) return undefined;
  const { unit } = evidence.found;
  return {
    name,
    model: evidence.expected?.modelName ?? model.name,
    ...(unit === model.serial.unit ? {} : { unit }),
    connection: connectionOf(evidence),
  };
}

/** The configuration of all meters that were found; undefined: none was. */
export function snippetOf(lines: readonly Evidence[]): string | undefined {
  const meters = lines.flatMap((evidence, i) => meterEntry(evidence, i === 0 ? 'house' : `meter-${i + 1}`) ?? []);
  return meters.length === 0 ? undefined : stringify({ meters });
}
