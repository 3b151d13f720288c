import { toLine } from '../influxdb/line-protocol.ts';
import type { Quantity } from '../readings/quantity.ts';
import type { Reading } from '../readings/reading.ts';
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

/** What a person looks for first, as it fits 80 columns. */
const TABLE_COLUMNS: readonly { name: Quantity; title: string; decimals: number }[] = [
  { name: 'active_power', title: 'W', decimals: 0 },
  { name: 'reactive_power', title: 'var', decimals: 0 },
  { name: 'voltage', title: 'V', decimals: 2 },
  { name: 'current', title: 'A', decimals: 3 },
  { name: 'frequency', title: 'Hz', decimals: 2 },
  { name: 'power_factor', title: 'PF', decimals: 3 },
  { name: 'active_energy', title: 'kWh', decimals: 2 },
];
const COLUMN_WIDTHS: Partial<Record<Quantity, number>> = { active_energy: 12, current: 9 };

const cell = (text: string, name: Quantity) => text.padStart(COLUMN_WIDTHS[name] ?? 8);

const table: Format = {
  head: () =>
    `${'time'.padEnd(20)}${'meter'.padEnd(10)}${TABLE_COLUMNS.map(({ name, title }) => cell(title, name)).join('')}\n`,
  row: ({ timeMs, series, values }, names) => {
    if (!names.some((name) => name in values)) return '';
    const cells = TABLE_COLUMNS.map(({ name, decimals }) => cell(values[name]?.toFixed(decimals) ?? '-', name));
    return `${localTime(timeMs).padEnd(20)}${series.meter.padEnd(10)}${cells.join('')}\n`;
  },
  tail: (empty) => (empty ? 'no readings in this range\n' : ''),
};

export const FORMATS: Record<FormatName, Format> = { table, csv, json, line };
