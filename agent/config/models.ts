import { resolve } from 'node:path';
import { findModel } from '../meters/catalogue.ts';
import type { MeterModel } from '../meters/model.ts';
import { MODEL_NAMES } from '../meters/model-names.ts';
import { AgentError } from '../system/errors.ts';
import type { FileProblems } from './config-error.ts';
import { loadTable, readTable } from './table.ts';

/** Is this a path of a register table, and no name of a meter that is built in? */
export function isTablePath(text: string): boolean {
  return text.includes('/') || /\.ya?ml$/i.test(text);
}

export const MODEL_HINT = `use one of ${MODEL_NAMES.join(', ')}, or a table of your own, such as ./my-meter.yaml`;

/**
 * The meter that a person named on the command line: built in, or a register table.
 * @throws ConfigError with every mistake of the table; AgentError when there is no such meter or file
 */
export function resolveModel(text: string): MeterModel {
  if (isTablePath(text)) return loadTable(text);
  const model = findModel(text);
  if (model) return model;
  throw new AgentError('usage', `there is no meter ${text}`, { hint: MODEL_HINT });
}

/** What a `model` of the configuration stands for. */
export type Found =
  | { model: MeterModel; isTable: boolean }
  /** Mistakes of a table are told with its file. */
  | { model?: undefined; message?: string };

/** The meters that one configuration names; each table is read once. */
export class Models {
  /** Tables with mistakes. */
  readonly mistaken: FileProblems[] = [];
  readonly #directory: string;
  readonly #tables = new Map<string, Found>();
  readonly #isRead: boolean;

  /**
   * @param directory which paths are relative to
   * @param isRead false: tables are taken for right, and not looked for
   */
  constructor(directory: string, isRead: boolean) {
    this.#directory = directory;
    this.#isRead = isRead;
  }

  /** @param text of `model`, whatever stands there */
  find(text: unknown): Found {
    if (typeof text !== 'string') return {};
    if (!isTablePath(text)) {
      const model = findModel(text);
      return model ? { model, isTable: false } : {};
    }
    if (!this.#isRead) return {};
    const file = resolve(this.#directory, text);
    const found = this.#tables.get(file) ?? this.#read(file);
    this.#tables.set(file, found);
    return found;
  }

  #read(file: string): Found {
    try {
      const { model, problems } = readTable(file);
      if (model) return { model, isTable: true };
      this.mistaken.push({ file, problems });
      return {};
    } catch (error) {
      if (!(error instanceof AgentError)) throw error;
      return { message: `${error.message}; ${error.hint}` };
    }
  }
}
