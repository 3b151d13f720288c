import { execFileSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { DirectoryStore } from '../../agent/backup/directory-store.ts';
import { ageEnvelope } from '../../agent/backup/envelope.ts';
import { openDetails } from '../../agent/backup/manifest.ts';
import { recall, remember } from '../../agent/backup/memory.ts';
import { SnapshotReader } from '../../agent/backup/snapshot-reader.ts';
import type { BackupSource } from '../../agent/backup/source.ts';
import { storeWith } from '../../agent/backup/store.ts';
import { verify } from '../../agent/backup/verify.ts';
import { AgentError } from '../../agent/system/errors.ts';
import { ALL, backUp, contents, newKeys, openRepository } from '../support/backups.ts';
import { fillJournal, secondsFrom } from '../support/forwarding.ts';
import { open } from '../support/open-journal.ts';
import { DECIMALS, HOUSE, readingAt } from '../support/readings.ts';
import { requireProgram } from '../support/requires.ts';
import { temporaryDirectory } from '../support/temporary.ts';

const DAY_S = 86_400;
/** 2026-03-01T00:00:00Z */
const FIRST_S = 1_772_323_200;

/** A journal of `days` with some readings each, and a store. */
async function prepared(days: number) {
  const stateDir = temporaryDirectory();
  for (let day = 0; day < days; day++) fillJournal(stateDir, secondsFrom(FIRST_S + day * DAY_S + 3600, 50));
  return { stateDir, store: await DirectoryStore.open(temporaryDirectory()) };
}

test('old days are a file each, the newest two an hour each; counts and checksums are there', async () => {
  const { stateDir, store } = await prepared(4);
  const result = await backUp(stateDir, store);
  expect(result).toMatchObject({ sequence: 1, verified: true, problems: [], counts: { energy: 200 } });
  const repository = await openRepository(store);
  const files = await contents(repository, result.name);
  expect([...files.keys()]).toEqual([
    'journal/2026-03-01',
    'journal/2026-03-02',
    'journal/2026-03-03T01',
    'journal/2026-03-04T01',
    'journal/state.json',
  ]);
  const details = await openDetails(await repository.manifest(result.name), repository.envelope);
  expect(details).toMatchObject({ host: 'pi', counts: { energy: 200 } });
  const [head = ''] = (files.get('journal/2026-03-01') ?? '').toString('latin1').split('\n');
  expect(JSON.parse(head)).toMatchObject({
    from: FIRST_S * 1000,
    series: [[1, 'energy', 'house', 'we-515']],
    gaps: [],
  });
});

test('what is unchanged does not travel again, whether remembered or not; what is late does', async () => {
  const { stateDir, store } = await prepared(5);
  await backUp(stateDir, store);
  expect(await backUp(stateDir, store)).toMatchObject({ sequence: 2, sentObjects: 0, counts: { energy: 250 } });
  rmSync(join(stateDir, 'backup'), { recursive: true });
  expect(await backUp(stateDir, store, { adopt: true })).toMatchObject({ sequence: 3, sentObjects: 0 });
});

test('an old day that changes goes by hours, so that the next change sends an hour; when it is quiet it is a file again', async () => {
  const { stateDir, store } = await prepared(5);
  const paths = async (name: string) => [...(await contents(await openRepository(store), name)).keys()];
  const sentFiles = async (before: string, after: string) => {
    const repository = await openRepository(store);
    const [old, now] = [await contents(repository, before), await contents(repository, after)];
    return [...now].filter(([path, content]) => !old.get(path)?.equals(content)).map(([path]) => path);
  };
  const first = await backUp(stateDir, store);
  expect(await paths(first.name)).toContain('journal/2026-03-01');
  // Late readings, in an hour that had none.
  fillJournal(stateDir, secondsFrom(FIRST_S + 100, 10));
  const second = await backUp(stateDir, store);
  expect(second.counts).toEqual({ energy: 260 });
  expect(await sentFiles(first.name, second.name)).toEqual([
    'journal/2026-03-01T00',
    'journal/2026-03-01T01',
    'journal/state.json',
  ]);
  fillJournal(stateDir, secondsFrom(FIRST_S + 200, 10));
  const third = await backUp(stateDir, store);
  expect(third.counts).toEqual({ energy: 270 });
  expect(await sentFiles(second.name, third.name)).toEqual(['journal/2026-03-01T00', 'journal/state.json']);
  const fourth = await backUp(stateDir, store);
  expect(fourth.counts).toEqual({ energy: 270 });
  expect(await paths(fourth.name)).toEqual(await paths(first.name));
});

test('an hour whose object was damaged, of a day that is as it was, is in the next backup again', async () => {
  const { stateDir, store } = await prepared(3);
  const nowMs = (FIRST_S + 2 * DAY_S + 7200) * 1000;
  fillJournal(stateDir, secondsFrom(FIRST_S + 2 * DAY_S + 7200, 50));
  const first = await backUp(stateDir, store, { nowMs });
  const snapshot = await SnapshotReader.open(await openRepository(store), first.name);
  const hour = snapshot.file('journal/2026-03-03T02');
  const path = join(store.label, hour?.objects[0]?.name ?? '');
  rmSync(path);
  const second = await backUp(stateDir, store, { nowMs });
  expect(second).toMatchObject({ counts: first.counts, verified: true, sentObjects: 1 });
});

test('a clock that goes back, and comes right, sends nothing again', async () => {
  const { stateDir, store } = await prepared(20);
  const run = async (day: number) =>
    (await backUp(stateDir, store, { nowMs: (FIRST_S + day * DAY_S) * 1000 })).sentObjects;
  await run(20);
  expect([await run(2), await run(20), await run(4000), await run(20)]).toEqual([0, 0, 0, 0]);
});

test('a meter that is new, or a reading of another kind, sends the hour in which it is and no other', async () => {
  const { stateDir, store } = await prepared(2);
  await backUp(stateDir, store);
  const journal = open(stateDir);
  journal.append(
    { ...readingAt((FIRST_S + DAY_S + 9000) * 1000, { ...HOUSE, meter: 'new' }), values: { other: 1 } },
    {},
  );
  journal.close();
  const { sentObjects } = await backUp(stateDir, store);
  // The hour, and what was learned.
  expect(sentObjects).toBeLessThanOrEqual(2);
});

test('what a verification finds while a backup runs stays found', async () => {
  const { stateDir, store } = await prepared(2);
  await backUp(stateDir, store);
  const { id } = (await openRepository(store)).config;
  fillJournal(stateDir, secondsFrom(FIRST_S + DAY_S + 9000, 5));
  const meanwhile = storeWith(store, {
    put: async (name, data) => {
      if (name.startsWith('objects/')) remember(stateDir, id, { ...recall(stateDir, id), damaged: ['objects/found'] });
      return store.put(name, data);
    },
  });
  await backUp(stateDir, meanwhile);
  expect(recall(stateDir, id).damaged).toEqual(['objects/found']);
});

test('a reading from the future does not make today an old day', async () => {
  const { stateDir, store } = await prepared(2);
  fillJournal(stateDir, secondsFrom(FIRST_S + 4000 * DAY_S, 5));
  const { name } = await backUp(stateDir, store, { nowMs: (FIRST_S + 2 * DAY_S) * 1000 });
  expect([...(await contents(await openRepository(store), name)).keys()]).toContain('journal/2026-03-02T01');
});

test('two machines in one repository: the second is refused, until it is said to replace the first', async () => {
  const { stateDir, store } = await prepared(1);
  await backUp(stateDir, store);
  const other = await prepared(2);
  await expect(backUp(other.stateDir, store)).rejects.toMatchObject({
    code: 'config',
    message: expect.stringMatching(/of another machine/),
    hint: expect.stringMatching(/--adopt/),
  });
  const adopted = await backUp(other.stateDir, store, { adopt: true });
  expect(adopted).toMatchObject({ sequence: 2, verified: true, hold: expect.stringMatching(/did not make/) });
  // What was there before must not be pushed out by what may be little: until a person has pruned.
  expect(await backUp(other.stateDir, store)).toMatchObject({ sequence: 3, sentObjects: 0, hold: adopted.hold });
  await expect(backUp(stateDir, store)).rejects.toMatchObject({ code: 'config' });
});

test('a source that cannot be read is left out and said; it has not to travel again when it is back', async () => {
  const { stateDir, store } = await prepared(1);
  let state: 'there' | 'cut' | 'away' = 'there';
  const asked: string[] = [];
  const big = randomBytes(300_000);
  const source: BackupSource = {
    name: 'databases/influxdb',
    *files() {
      asked.push(state);
      if (state === 'away') throw new AgentError('unavailable', 'the server is away', { retryable: true });
      yield { path: 'databases/influxdb/a', content: [big] };
      if (state === 'cut') throw new AgentError('unavailable', 'the server went away', { retryable: true });
      yield { path: 'databases/influxdb/b', stamp: '1', content: [Buffer.from('b')] };
    },
  };
  const run = () => backUp(stateDir, store, { sources: [source], pausesMs: [1, 1] });
  const first = await run();
  expect(first).toMatchObject({ missing: [], verified: true });
  for (const [now, reason] of [
    ['away', 'the server is away'],
    ['cut', 'the server went away'],
  ] as const) {
    state = now;
    asked.length = 0;
    const without = await run();
    expect(asked).toEqual([now, now, now]);
    expect(without.missing).toEqual([{ source: 'databases/influxdb', reason }]);
    const repository = await openRepository(store);
    const snapshot = await SnapshotReader.open(repository, without.name);
    expect(snapshot.details.missing).toEqual(without.missing);
    expect(snapshot.files('databases/')).toEqual([]);
    expect(recall(stateDir, repository.config.id).verified).toEqual([1]);
  }
  state = 'there';
  const back = await run();
  expect(back).toMatchObject({ missing: [], sentObjects: 0, sequence: 4 });
  expect((await contents(await openRepository(store), back.name)).get('databases/influxdb/a')?.equals(big)).toBe(true);
});

test('what was written by a run that ended before it was checked is looked at by the next', async () => {
  const { stateDir, store } = await prepared(4);
  let isCut = false;
  const cut = storeWith(store, {
    get: async (name) => {
      if (isCut) throw new AgentError('storage', 'power cut');
      return store.get(name);
    },
    put: async (name, data) => {
      const isNew = await store.put(name, data);
      isCut = name.startsWith('snapshots/');
      return isNew;
    },
  });
  expect((await backUp(stateDir, cut)).verified).toBe(false);
  for await (const { name } of store.list('objects/')) {
    const bytes = readFileSync(join(store.label, name));
    bytes[bytes.length - 1] = (bytes[bytes.length - 1] ?? 0) ^ 1;
    writeFileSync(join(store.label, name), bytes);
  }
  expect((await backUp(stateDir, store)).verified).toBe(false);
  expect(await backUp(stateDir, store)).toMatchObject({ verified: true });
});

test('an upload that takes too long for one run goes on in the next', async () => {
  const { stateDir, store } = await prepared(6);
  const sent: number[] = [];
  const budgetMs = -1;
  for (let run = 0; run < 30; run++) {
    const result = await backUp(stateDir, store, { budgetMs }).catch((error: AgentError) => {
      expect(error).toMatchObject({ code: 'unavailable', message: expect.stringMatching(/1 objects .* are there$/) });
    });
    sent.push(result?.sentObjects ?? 1);
    if (result) break;
  }
  // Four old days, two hours, and what was learned.
  expect(sent).toEqual([1, 1, 1, 1, 1, 1, 1, 0]);
});

test('what the store refuses is no fault of a source', async () => {
  const { stateDir, store } = await prepared(1);
  const full = storeWith(store, {
    put: async (name, data) => {
      if (data.length > 100_000) throw new AgentError('storage', 'the disk is full', { retryable: true });
      return store.put(name, data);
    },
  });
  const source: BackupSource = { name: 'other', files: () => [{ path: 'other/a', content: [randomBytes(200_000)] }] };
  await expect(backUp(stateDir, full, { sources: [source], pausesMs: [1] })).rejects.toThrowError('the disk is full');
});

test('encrypted for a key that this machine does not have: nobody reads it, it is verified all the same, the key opens it', async () => {
  const { stateDir, store } = await prepared(3);
  const keys = await newKeys();
  const first = await backUp(stateDir, store, { recipients: [keys.recipient] });
  expect(first.verified).toBe(true);
  expect(await backUp(stateDir, store, { recipients: [keys.recipient] })).toMatchObject({ sentObjects: 0 });
  for await (const { name } of store.list('')) {
    if (name === 'README.txt') continue;
    expect((await store.get(name))?.toString('latin1')).not.toMatch(/voltage|house|we-515/);
  }
  const without = await openRepository(store);
  await expect(openDetails(await without.manifest(first.name), without.envelope)).rejects.toMatchObject({
    code: 'config',
  });
  expect((await contents(await openRepository(store, keys), first.name)).size).toBe(4);
});

test('age and zstd, without this program, get a file back', async (context) => {
  requireProgram(context, 'age');
  requireProgram(context, 'zstd');
  const { stateDir, store } = await prepared(3);
  const keys = await newKeys();
  const { name } = await backUp(stateDir, store, { recipients: [keys.recipient] });
  const repository = await openRepository(store, keys);
  const snapshot = await SnapshotReader.open(repository, name);
  const keyFile = join(temporaryDirectory(), 'key');
  writeFileSync(keyFile, `${keys.identity}\n`);
  const [file] = snapshot.files();
  const objects = (file?.objects ?? []).map((object) => join(store.label, object.name));
  const script = 'key="$1"; shift; for object; do age -d -i "$key" "$object" | zstd -dqc; done';
  const byHand = execFileSync('sh', ['-c', script, 'sh', keyFile, ...objects]);
  expect(byHand.equals((await contents(repository, name)).get(file?.path ?? '') ?? Buffer.alloc(0))).toBe(true);
});

test('an object or manifest that is cut or gone is found', async () => {
  const { stateDir, store } = await prepared(3);
  await backUp(stateDir, store);
  const repository = await openRepository(store);
  const names: string[] = [];
  for (const prefix of ['objects/', 'snapshots/']) for await (const { name } of store.list(prefix)) names.push(name);
  const problems = async () => (await verify(repository, await repository.names(), ALL)).problems;
  expect(await problems()).toEqual([]);
  for (const name of names) {
    const path = join(store.label, name);
    const whole = readFileSync(path);
    writeFileSync(path, whole.subarray(0, -1));
    expect(await problems()).not.toEqual([]);
    rmSync(path);
    expect((await problems()).length > 0 || name.startsWith('snapshots/')).toBe(true);
    writeFileSync(path, whole);
  }
});

test('a damaged newest snapshot is told and passed over; the next is whole', async () => {
  const { stateDir, store } = await prepared(3);
  await backUp(stateDir, store);
  const second = await backUp(stateDir, store);
  writeFileSync(join(store.label, second.name), 'noise');
  const third = await backUp(stateDir, store);
  expect(third).toMatchObject({ sequence: 3, sentObjects: 0, verified: true, counts: { energy: 150 } });
});

test('an object that is lost, cut or damaged is sent again by the next run', async () => {
  const { stateDir, store } = await prepared(3);
  await backUp(stateDir, store);
  const objects: string[] = [];
  for await (const { name } of store.list('objects/')) objects.push(join(store.label, name));
  const [lost = '', cut = '', rotten = ''] = objects;
  rmSync(lost);
  writeFileSync(cut, '');
  const second = await backUp(stateDir, store);
  expect(second).toMatchObject({ verified: true, sentObjects: 2 });
  const bytes = readFileSync(rotten);
  bytes[3] = (bytes[3] ?? 0) ^ 1;
  writeFileSync(rotten, bytes);
  const repository = await openRepository(store);
  const { damaged } = await verify(repository, [second.name], ALL);
  const memory = recall(stateDir, repository.config.id);
  remember(stateDir, repository.config.id, { ...memory, damaged });
  const third = await backUp(stateDir, store);
  expect(third).toMatchObject({ verified: true, sentObjects: 1 });
  expect(await verify(repository, [third.name], { ...ALL, files: true })).toMatchObject({ problems: [], files: 4 });
  // The first snapshot goes on vouching for the damaged one: no later run may believe it.
  const fourth = await backUp(stateDir, store);
  expect(fourth.sentObjects).toBe(0);
  expect(await verify(repository, [fourth.name], { ...ALL, files: true })).toMatchObject({ problems: [], files: 4 });
});

test('damaged objects and a damaged manifest together are not taken for the truth', async () => {
  const { stateDir, store } = await prepared(3);
  const first = await backUp(stateDir, store);
  for await (const { name } of store.list('objects/')) writeFileSync(join(store.label, name), '');
  writeFileSync(join(store.label, first.name), 'noise');
  const second = await backUp(stateDir, store);
  expect(second).toMatchObject({ verified: true, sentObjects: 4 });
  const result = await verify(await openRepository(store), [second.name], { ...ALL, files: true });
  expect(result).toMatchObject({ problems: [], files: 4 });
});

test('what the store says decides nothing about encryption', async () => {
  const { stateDir, store } = await prepared(3);
  const [keys, others] = [await newKeys(), await newKeys()];
  await backUp(stateDir, store, { recipients: [keys.recipient] });
  const path = join(store.label, 'repository.json');
  const text = readFileSync(path, 'utf8');
  for (const planted of [
    text.replace('recipients', 'recipiens'),
    text.replace(/\[[^\]]*\]/, '[]'),
    text.replace(keys.recipient, others.recipient),
  ]) {
    writeFileSync(path, planted);
    await expect(backUp(stateDir, store, { recipients: [keys.recipient] })).rejects.toThrowError(AgentError);
  }
  writeFileSync(path, text);
  await expect(backUp(stateDir, store, { recipients: [] })).rejects.toMatchObject({ code: 'config' });
  await expect(backUp(stateDir, store, { recipients: [others.recipient] })).rejects.toMatchObject({ code: 'config' });
  expect((await backUp(stateDir, store, { recipients: [keys.recipient] })).sequence).toBe(2);
});

