import { type Field, type MeterModel, TYPE_WORDS } from '../meters/model.ts';
import { readNamedFile } from '../system/named-file.ts';
import { ConfigError, type ConfigProblem } from './config-error.ts';
import { YamlDocument } from './document.ts';
import { findTableClashes } from './table-clashes.ts';
import { defaultDecimals, defaultRange } from './table-fields.ts';
import { type Table, type TableRegister, tableKeysAt, tableSchema } from './table-schema.ts';

/** A register table that was read: the meter, or all that is wrong with it. */
export type ReadTable = { model: MeterModel; problems?: never } | { model?: never; problems: readonly ConfigProblem[] };

const HINT = 'a table to start from is printed by: energy-monitor meter describe we-515 --yaml';

/** A table has each quantity once: what is larger is none, and is in the way of a backup. */
export const TABLE_BYTES = 1e6;

/** Reads a register table of the user. @throws AgentError when the file cannot be read; its mistakes are in the answer */
export function readTable(file: string): ReadTable {
  const text = readTableFile(file);
  if (Buffer.byteLength(text) <= TABLE_BYTES) return parseTable(text);
  return { problems: [{ path: '', line: undefined, message: 'is larger than 1 MB; leave out what is no table' }] };
}

/** As it is written. @throws AgentError when the file cannot be read */
export function readTableFile(file: string): string {
  return readNamedFile(file, 'the register table', HINT);
}

/** @throws ConfigError with every mistake; AgentError when the file cannot be read */
export function loadTable(file: string): MeterModel {
  const { model, problems } = readTable(file);
  if (model) return model;
  throw new ConfigError(file, problems, [], HINT);
}

/** @param text YAML */
export function parseTable(text: string): ReadTable {
  const document = new YamlDocument(text);
  if (document.problems.length > 0) return { problems: document.problems };
  const result = tableSchema.safeParse(document.content);
  const problems = [
    ...document.described(result.error?.issues ?? [], tableKeysAt),
    ...findTableClashes(document.content).map(({ path, message }) => document.problem(path, message)),
  ];
  if (!result.data || problems.length > 0) return { problems };
  return { model: modelOf(result.data) };
}

function modelOf(table: Table): MeterModel {
  const { name, maker, title, phases, serial, maxPower, maxBlock, pause, responseTimeout, unassigned } = table;
  return {
    name,
    maker: maker ?? '',
    title: title ?? name,
    phases,
    serial,
    fields: table.registers.map((register) => fieldOf(register, table)),
    unassigned,
    maxPowerVA: maxPower,
    maxBlock,
    pauseMs: pause,
    responseMs: responseTimeout,
    // Which of a person's own meters it is, the person knows.
    identify: [],
  };
}

function fieldOf(register: TableRegister, table: Table): Field {
  const { quantity, address, type, scale } = register;
  const range = defaultRange(quantity, table.maxPower);
  return {
    quantity,
    functionCode: register.function ?? table.function,
    address,
    words: TYPE_WORDS[type],
    type,
    wordOrder: register.wordOrder ?? table.wordOrder,
    byteOrder: register.byteOrder ?? table.byteOrder,
    scale,
    decimals: register.decimals ?? defaultDecimals(quantity, type, scale),
    min: register.min ?? range.min,
    max: register.max ?? range.max,
  };
}
