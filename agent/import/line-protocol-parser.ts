import { BadRecord, shown } from './bad-record.ts';
import { isDecimal } from './decimal.ts';

export type FieldValue = number | boolean | string;

/** One line of InfluxDB line protocol. */
export interface LinePoint {
  measurement: string;
  tags: Readonly<Record<string, string>>;
  fields: Record<string, FieldValue>;
  /** Digits in the precision of the file; undefined where the line has none. */
  timestamp: string | undefined;
}

const INTEGER = /^-?\d+i$/;
const UNSIGNED = /^\d+u$/;
const BOOLEANS: Readonly<Record<string, boolean>> = {
  ...Object.fromEntries(['t', 'T', 'true', 'True', 'TRUE'].map((text) => [text, true])),
  ...Object.fromEntries(['f', 'F', 'false', 'False', 'FALSE'].map((text) => [text, false])),
};

const BACKSLASH = 92;
const QUOTE = 34;
const SPACE = 32;
const COMMA = 44;
const EQUALS = 61;

type Head = Pick<LinePoint, 'measurement' | 'tags'>;

/** Measurement and tags come again with each line: each text is parsed once. */
const heads = new Map<string, Head>();
/** More would be values by mistake. */
const MOST_HEADS = 1000;

/**
 * Parses a line (InfluxDB 2, line protocol reference; models/points.go for what that leaves open: a special character is
 * escaped when a backslash stands right before it, any other backslash is itself).
 * @returns undefined for a comment or an empty line
 * @throws BadRecord
 */
export function parseLine(line: string): LinePoint | undefined {
  let start = 0;
  while (isBlank(line.charCodeAt(start))) start++;
  if (start === line.length || line[start] === '#') return undefined;
  const headEnd = next(line, start, SPACE, SPACE);
  const head = headOf(line.slice(start, headEnd));
  let at = headEnd;
  while (line.charCodeAt(at) === SPACE) at++;
  if (at >= line.length) throw new BadRecord('it has no fields');
  const fields: Record<string, FieldValue> = {};
  for (;;) {
    const keyEnd = next(line, at, EQUALS, SPACE);
    if (line.charCodeAt(keyEnd) !== EQUALS || keyEnd === at) throw new BadRecord('a field has no name=value');
    const key = unescaped(line.slice(at, keyEnd));
    const valueStart = keyEnd + 1;
    const quoted = line.charCodeAt(valueStart) === QUOTE;
    const end = quoted ? stringEnd(line, valueStart) : next(line, valueStart, COMMA, SPACE);
    fields[key] = quoted ? stringOf(line.slice(valueStart + 1, end - 1)) : fieldValue(key, line.slice(valueStart, end));
    at = end;
    const separator = line.charCodeAt(at);
    if (separator === COMMA) at++;
    else if (at < line.length && separator !== SPACE) throw new BadRecord(`something follows the text of ${key}`);
    else break;
  }
  const timestamp = line.slice(at).trim();
  if (timestamp !== '' && !/^-?\d+$/.test(timestamp)) throw new BadRecord(`${shown(timestamp)} is no timestamp`);
  return { ...head, fields, timestamp: timestamp === '' ? undefined : timestamp };
}

/** Does the line end within a text, which may hold line ends? Then the next line belongs to it. */
export function endsInText(line: string): boolean {
  if (!line.includes('"') || line.trimStart().startsWith('#')) return false;
  let at = next(line, 0, SPACE, SPACE);
  while (at < line.length) {
    at = next(line, at, EQUALS, EQUALS) + 1;
    if (line.charCodeAt(at) !== QUOTE) continue;
    at = closingQuote(line, at) + 1;
    if (at === 0) return true;
  }
  return false;
}

function headOf(text: string): Head {
  let head = heads.get(text);
  if (!head) {
    head = parseHead(text);
    if (heads.size < MOST_HEADS) heads.set(text, head);
  }
  return head;
}

function parseHead(text: string): Head {
  let at = next(text, 0, COMMA, COMMA);
  const measurement = text.slice(0, at).replace(/\\([, ])/g, '$1');
  if (measurement === '') throw new BadRecord('it has no measurement');
  const tags: Record<string, string> = {};
  while (at < text.length) {
    const equals = next(text, at + 1, EQUALS, COMMA);
    const end = next(text, equals + 1, COMMA, EQUALS);
    if (text.charCodeAt(equals) !== EQUALS || equals === at + 1 || end === equals + 1 || text[end] === '=') {
      throw new BadRecord('a tag has no name=value');
    }
    tags[unescaped(text.slice(at + 1, equals))] = unescaped(text.slice(equals + 1, end));
    at = end;
  }
  return { measurement, tags };
}

function fieldValue(key: string, text: string): FieldValue {
  if (isDecimal(text)) {
    const value = Number(text);
    if (Number.isFinite(value)) return value;
  }
  if (INTEGER.test(text) || UNSIGNED.test(text)) return Number(text.slice(0, -1));
  const truth = Object.hasOwn(BOOLEANS, text) ? BOOLEANS[text] : undefined;
  if (truth === undefined) throw new BadRecord(`${key} is ${shown(text)}, which is no value`);
  return truth;
}

/** Where the first unescaped one of two characters stands, or the line's end. */
function next(line: string, from: number, a: number, b: number): number {
  for (let at = from; at < line.length; at++) {
    const code = line.charCodeAt(at);
    if ((code === a || code === b) && (at === from || line.charCodeAt(at - 1) !== BACKSLASH)) return at;
  }
  return line.length;
}

/** Behind the closing quote of the text that opens here. */
function stringEnd(line: string, open: number): number {
  const end = closingQuote(line, open);
  if (end < 0) throw new BadRecord('a text has no closing quote');
  return end + 1;
}

function closingQuote(line: string, open: number): number {
  for (let at = open + 1; at < line.length; at++) {
    const code = line.charCodeAt(at);
    if (code === BACKSLASH) at++;
    else if (code === QUOTE) return at;
  }
  return -1;
}

function stringOf(text: string): string {
  return text.includes('\\') ? text.replace(/\\(["\\])/g, '$1') : text;
}

function unescaped(text: string): string {
  return text.includes('\\') ? text.replace(/\\([,= ])/g, '$1') : text;
}

function isBlank(code: number): boolean {
  return code === SPACE || code === 9;
}
