import { quantityInfo, type Unit } from '../../readings/quantity.ts';
import type { Family, Labels } from './exposition.ts';

/** How a quantity of a meter is shown to Prometheus. */
export interface QuantityMetric {
  family: Omit<Family, 'samples'>;
  labels: Labels;
  /** Of the journal's unit to the metric's. */
  factor: number;
}

/**
 * Base units, as Prometheus has them (prometheus.io/docs/practices/naming): energy in joules, so that a rate of it is a power in
 * watts. A kilowatt hour is 3.6 million of them.
 */
const UNITS: Readonly<Record<Unit, { name: string; factor: number }>> = {
  Hz: { name: 'hertz', factor: 1 },
  V: { name: 'volts', factor: 1 },
  A: { name: 'amperes', factor: 1 },
  W: { name: 'watts', factor: 1 },
  var: { name: 'vars', factor: 1 },
  VA: { name: 'voltamperes', factor: 1 },
  '': { name: 'ratio', factor: 1 },
  '°': { name: 'degrees', factor: 1 },
  kWh: { name: 'joules', factor: 3_600_000 },
  kvarh: { name: 'var_seconds', factor: 3_600_000 },
  s: { name: 'seconds', factor: 1 },
};

/**
 * A part of a meter's whole has a metric of its own, because each sum over a metric has to mean something
 * (prometheus.io/docs/practices/naming): the whole beside its phases would count double.
 */
const PARTS: readonly { pattern: RegExp; prefix: string; label: string; help: string }[] = [
  { pattern: /_(l\d_l\d)$/, prefix: 'line_', label: 'between', help: 'between two phases' },
  { pattern: /_(l\d)$/, prefix: 'phase_', label: 'phase', help: 'of a phase' },
  { pattern: /_(t\d)$/, prefix: 'tariff_', label: 'tariff', help: 'of a tariff' },
];
/** What the collector measures itself. */
const OF_THE_SAMPLE = /^(?:start_offset|duration)$/;

const made = new Map<string, QuantityMetric | undefined>();

/** @returns undefined for what is no quantity of a meter */
export function quantityMetric(name: string): QuantityMetric | undefined {
  if (!made.has(name)) made.set(name, make(name));
  return made.get(name);
}

function make(name: string): QuantityMetric | undefined {
  const info = quantityInfo(name);
  if (!info) return undefined;
  const { name: unit, factor } = UNITS[info.unit];
  const part = PARTS.find(({ pattern }) => pattern.test(name));
  const whole = part ? name.replace(part.pattern, '') : name;
  const prefix = OF_THE_SAMPLE.test(name) ? 'sample_' : (part?.prefix ?? '');
  // 'voltage, phase 1' and its like: the label says which.
  const label = part ? `${(quantityInfo(whole)?.label ?? whole).replaceAll('_', ' ')} ${part.help}` : info.label;
  const labels: Record<string, string> = {};
  const value = part?.pattern.exec(name)?.[1];
  if (part && value !== undefined) labels[part.label] = value;
  const family = {
    name: `energy_meter_${prefix}${whole}_${unit}`,
    type: info.kind,
    unit,
    help: `${label[0]?.toUpperCase()}${label.slice(1)}, as the meter last gave it.`,
  };
  return { family, labels, factor };
}
