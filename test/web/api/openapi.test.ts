import { expect, test } from 'vitest';
import { ROUTES } from '../../../agent/web/routes.ts';
import { open } from '../../support/open-journal.ts';
import { startPage } from '../../support/page.ts';
import { temporaryDirectory } from '../../support/temporary.ts';
import { ask, OPENAPI } from '../../support/web-api.ts';

/** Served apart from the routes. */
const OTHERS = ['/api/v1/session', '/api/v1/stream'];

interface Operation {
  operationId: string;
  parameters?: ({ name: string; in: string } | { $ref: string })[];
}

const served = [...ROUTES.map(({ path }) => path), ...OTHERS];
const paths = Object.entries(OPENAPI.paths) as [string, { get: Operation }][];

test('each path of the document is served, and each that is served is in it', () => {
  expect(paths.map(([path]) => path).sort()).toEqual([...served].sort());
});

test('operations have names of their own', () => {
  const names = paths.flatMap(([, methods]) => Object.values(methods).map(({ operationId }) => operationId));
  expect(new Set(names).size).toBe(names.length);
});

test('the document is served as it is, with a tag', async () => {
  const page = await startPage({ stateDir: temporaryDirectory() });
  const { json, headers } = await ask(page, '/api/v1/openapi.json');
  expect(json).toEqual(OPENAPI);
  const etag = headers.get('etag') ?? '';
  expect((await page.get('/api/v1/openapi.json', { headers: { 'if-none-match': etag } })).status).toBe(304);
});

test.for(
  paths.filter(([path]) => served.includes(path) && path !== '/api/v1/session' && path !== '/healthz'),
)('%s takes the parameters of the document and no other', async ([path, { get }]) => {
  const stateDir = temporaryDirectory();
  open(stateDir).close();
  const page = await startPage({ stateDir });
  const names = (get.parameters ?? []).flatMap((one) => {
    const found = '$ref' in one ? resolved(one.$ref) : one;
    return found.in === 'query' ? [found.name] : [];
  });
  const given = path.includes('{') ? path.replace('{meter}', 'house') : path;
  const { status, json } = await ask(
    page,
    `${given}?nothing=1&${EXAMPLES.filter((one) => names.includes(one.split('=')[0] ?? '')).join('&')}`,
  );
  expect({ status, parameter: json.parameter }).toEqual({ status: 400, parameter: 'nothing' });
  for (const name of names) expect(json.detail).toMatch(new RegExp(`\\b${name}\\b`));
});

const EXAMPLES = ['meter=house', 'from=2026-10-25', 'to=2026-10-26'];

function resolved(ref: string): { name: string; in: string } {
  const found = ref
    .slice(2)
    .split('/')
    .reduce<unknown>((at, part) => (at as Record<string, unknown>)[part], OPENAPI);
  return found as { name: string; in: string };
}
