import { AgentError } from '../../system/errors.ts';
import type { Api } from './api.ts';
import { refusal } from './api.ts';

interface Statement {
  series?: { name?: string; tags?: Record<string, string>; columns: string[]; values?: unknown[][] }[];
  error?: string;
}

export const identifier = (name: string): string => `"${name.replace(/["\\]/g, '\\$&')}"`;
export const literal = (text: string): string => `'${text.replace(/['\\]/g, '\\$&')}'`;

const FORM = { 'content-type': 'application/x-www-form-urlencoded' };

/** The answer to a statement, whatever it is. */
export const statement = (api: Api, text: string, db?: string) =>
  api.ask('/query', {
    method: 'POST',
    headers: FORM,
    body: new URLSearchParams({ q: text, ...(db === undefined ? {} : { db }) }).toString(),
  });

/** A series of an answer: a measurement, with its tags where they are asked for. */
export interface Table {
  name: string;
  tags: Readonly<Record<string, string>>;
  rows: Record<string, unknown>[];
}

/** Rows of a statement by column. @throws AgentError when it is refused */
export async function rows(api: Api, doing: string, text: string): Promise<Record<string, unknown>[]> {
  return (await tables(api, doing, text)).flatMap((table) => table.rows);
}

/** The same, series by series. */
export async function tables(api: Api, doing: string, text: string): Promise<Table[]> {
  const response = await statement(api, text);
  const { results } = (response.status === 200 ? response.body : {}) as { results?: Statement[] };
  if (!results) throw refusal(api.client, doing, response);
  const failed = results.find(({ error }) => error !== undefined);
  if (failed) {
    throw new AgentError('unavailable', `${doing}: ${api.client.url} answers: ${failed.error}`, {
      hint: 'see the log of the server; a second run goes on from here',
    });
  }
  return results.flatMap(({ series }) =>
    (series ?? []).map(({ name = '', tags = {}, columns, values = [] }) => ({
      name,
      tags,
      rows: values.map((row) => Object.fromEntries(columns.map((column, i) => [column, row[i]]))),
    })),
  );
}