test('an empty mount point is not the disk that was there', async () => {
  const { stateDir, store } = await prepared(1);
  await backUp(stateDir, store);
  rmSync(store.label, { recursive: true });
  const empty = await DirectoryStore.open(store.label);
  await expect(backUp(stateDir, empty)).rejects.toMatchObject({
    code: 'storage',
    hint: expect.stringMatching(/is the disk mounted/),
  });
  expect(readdirSync(store.label)).toEqual(['tmp']);
  expect(await backUp(stateDir, empty, { anew: true })).toMatchObject({ sequence: 1, verified: true });
});

test('another journal with as many readings a day is another content; one with far fewer says so', async () => {
  const { stateDir, store } = await prepared(4);
  await backUp(stateDir, store);
  for (const name of readdirSync(stateDir)) if (name.startsWith('journal')) rmSync(join(stateDir, name));
  const garage = { ...HOUSE, meter: 'garage' };
  const journal = open(stateDir);
  for (let day = 0; day < 4; day++) {
    for (let i = 0; i < 50; i++) journal.append(readingAt((FIRST_S + day * DAY_S + 3600 + i) * 1000, garage), DECIMALS);
  }
  journal.close();
  const { name, hold } = await backUp(stateDir, store);
  expect(hold).toBeUndefined();
  for (const [path, content] of await contents(await openRepository(store), name)) {
    if (path !== 'journal/state.json') expect(content.toString('latin1')).toContain('garage');
  }
  for (const file of readdirSync(stateDir)) if (file.startsWith('journal')) rmSync(join(stateDir, file));
  fillJournal(stateDir, secondsFrom(FIRST_S, 10));
  // Not only this once: until a person has pruned.
  for (let run = 0; run < 3; run++) expect((await backUp(stateDir, store)).hold).toMatch(/far fewer/);
});

test('a key with a mistyped character is said without the key', async () => {
  const keys = await newKeys();
  const spoilt = keys.identity.replace(/.$/, (last) => (last === 'Q' ? 'P' : 'Q'));
  const message = () => {
    try {
      ageEnvelope([keys.recipient], [spoilt]);
      return '';
    } catch (error) {
      return String(error);
    }
  };
  expect(message()).toMatch(/the recovery key is damaged/);
  expect(message()).not.toContain(spoilt.slice(20, 40));
  expect(() => ageEnvelope([keys.recipient.replace(/.$/, 'b')])).toThrowError(/no key of age/);
});

test('a store that is something else is refused and left alone', async () => {
  const { stateDir, store } = await prepared(1);
  writeFileSync(join(store.label, 'repository.json'), '{"format":"restic"}');
  await expect(backUp(stateDir, store)).rejects.toMatchObject({ code: 'storage' });
  expect(readdirSync(store.label).sort()).toEqual(['repository.json', 'tmp']);
});
