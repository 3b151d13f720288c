import { toLine } from '../influxdb/line-protocol.ts';
import { quantityInfo } from '../readings/quantity.ts';
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
  row: ({ timeMs, series, values }, names) =>
    `${[new Date(timeMs).toISOString(), csvCell(series.meter), ...names.map((name) => values[name] ?? '')].join(',')}\r\n`,
  tail: () => '',
};

/** An array of {time, meter, values}. */
const json: Format = {
  head: () => '[',
  row: ({ timeMs, series, values }, _names, first) =>
    `${first ? '\n' : ',\n'}${JSON.stringify({ time: new Date(timeMs).toISOString(), meter: series.meter, values })}`,
  tail: (empty) => (empty ? ']\n' : '\n]\n'),
};

/** InfluxDB line protocol, milliseconds. */
const line: Format = {
  head: () => '',
  row: (reading) => `${toLine(reading)}\n`,
  tail: () => '',
};

/** What fits a terminal: the columns a person looks for first. */
const TABLE_COLUMNS = [
  'active_power',
  'voltage',
  'current',
  'frequency',
  'power_factor',
  'active_energy',
  'reactive_energy',
] as const;
const COLUMN_WIDTH = 16;

const table: Format = {
  head: () => {
    const labels = TABLE_COLUMNS.map((name) => {
      const info = quantityInfo(name);
      return `${info?.label ?? name}${info?.unit ? ` ${info.unit}` : ''}`
        .slice(-COLUMN_WIDTH + 1)
        .padStart(COLUMN_WIDTH);
    });
    return `${'time'.padEnd(20)}${'meter'.padEnd(12)}${labels.join('')}\n`;
  },
  row: ({ timeMs, series, values }) => {
    const cells = TABLE_COLUMNS.map((name) =>
      (values[name] === undefined ? '-' : String(values[name])).padStart(COLUMN_WIDTH),
    );
    return `${localTime(timeMs).padEnd(20)}${series.meter.padEnd(12)}${cells.join('')}\n`;
  },
  tail: (empty) => (empty ? 'no readings in this range\n' : ''),
};

export const FORMATS: Record<FormatName, Format> = { table, csv, json, line };
