import { AgentError } from '../system/errors.ts';
import { BadRecord } from './bad-record.ts';
import { csvColumns, csvItems } from './csv-source.ts';
import { type LinePoint, parseLine } from './line-protocol-parser.ts';
import { lineItems } from './line-source.ts';
import type { Position, Source } from './source.ts';
import { openInput } from './text-input.ts';
import { textLines } from './text-lines.ts';
import type { Precision } from './times.ts';
import { type Mapping, SEED_FIELD, SEED_MAPPING } from './units.ts';

export type TextFormat = 'auto' | 'line' | 'csv';

export interface TextOptions {
  format: TextFormat;
  precision: Precision;
  mapping: Mapping;
  timeColumn?: string | undefined;
  /** Undefined: to be told from the data. */
  fromSeed?: boolean | undefined;
}

const BEGINNING = { byte: 0, line: 0 };

/** A file of line protocol or CSV as a source. @throws AgentError when it is neither */
export async function textSource(path: string, options: TextOptions): Promise<Source> {
  const input = await openInput(path);
  const { name, head } = input;
  refuseBinary(name, head);
  const lines = headLines(head);
  const format = options.format === 'auto' ? formatOf(name, lines) : options.format;
  const common = { name, share: input.share };
  const identity = input.identity && { ...input.identity, ...options, format };
  const placeOf = (position: Position | undefined) => (position && 'byte' in position ? position : BEGINNING);
  const read = (from: { byte: number; line: number }) => textLines(input.chunks(from.byte), name, from);
  if (format === 'line') {
    return {
      ...common,
      identity,
      kind: 'line protocol',
      fromSeed: options.fromSeed ?? isSeed(name, lines),
      notes: [],
      items: (position) => lineItems(read(placeOf(position)), options.precision),
    };
  }
  const headerIndex = lines.findIndex((line) => line.trim() !== '');
  const columns = csvColumns(lines[headerIndex] ?? '', name, options.mapping, options.timeColumn);
  const afterHeader = (position: Position | undefined) =>
    position && 'byte' in position ? position : { byte: bytesOf(head, headerIndex + 1), line: headerIndex + 1 };
  return {
    ...common,
    identity,
    kind: 'CSV',
    fromSeed: options.fromSeed ?? columns.values.some((column) => column.name === SEED_FIELD),
    notes: columns.others.length === 0 ? [] : [`columns left out: ${columns.others.join(', ')}`],
    items: (position) => csvItems(afterHeaderLines(afterHeader(position)), columns),
  };

  async function* afterHeaderLines(from: { byte: number; line: number }) {
    // Standard input begins with its header whatever is asked for.
    const start = input.identity ? from : BEGINNING;
    for await (const chunk of textLines(input.chunks(start.byte), name, start)) {
      yield chunk.filter(({ line }) => line > from.line);
    }
  }
}

function refuseBinary(name: string, head: Buffer): void {
  const wide = head.length > 1 && (head.readUInt16LE(0) === 0xfeff || head.readUInt16LE(0) === 0xfffe);
  if (wide) throw new AgentError('usage', `${name} is UTF-16 text`, { hint: 'save it as UTF-8' });
  if (head.length > 1 && head.readUInt16BE(0) === 0x1f8b) {
    throw new AgentError('usage', `${name} is packed with gzip`, {
      hint: 'give it a name that ends in .gz, or unpack it',
    });
  }
  if (head.includes(0)) {
    throw new AgentError('usage', `${name} is no text`, {
      hint: 'import takes line protocol and CSV, also packed as .gz',
    });
  }
}

/** Whole lines of the head. */
function headLines(head: Buffer): string[] {
  const lines = head
    .toString('utf8')
    .replace(/^\ufeff/, '')
    .split(/\r?\n/);
  return lines.length > 1 ? lines.slice(0, -1) : lines;
}

/** Where the line behind so many lines begins. */
function bytesOf(head: Buffer, lines: number): number {
  let at = 0;
  for (let i = 0; i < lines; i++) at = head.indexOf(10, at) + 1 || head.length;
  return at;
}

function parsed(line: string): LinePoint | undefined {
  try {
    return parseLine(line);
  } catch (error) {
    if (error instanceof BadRecord) return undefined;
    throw error;
  }
}

function formatOf(name: string, lines: readonly string[]): 'line' | 'csv' {
  const told = lines.filter((line) => line.trim() !== '' && !line.startsWith('#')).slice(0, 50);
  if (told.length === 0) throw new AgentError('usage', `${name} is empty`);
  if (told.some((line) => parsed(line) !== undefined)) return 'line';
  const first = told[0] ?? '';
  if (/[,;\t]/.test(first) && !/^\s*[[{<]/.test(first)) return 'csv';
  throw new AgentError('usage', `${name} is neither line protocol nor CSV with a header`, {
    hint: 'readings of another energy-monitor: energy-monitor readings --format line; else say --format line or csv to see why',
  });
}

/** Fields that the Python energy-monitor measures in other units. */
const AMBIGUOUS = Object.keys(SEED_MAPPING);

/** @throws AgentError when the units cannot be told */
function isSeed(name: string, lines: readonly string[]): boolean {
  const points = lines.flatMap((line) => parsed(line) ?? []).filter(({ tags }) => tags.model === undefined);
  if (points.some(({ fields }) => SEED_FIELD in fields)) return true;
  const names = points.map(({ fields }) => Object.keys(fields));
  // Exports of InfluxDB have a line for each field: power_factory may come gigabytes later.
  const single = names.length > 0 && names.every((keys) => keys.length === 1);
  if (single && names.flat().some((key) => AMBIGUOUS.includes(key))) {
    throw new AgentError('usage', `${name} has one field a line, so its units cannot be told`, {
      hint: 'say --from-seed when it is of the Python energy-monitor (current in mA, energies in Wh), else --no-from-seed',
    });
  }
  return false;
}
