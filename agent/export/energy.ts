import type { EnergyPeriod, MeterEnergy } from '../history/energies.ts';
import { toLine } from '../influxdb/line-protocol.ts';
import { QUANTITIES, quantityInfo } from '../readings/quantity.ts';
import type { Zone } from '../system/zone.ts';
import type { FormatName } from './format-names.ts';

type Length = 'hour' | 'day' | 'month';

/** Less is not shown: half of a counter's step. */
const SHOWN = 0.005;
const WIDTH = 13;

const LEGEND = {
  '~': 'partly estimated: nothing was read for a while, what was counted then is spread evenly over that time',
  '!': 'the counter was reset or the meter replaced: what it counted around that may be missing',
};

/** One period of a meter, with what to call it. */
interface Row extends EnergyPeriod {
  meter: string;
  label: string;
}

/** Energy of meters as text, piece by piece. Times without a zone are those of `zone`. */
export function* energyText(
  meters: readonly MeterEnergy[],
  by: Length,
  zone: Zone,
  format: FormatName,
): Generator<string> {
  const rows = meters.flatMap(({ meter, periods }) =>
    trimmed(periods).map((period): Row => ({ ...period, meter, label: labelOf(period.fromMs, by, zone) })),
  );
  const counters = countersOf(rows);
  if (format === 'csv') yield* csv(rows, counters);
  else if (format === 'json') yield* json(rows);
  else if (format === 'line') yield* lines(rows, by);
  else yield* table(rows, counters, meters);
}

/** Without what lies before the first reading and behind the last. */
function trimmed(periods: readonly EnergyPeriod[]): EnergyPeriod[] {
  const isKnown = (period: EnergyPeriod) =>
    period.isRead || Object.values(period.energies).some(({ amount }) => amount > 0);
  const first = periods.findIndex(isKnown);
  return first < 0 ? [] : periods.slice(first, periods.findLastIndex(isKnown) + 1);
}

/** Those that have counted anything, or else all, in the order of the vocabulary. */
function countersOf(rows: readonly Row[]): string[] {
  const names = [...new Set(rows.flatMap(({ energies }) => Object.keys(energies)))];
  const known = Object.keys(QUANTITIES);
  const inOrder = names.sort((a, b) => known.indexOf(a) - known.indexOf(b));
  const counting = inOrder.filter((name) => rows.some(({ energies }) => (energies[name]?.amount ?? 0) > 0));
  return counting.length > 0 ? counting : inOrder.slice(0, 1);
}

/** `2026-11`, `2026-11-21` or, with the offset that tells apart the hour that comes twice, `2026-11-21 12:00 +01:00`. */
function labelOf(timeMs: number, by: Length, zone: Zone): string {
  const text = new Date(zone.localMs(timeMs)).toISOString();
  if (by === 'month') return text.slice(0, 7);
  if (by === 'day') return text.slice(0, 10);
  return `${text.slice(0, 10)} ${text.slice(11, 16)} ${zone.offsetText(timeMs)}`;
}

const rounded = (amount: number) => Math.round(amount * 1e4) / 1e4;

function* csv(rows: readonly Row[], counters: readonly string[]): Generator<string> {
  const estimated = counters.filter((name) => rows.some(({ energies }) => (energies[name]?.estimated ?? 0) > 0));
  const head = [
    'period',
    'from',
    'to',
    'meter',
    ...counters,
    ...estimated.map((name) => `${name}_estimated`),
    'breaks',
  ];
  yield `${head.join(',')}\r\n`;
  for (const { label, fromMs, toMs, meter, energies } of rows) {
    const times = [fromMs, toMs].map((timeMs) => new Date(timeMs).toISOString());
    const cell = (name: string, part: 'amount' | 'estimated') => {
      const count = energies[name];
      return count ? rounded(count[part]) : '';
    };
    const amounts = counters.map((name) => cell(name, 'amount'));
    const guesses = estimated.map((name) => cell(name, 'estimated'));
    yield `${[label, ...times, meter, ...amounts, ...guesses, breaksOf(energies)].join(',')}\r\n`;
  }
}

function* json(rows: readonly Row[]): Generator<string> {
  yield '[';
  let first = true;
  for (const { label, fromMs, toMs, meter, energies } of rows) {
    const amounts = Object.entries(energies).map(([name, { amount, estimated, breaks }]) => [
      name,
      { amount: rounded(amount), estimated: rounded(estimated), breaks },
    ]);
    const times = { from: new Date(fromMs).toISOString(), to: new Date(toMs).toISOString() };
    yield `${first ? '\n' : ',\n'}${JSON.stringify({ period: label, ...times, meter, energies: Object.fromEntries(amounts) })}`;
    first = false;
  }
  yield first ? ']\n' : '\n]\n';
}

/** Measurement `energy_hour`, `energy_day` or `energy_month`; the time is the period's beginning. */
function* lines(rows: readonly Row[], by: Length): Generator<string> {
  for (const { fromMs, meter, energies } of rows) {
    const values = Object.fromEntries(Object.entries(energies).map(([name, { amount }]) => [name, rounded(amount)]));
    if (Object.keys(values).length === 0) continue;
    yield `${toLine({ series: { measurement: `energy_${by}`, meter, model: '' }, timeMs: fromMs, values })}\n`;
  }
}

function* table(rows: readonly Row[], counters: readonly string[], meters: readonly MeterEnergy[]): Generator<string> {
  if (rows.length === 0) {
    yield 'no energy was read in this time\n';
    return;
  }
  const cells = (texts: readonly string[]) => texts.map((text) => text.padStart(WIDTH)).join('');
  yield `${'time'.padEnd(24)}${'meter'.padEnd(10)}${cells(counters.map(titleOf)).trimEnd()}\n`;
  const used = new Set<string>();
  for (const row of rows) {
    const texts = counters.map((name) => cellOf(row, name));
    for (const text of texts) if (/[~!]$/.test(text)) used.add(text.slice(-1));
    yield `${row.label.padEnd(24)}${row.meter.padEnd(10)}${cells(texts).trimEnd()}\n`;
  }
  for (const { meter } of meters) {
    const own = rows.filter((row) => row.meter === meter);
    if (own.length === 0) continue;
    const sums = counters.map((name) => own.reduce((sum, { energies }) => sum + (energies[name]?.amount ?? 0), 0));
    yield `${'total'.padEnd(24)}${meter.padEnd(10)}${cells(sums.map((sum) => `${sum.toFixed(2)} `)).trimEnd()}\n`;
  }
  for (const [mark, meaning] of Object.entries(LEGEND)) if (used.has(mark)) yield `${mark} ${meaning}\n`;
}

function cellOf({ energies, isRead }: Row, name: string): string {
  const count = energies[name];
  if (!count || (!isRead && count.amount === 0)) return '- ';
  const mark = count.breaks > 0 ? '!' : count.estimated >= SHOWN ? '~' : ' ';
  return `${count.amount.toFixed(2)}${mark}`;
}

/** `kWh`, `kWh T1`, `kvarh`, `kWh import L1` */
function titleOf(name: string): string {
  const parts = name.split('_').slice(2);
  const more = parts.map((part) => (/^[tl]\d$/.test(part) ? part.toUpperCase() : part));
  return `${[quantityInfo(name)?.unit ?? '', ...more].join(' ')} `;
}

function breaksOf(energies: EnergyPeriod['energies']): number {
  return Math.max(0, ...Object.values(energies).map(({ breaks }) => breaks));
}
