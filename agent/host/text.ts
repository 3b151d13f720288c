import { quantityKind } from '../readings/quantity.ts';
import type { Reading } from '../readings/reading.ts';

const GIB = 2 ** 30;
const MIB = 2 ** 20;

/** For a person: one line a value, in the units that people use. */
export function hostText({ series, timeMs, values }: Reading): string {
  const names = Object.keys(values);
  const width = Math.max(0, ...names.map((name) => withoutUnit(name).length)) + 2;
  const lines = names.map((name) => `${withoutUnit(name).padEnd(width)}${shown(name, values[name] ?? 0)}`);
  const machine = series.model === '' ? series.meter : `${series.meter}, ${series.model}`;
  return `${machine}, ${new Date(timeMs).toISOString()}\n${lines.join('\n')}\n`;
}

/** For a program. */
export function hostJson({ series, timeMs, values }: Reading): string {
  const report = { time: new Date(timeMs).toISOString(), host: series.meter, model: series.model, values };
  return `${JSON.stringify(report, undefined, 2)}\n`;
}

const withoutUnit = (name: string) =>
  name.replace(/_(?:percent|celsius|hertz|bytes|seconds)$/, '').replaceAll('_', ' ');

function shown(name: string, value: number): string {
  if (name.endsWith('_percent')) return `${value.toFixed(1)} %`;
  if (name.endsWith('_celsius')) return `${value.toFixed(1)} °C`;
  if (name.endsWith('_hertz')) return `${Math.round(value / 1e6)} MHz`;
  if (name.endsWith('_bytes'))
    return value >= GIB ? `${(value / GIB).toFixed(2)} GiB` : `${(value / MIB).toFixed(1)} MiB`;
  if (name.endsWith('_seconds')) return `${Math.floor(value / 86_400)} d ${Math.floor((value % 86_400) / 3600)} h`;
  if (quantityKind(name) === 'flag') return value === 0 ? 'no' : 'yes';
  return String(value);
}
