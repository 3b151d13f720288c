import { readFileSync } from 'node:fs';
import { Ajv2020, type ValidateFunction } from 'ajv/dist/2020.js';
import { expect } from 'vitest';
import type { StartedPage } from './page.ts';

const FILE = new URL('../../agent/web/api/openapi.json', import.meta.url);

/** The OpenAPI document as it is served. */
export const OPENAPI = JSON.parse(readFileSync(FILE, 'utf8')) as { paths: Record<string, object> };

const DATE_TIME = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/;
const ajv = new Ajv2020({ strict: false, allErrors: true, formats: { 'date-time': DATE_TIME } });
ajv.addSchema(OPENAPI, 'openapi');

const schemas = new Map<string, ValidateFunction>();

function schemaAt(pointer: string): ValidateFunction {
  const known = schemas.get(pointer) ?? ajv.compile({ $ref: `openapi#${pointer}` });
  schemas.set(pointer, known);
  return known;
}

const PROBLEM = '/components/schemas/Problem';
const escaped = (part: string) =>
  part.replaceAll('~', '~0').replaceAll('/', '~1').replaceAll('{', '%7B').replaceAll('}', '%7D');

export interface Answered {
  status: number;
  headers: Headers;
  // biome-ignore lint/suspicious/noExplicitAny: its form is what the schema says, and has been checked
  json: any;
}

/** Asks the page and compares what it says with the document. @param path with its query, without the page's URL */
export async function ask(page: StartedPage, path: string): Promise<Answered> {
  const response = await page.get(path);
  const { status, headers } = response;
  const json = (await response.json()) as unknown;
  const template = (path.split('?')[0] ?? '').replace(
    /^\/measurements\/[^/]+\/latest$/,
    '/measurements/{meter}/latest',
  );
  const isProblem = status >= 400;
  expect(headers.get('content-type')).toMatch(isProblem ? /^application\/problem\+json/ : /^application\/json/);
  const own = `/paths/${escaped(template)}/get/responses/${status}/content/application~1json/schema`;
  const validate = schemaAt(isProblem ? PROBLEM : own);
  validate(json);
  expect(validate.errors ?? [], path).toEqual([]);
  return { status, headers, json };
}

/** `?from=...&to=...` and more. */
export function queryOf(parameters: Record<string, string | number | readonly string[]>): string {
  const all = Object.entries(parameters).flatMap(([name, value]) =>
    (Array.isArray(value) ? value : [value]).map((one) => [name, String(one)]),
  );
  return `?${new URLSearchParams(all as string[][])}`;
}
