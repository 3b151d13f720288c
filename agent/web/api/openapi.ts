import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { type Answer, etagOf, REVALIDATED } from '../http/answer.ts';
import type { Route } from '../http/router.ts';

let document: Answer | undefined;

/** What can be asked, for programs: OpenAPI 3.1. */
export const answer: Route['answer'] = ({ query }) => {
  query.end();
  document ??= read();
  return document;
};

function read(): Answer {
  const body = readFileSync(join(import.meta.dirname, 'openapi.json'), 'utf8');
  const headers = {
    'content-type': 'application/json; charset=utf-8',
    etag: etagOf(body),
    'cache-control': REVALIDATED,
  };
  return { status: 200, headers, body };
}
