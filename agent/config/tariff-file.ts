import { z } from 'zod';
import { type Entry, isDate } from '../meters/service/bytes.ts';
import { DAY_TABLES, kindOf, type PartKind, TARIFFS } from '../meters/service/schedule.ts';
import type { TariffPart } from '../meters/service/tables.ts';
import { readNamedFile } from '../system/named-file.ts';
import type { Clash } from './backup-clashes.ts';
import { ConfigError } from './config-error.ts';
import { YamlDocument } from './document.ts';
import { oneOf, wholeNumber } from './fields.ts';

/** Wanted entries by part; a part that is not there stays as it is. */
export type WantedTariffs = ReadonlyMap<string, readonly Entry[]>;

const HINT = 'the present schedule, to start from, is printed by: energy-monitor meter tariffs';

const TIME_HINT = 'write a time from 00:00 to 23:59, such as 07:00';
const time = z.string({ error: TIME_HINT }).regex(/^([01]\d|2[0-3]):[0-5]\d$/, { error: TIME_HINT });

const DATE_HINT = 'write month and day, such as 12-25; the meter has no years';
const date = z.string({ error: DATE_HINT }).refine(isDateText, { error: DATE_HINT });

function isDateText(text: string): boolean {
  const [, month, day] = /^(\d\d)-(\d\d)$/.exec(text) ?? [];
  return isDate(Number(month), Number(day));
}

const ENTRIES = {
  points: z.strictObject({ at: time, tariff: oneOf(TARIFFS) }, { error: 'write {at: "07:00", tariff: 2}' }),
  dates: date,
  'dated-tables': z.strictObject(
    { from: date, table: wholeNumber(1, DAY_TABLES) },
    { error: 'write {from: "04-01", table: 1}' },
  ),
} as const;

const KEYS: Readonly<Record<PartKind, readonly string[]>> = {
  points: ['at', 'tariff'],
  dates: [],
  'dated-tables': ['from', 'table'],
};

/**
 * Reads a schedule that a person wants a meter to have.
 * @param parts that the model has
 * @throws ConfigError with every mistake; AgentError when the file cannot be read
 */
export function loadTariffs(file: string, model: string, parts: readonly TariffPart[]): WantedTariffs {
  return parseTariffs(readNamedFile(file, 'the tariff file', HINT), file, model, parts);
}

/** @param text YAML */
export function parseTariffs(text: string, file: string, model: string, parts: readonly TariffPart[]): WantedTariffs {
  const document = new YamlDocument(text);
  if (document.problems.length > 0) throw new ConfigError(file, document.problems, [], HINT);
  const result = schemaOf(model, parts).safeParse(document.content);
  const keysAt = (path: readonly PropertyKey[]): readonly string[] => {
    if (path.length === 0) return ['model', ...parts.map(({ key }) => key)];
    const part = parts.find(({ key }) => key === path[0]);
    return part ? KEYS[kindOf(part)] : [];
  };
  const problems = document.described(result.error?.issues ?? [], keysAt);
  for (const { path, message } of clashesOf(document.content, parts)) problems.push(document.problem(path, message));
  if (!result.data || problems.length > 0) throw new ConfigError(file, problems, [], HINT);
  const given: Readonly<Record<string, unknown>> = result.data;
  return new Map(
    parts.flatMap(({ key }) => {
      const list = given[key];
      return Array.isArray(list) ? [[key, list.map(entryOf)] as const] : [];
    }),
  );
}

function schemaOf(model: string, parts: readonly TariffPart[]) {
  const lists = parts.map((part) => {
    const { key, entries } = part;
    const kind = kindOf(part);
    const error = kind === 'dates' ? 'list dates, such as ["01-01", "12-25"]' : 'write a list, [] for none';
    const list = z.array(ENTRIES[kind], { error }).max(entries, { error: `the meter has room for ${entries}` });
    return [key, list.optional()] as const;
  });
  const error = `write model: ${model}, or use the file with the meter that it is for`;
  return z.strictObject({ model: z.literal(model, { error }), ...Object.fromEntries(lists) }, { error: HINT });
}

function entryOf(given: unknown): Entry {
  if (typeof given === 'string') return dateOf(given);
  const { at, tariff, from, table } = given as { at?: string; tariff?: number; from?: string; table?: number };
  if (at === undefined) return { ...dateOf(from ?? ''), table: table ?? 0 };
  return { hour: Number(at.slice(0, 2)), minute: Number(at.slice(3)), tariff: tariff ?? 0 };
}

const dateOf = (text: string): Entry => ({ month: Number(text.slice(0, 2)), day: Number(text.slice(3)) });

/** Mistakes between entries; looked for in the raw content, so that they show beside all the others. */
function clashesOf(content: unknown, parts: readonly TariffPart[]): Clash[] {
  if (typeof content !== 'object' || content === null) return [];
  return parts.flatMap((part, i) => {
    const list = (content as Record<string, unknown>)[part.key];
    if (!Array.isArray(list)) return [];
    const isFirstDay = i === 0 && kindOf(part) === 'points';
    if (isFirstDay && list.length === 0)
      return [{ path: [part.key], message: 'is empty; write one switch-over point at least' }];
    return orderClashes(part, list);
  });
}

function orderClashes({ key }: TariffPart, list: readonly unknown[]): Clash[] {
  let latest = '';
  const seen = new Set<string>();
  return list.flatMap((one, i): Clash[] => {
    const text = momentOf(one);
    if (text === undefined) return [];
    if (seen.has(text)) return [{ path: [key, i], message: `is ${text}, which is there already; write each once` }];
    seen.add(text);
    const before = latest;
    if (text > latest) latest = text;
    if (text > before || typeof one === 'string') return [];
    return [{ path: [key, i], message: `is ${text}, behind ${before}; write them in order` }];
  });
}

/** Times and dates that are none are told by the schema. */
function momentOf(one: unknown): string | undefined {
  const text =
    typeof one === 'object' && one !== null ? ((one as { at?: unknown }).at ?? (one as { from?: unknown }).from) : one;
  return typeof text === 'string' && /^\d\d[:-]\d\d$/.test(text) ? text : undefined;
}
