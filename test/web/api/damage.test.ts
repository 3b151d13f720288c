import { copyFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { commit, keepUp, readingsOf } from '../../support/history.ts';
import { startPage } from '../../support/page.ts';
import { HOUSE } from '../../support/readings.ts';
import { temporaryDirectory } from '../../support/temporary.ts';
import { ask } from '../../support/web-api.ts';

const NOON_MS = Date.parse('2026-09-20T10:00Z');
const PATHS = [
  '/api/v1/meters',
  '/api/v1/latest',
  '/measurements/house/latest',
  `/api/v1/series?meter=house&from=${NOON_MS}&to=${NOON_MS + 600_000}`,
  '/api/v1/energy?meter=house&by=day&from=2026-09-20&to=2026-09-21',
  '/api/v1/load?meter=house&by=day&from=2026-09-20&to=2026-09-21',
];

const readings = (fromMs = NOON_MS) =>
  readingsOf(HOUSE, fromMs, 1200, 1000, () => ({ active_power: 100, active_energy: 5 }));

async function home() {
  const stateDir = temporaryDirectory();
  commit(stateDir, readings());
  keepUp(stateDir);
  return { stateDir, page: await startPage({ stateDir, timeZone: 'Europe/Berlin' }) };
}

const withoutCompanions = (path: string) => {
  for (const end of ['-wal', '-shm']) rmSync(`${path}${end}`, { force: true });
};

test.for([
  'journal.db',
  'history.db',
])('a damaged %s is said with what to do, and heals with the file', async (name) => {
  const { stateDir, page } = await home();
  const path = join(stateDir, name);
  copyFileSync(path, `${path}.whole`);
  writeFileSync(path, Buffer.alloc(65_536, 'no database'));
  withoutCompanions(path);
  for (const asked of PATHS) {
    const { status, json, headers } = await ask(page, asked);
    expect(status, asked).toBe(503);
    expect(json.detail).toContain(name.replace('.db', ''));
    expect(json.hint).toMatch(/collector/);
    expect(JSON.stringify(json)).not.toContain('.ts:');
    expect(headers.get('retry-after')).not.toBeNull();
  }
  renameSync(`${path}.whole`, path);
  for (const asked of PATHS) expect((await ask(page, asked)).status, asked).toBe(200);
});

test('pages in which bits have flipped end no answer but their own', async () => {
  const { stateDir, page } = await home();
  const path = join(stateDir, 'history.db');
  const { readFileSync } = await import('node:fs');
  const whole = readFileSync(path);
  for (let at = 4096; at < whole.length; at += 4096) {
    const broken = Buffer.from(whole);
    broken.fill(0xa5, at, at + 64);
    writeFileSync(path, broken);
    withoutCompanions(path);
    for (const asked of PATHS.slice(3))
      expect([200, 503], `${asked} at ${at}`).toContain((await ask(page, asked)).status);
  }
  writeFileSync(path, whole);
  expect((await ask(page, PATHS[3] ?? '')).status).toBe(200);
});

test('without a journal it is said so', async () => {
  const page = await startPage({ stateDir: temporaryDirectory() });
  for (const asked of PATHS) {
    const { status, json } = await ask(page, asked);
    expect({ status, detail: json.detail }).toMatchObject({ status: 503, detail: expect.stringMatching(/no journal/) });
  }
});

test('a journal that took the place of another is the one that is read', async () => {
  const { stateDir, page } = await home();
  const other = temporaryDirectory();
  commit(other, readings(NOON_MS + 60_000));
  for (const file of ['journal.db', 'history.db']) {
    withoutCompanions(join(stateDir, file));
    rmSync(join(stateDir, file));
  }
  renameSync(join(other, 'journal.db'), join(stateDir, 'journal.db'));
  const { json } = await ask(page, PATHS[3] ?? '');
  expect(json.timesMs[0]).toBe(NOON_MS + 60_000);
});
