import { toLine } from '../influxdb/line-protocol.ts';
import type { Quantity } from '../readings/quantity.ts';
import type { Reading, Values } from '../readings/reading.ts';
import { drawnEnergy, hasPhases, phaseText } from '../readings/shown.ts';
import type { FormatName } from './format-names.ts';

/** Writes readings as text, piece by piece, so that years never lie in memory at once. */
export interface Format {
  /** Before the first reading; `names` are the quantities of all that follow. */
  head(names: readonly string[]): string;
  /** @param first true for the first reading of all */
  row(reading: Reading, names: readonly string[], first: boolean): string;
  /** After the last; @param empty true when there was none */
  tail(empty: boolean): string;
}

const pad = (n: number, width = 2) => String(n).padStart(width, '0');

/** `2026-11-21 12:00:05` in local time. */
export function localTime(timeMs: number): string {
  const t = new Date(timeMs);
  return `${t.getFullYear()}-${pad(t.getMonth() + 1)}-${pad(t.getDate())} ${pad(t.getHours())}:${pad(t.getMinutes())}:${pad(t.getSeconds())}`;
}

const csvCell = (text: string) => (/[",\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text);

/** Header row; UTC times; an empty cell where a reading lacks a quantity (RFC 4180). */
const csv: Format = {
  head: (names) => `${['time', 'meter', ...names].join(',')}\r\n`,
  row: ({ timeMs, series, values }, names) => {
    const cells = names.map((name) => values[name] ?? '');
    // Of another measurement, such as the machine's own: its values have no columns here.
    if (cells.every((value) => value === '')) return '';
    return `${[new Date(timeMs).toISOString(), csvCell(series.meter), ...cells].join(',')}\r\n`;
  },
  tail: () => '',
};

/** An array of {time, measurement, meter, values}. */
const json: Format = {
  head: () => '[',
  row: ({ timeMs, series, values }, _names, first) => {
    const { measurement, meter } = series;
    const time = new Date(timeMs).toISOString();
    return `${first ? '\n' : ',\n'}${JSON.stringify({ time, measurement, meter, values })}`;
  },
  tail: (empty) => (empty ? ']\n' : '\n]\n'),
};

/** InfluxDB line protocol, milliseconds. */
const line: Format = {
  head: () => '',
  row: (reading) => `${toLine(reading)}\n`,
  tail: () => '',
};

interface Column {
  title: string;
  width: number;
  text: (values: Values) => string | undefined;
}

const column = (name: Quantity, title: string, decimals: number, width = 8): Column => ({
  title,
  width,
  text: (values) => values[name]?.toFixed(decimals),
});
const phases = (name: 'voltage' | 'current', title: string, decimals: number, width: number): Column => ({
  title,
  width,
  text: (values) => phaseText(values, name, decimals),
});
const ENERGY: Column = { title: 'kWh', width: 12, text: (values) => drawnEnergy(values)?.toFixed(2) };

/** What a person looks for first, as it fits 80 columns. */
const ONE_PHASE: readonly Column[] = [
  column('active_power', 'W', 0),
  column('reactive_power', 'var', 0),
  column('voltage', 'V', 2),
  column('current', 'A', 3, 9),
  column('frequency', 'Hz', 2),
  column('power_factor', 'PF', 3),
  ENERGY,
];
const THREE_PHASES: readonly Column[] = [
  column('active_power', 'W', 0),
  phases('voltage', 'V', 0, 13),
  phases('current', 'A', 2, 17),
  ENERGY,
];

const columnsOf = (names: readonly string[]) => (hasPhases(names) ? THREE_PHASES : ONE_PHASE);

const table: Format = {
  head: (names) => {
    const titles = columnsOf(names).map(({ title, width }) => title.padStart(width));
    return `${'time'.padEnd(20)}${'meter'.padEnd(10)}${titles.join('')}\n`;
  },
  row: ({ timeMs, series, values }, names) => {
    if (!names.some((name) => name in values)) return '';
    const cells = columnsOf(names).map(({ width, text }) => (text(values) ?? '-').padStart(width));
    return `${localTime(timeMs).padEnd(20)}${series.meter.padEnd(10)}${cells.join('')}\n`;
  },
  tail: (empty) => (empty ? 'no readings in this range\n' : ''),
};

export const FORMATS: Record<FormatName, Format> = { table, csv, json, line };
