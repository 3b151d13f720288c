import { AgentError } from '../system/errors.ts';
import { isAnnotated } from './annotated-source.ts';
import { BadRecord } from './bad-record.ts';
import { type LinePoint, parseLine } from './line-protocol-parser.ts';

/** What a person says that a file is. */
export type TextFormat = 'auto' | 'line' | 'csv';

/** What it is: `annotated` is the CSV of InfluxDB 2. */
export type FoundFormat = 'line' | 'csv' | 'annotated';

/** A file without any line. */
export class EmptyText extends AgentError {
  constructor(name: string) {
    super('usage', `${name} is empty`);
  }
}

/** @throws AgentError for what is no text */
export function refuseBinary(name: string, head: Buffer): void {
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
export function headLines(head: Buffer): string[] {
  const lines = head
    .toString('utf8')
    .replace(/^\ufeff/, '')
    .split(/\r?\n/);
  return lines.length > 1 ? lines.slice(0, -1) : lines;
}

/** @throws AgentError when it is none of them */
export function formatOf(name: string, lines: readonly string[], said: TextFormat): FoundFormat {
  if (lines.every((line) => line.trim() === '')) throw new EmptyText(name);
  if (said === 'line') return said;
  if (isAnnotated(lines)) return 'annotated';
  if (said === 'csv') return said;
  const told = lines.filter((line) => line.trim() !== '' && !line.startsWith('#')).slice(0, 50);
  if (told.length === 0) throw new EmptyText(name);
  if (told.some((line) => parsed(line) !== undefined)) return 'line';
  const first = told[0] ?? '';
  if (/[,;\t]/.test(first) && !/^\s*[[{<]/.test(first)) return 'csv';
  throw new AgentError('usage', `${name} is neither line protocol nor CSV with a header`, {
    hint: 'readings of another energy-monitor: energy-monitor readings --format line; else say --format line or csv to see why',
  });
}

/** @returns undefined for what is no line of line protocol, or a comment */
export function parsed(line: string): LinePoint | undefined {
  try {
    return parseLine(line);
  } catch (error) {
    if (error instanceof BadRecord) return undefined;
    throw error;
  }
}
