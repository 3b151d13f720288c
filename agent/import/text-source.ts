import { AgentError } from '../system/errors.ts';
import { annotatedItems } from './annotated-source.ts';
import { csvColumns } from './csv-columns.ts';
import { csvItems } from './csv-source.ts';
import { FluxTables } from './flux-csv.ts';
import { lineItems } from './line-source.ts';
import type { Item, Position, Source } from './source.ts';
import { formatOf, headLines, parsed, refuseBinary, type TextFormat } from './text-format.ts';
import { openInput, type TextInput } from './text-input.ts';
import { textLines } from './text-lines.ts';
import { TimeZone } from './time-zone.ts';
import type { Precision } from './times.ts';
import { type Mapping, SEED_FIELD } from './units.ts';

export interface TextOptions {
  format: TextFormat;
  precision: Precision;
  /** What is asked for; CSV that names none is of it. */
  measurement: string;
  mapping: Mapping;
  timeColumn?: string | undefined;
  /** IANA name of the zone of CSV times that name none. */
  timeZone?: string | undefined;
  /** Tag or column with the meter's name; undefined for `meter`. */
  meterTag?: string | undefined;
  /** Undefined: to be told from the data. */
  fromSeed?: boolean | undefined;
}

/** How a format is read. */
type Reading = Pick<Source, 'kind' | 'fromSeed' | 'notes'> & { items(from: Place): AsyncGenerator<Item[]> };

interface Place {
  byte: number;
  line: number;
}

const BEGINNING: Place = { byte: 0, line: 0 };

/** A file of line protocol or CSV as a source. @throws AgentError when it is neither */
export async function textSource(path: string, options: TextOptions, signal?: AbortSignal): Promise<Source> {
  const input = await openInput(path, signal);
  const { name, head } = input;
  refuseBinary(name, head);
  const lines = headLines(head);
  const format = formatOf(name, lines, options.format);
  const { items, ...reading } = READINGS[format](input, lines, options);
  const itemsFrom = (position: Position | undefined) => items(position && 'byte' in position ? position : BEGINNING);
  return {
    name,
    ...reading,
    identity: input.identity && { ...input.identity, ...options, format },
    items: itemsFrom,
    survey: input.identity && (() => itemsFrom(undefined)),
    share: input.share,
  };
}

const READINGS = { line: lineReading, csv: csvReading, annotated: annotatedReading };

function lineReading(input: TextInput, lines: readonly string[], options: TextOptions): Reading {
  const isSeed = () =>
    lines.some((line) => {
      const point = line.includes(SEED_FIELD) ? parsed(line) : undefined;
      return point?.measurement === options.measurement && isSeedPoint(point.tags, Object.keys(point.fields));
    });
  return {
    kind: 'line protocol',
    fromSeed: options.fromSeed ?? isSeed(),
    notes: [],
    items: (from) => lineItems(textLines(input.chunks(from.byte), input.name, from), options.precision),
  };
}

function annotatedReading(input: TextInput, lines: readonly string[], options: TextOptions): Reading {
  const { name } = input;
  const { measurement, mapping } = options;
  if (Object.hasOwn(mapping, '_value')) {
    throw new AgentError('usage', `${name}: _value is of the field that _field names, of several quantities`, {
      hint: 'map the names of fields instead, such as --map power=active_power, or nothing where they are quantities',
    });
  }
  return {
    kind: 'CSV of InfluxDB 2',
    fromSeed: options.fromSeed ?? isSeedExport(lines, measurement),
    notes: [],
    items: (from) =>
      annotatedItems(textLines(input.chunks(0), name, BEGINNING), { name, measurement, afterLine: from.line }),
  };
}

function csvReading(input: TextInput, lines: readonly string[], options: TextOptions): Reading {
  const { name, head } = input;
  const headerIndex = lines.findIndex((line) => line.trim() !== '');
  const columns = csvColumns(lines[headerIndex] ?? '', name, options);
  const behindHeader: Place = { byte: bytesOf(head, headerIndex + 1), line: headerIndex + 1 };
  const { measurement, timeZone, fromSeed } = options;
  const zone = timeZone === undefined ? undefined : new TimeZone(timeZone);
  const linesFrom = async function* (from: Place) {
    // What can be read once begins with its header whatever is asked for.
    const start = input.identity ? from : BEGINNING;
    for await (const chunk of textLines(input.chunks(start.byte), name, start)) {
      yield chunk.filter(({ line }) => line > from.line);
    }
  };
  return {
    kind: 'CSV',
    fromSeed: fromSeed ?? columns.values.some((column) => column.name === SEED_FIELD),
    notes: columns.others.length === 0 ? [] : [`columns left out: ${columns.others.join(', ')}`],
    items: (from) => csvItems(linesFrom(from === BEGINNING ? behindHeader : from), { columns, measurement, zone }),
  };
}

/** Only the Python energy-monitor writes the field, and no model. */
function isSeedPoint(tags: Readonly<Record<string, string>>, fields: readonly string[]): boolean {
  return tags.model === undefined && fields.includes(SEED_FIELD);
}

function isSeedExport(lines: readonly string[], measurement: string): boolean {
  const tables = new FluxTables();
  return lines.some((line) => {
    try {
      const row = tables.row(line);
      if (row === undefined || (row.texts._measurement ?? measurement) !== measurement) return false;
      return isSeedPoint(row.tags, [row.texts._field ?? '', ...Object.keys(row.numbers)]);
    } catch {
      // Said when it is imported.
      return false;
    }
  });
}

/** Where the line behind so many lines begins. */
function bytesOf(head: Buffer, lines: number): number {
  let at = 0;
  for (let i = 0; i < lines; i++) at = head.indexOf(10, at) + 1 || head.length;
  return at;
}
