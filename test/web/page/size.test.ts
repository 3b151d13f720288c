import { expect, test } from 'vitest';
import { Assets } from '../../../agent/web/http/assets.ts';

const MOST_BYTES = 80_000;

test('all of the page, its charts included, is at most 80 kB as it is served', () => {
  const assets = new Assets();
  const sizes = assets.paths().map((path) => {
    const body = assets.find(path, 'br')?.body;
    expect(body, path).toBeDefined();
    return body?.length ?? 0;
  });
  expect(sizes.reduce((sum, size) => sum + size, 0)).toBeLessThanOrEqual(MOST_BYTES);
});

test('each module that the first view needs is announced in the page, so that no one waits for another', () => {
  const assets = new Assets();
  const text = (path: string) => String(assets.find(path, '')?.body ?? '');
  const needed = new Set<string>();
  const visit = (path: string) => {
    if (needed.has(path)) return;
    needed.add(path);
    for (const [, target = ''] of text(path).matchAll(/^(?:import|\} from|.* from) '(\.[^']+)'/gm)) {
      visit(new URL(target, `http://page${path}`).pathname);
    }
  };
  visit('/main.js');
  const announced = new Set(
    [...text('/index.html').matchAll(/<(?:link rel="modulepreload" href|script type="module" src)="([^"]+)"/g)].map(
      (match) => match[1] ?? '',
    ),
  );
  expect([...needed].sort()).toEqual([...announced].sort());
});
