import { spawnSync } from 'node:child_process';
import { copyFileSync, existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { JournalReader } from '../../agent/journal/reader.ts';
import { type Child, REPOSITORY, runProgram } from '../support/child.ts';
import { ALL } from '../support/open-journal.ts';
import { readingAt } from '../support/readings.ts';
import { requireMounts } from '../support/requires.ts';
import { SmallDisk } from '../support/small-disk.ts';
import { temporaryDirectory } from '../support/temporary.ts';

test('a memory-backed place that is full tears no line: each reading goes to the card at once', (context) => {
  requireMounts(context);
  const directory = temporaryDirectory();
  const runtime = join(directory, 'run');
  mkdirSync(runtime);
  const script = `${process.execPath} --disable-warning=ExperimentalWarning ${REPOSITORY}/test/support/small-journal.ts ${directory}/state`;
  const inSmallFileSystem = `mount -t tmpfs -o size=16k tmpfs ${runtime} && ${script} append 1 500 && echo && ${script} look`;
  const { stdout, stderr } = spawnSync('unshare', ['-rm', 'sh', '-c', inSmallFileSystem], {
    encoding: 'utf8',
    env: { ...process.env, RUNTIME_DIRECTORY: runtime },
  });
  const all = Array.from({ length: 500 }, (_, i) => (i + 1) * 1000);
  const [appended, restarted] = stdout.split('\n').map((line) => JSON.parse(line));
  expect(stderr).toBe('');
  expect(appended).toMatchObject({ inMemory: true, times: all });
  expect(appended.messages).toContainEqual(expect.stringMatching(/^the tail .* cannot be written: flushing at once$/));
  expect(restarted.times).toEqual(all);
});

test('a collector starts on a full disk, keeps what a killed one left, and commits all once there is room', (context) => {
  requireMounts(context);
  const directory = temporaryDirectory();
  const [disk, runtime] = [join(directory, 'disk'), join(directory, 'run')];
  for (const path of [disk, runtime]) mkdirSync(path);
  const script = `${process.execPath} --disable-warning=ExperimentalWarning ${REPOSITORY}/test/support/small-journal.ts ${disk}/state`;
  const steps = [
    `mount -t tmpfs -o size=2m tmpfs ${disk}`,
    `${script} flush 1 40`,
    'echo',
    `{ dd if=/dev/zero of=${disk}/ballast bs=1k 2>/dev/null || true; }`,
    `${script} flush 41 60`,
    'echo',
    `rm ${disk}/ballast`,
    `${script} look`,
  ];
  const { stdout, stderr } = spawnSync('unshare', ['-rm', 'sh', '-c', steps.join(' && ')], {
    encoding: 'utf8',
    env: { ...process.env, RUNTIME_DIRECTORY: runtime },
  });
  expect(stderr).toBe('');
  const [before, full, after] = stdout.split('\n').map((line) => JSON.parse(line));
  const upTo = (count: number) => Array.from({ length: count }, (_, i) => (i + 1) * 1000);
  expect(before.times).toEqual(upTo(40));
  expect(full.messages).toContainEqual(expect.stringMatching(/full/));
  expect(full.times).toEqual(upTo(60));
  expect(after.times).toEqual(upTo(60));
});

/** A collector on a small disk. */
function collectOn(disk: SmallDisk, runtime: string, first = 1): Child {
  const [program, args] = disk.command('env', [
    `RUNTIME_DIRECTORY=${runtime}`,
    process.execPath,
    '--disable-warning=ExperimentalWarning',
    `${REPOSITORY}/test/support/full-disk-child.ts`,
    join(disk.directory, 'state'),
    String(first),
  ]);
  return runProgram(program, args);
}

/** What lies on the disk after a clean end, where it can be read. */
function readingsOn(disk: SmallDisk) {
  const copy = temporaryDirectory();
  for (const name of ['journal.db', 'journal.db-wal', 'journal.spool']) {
    const path = disk.outside(join('state', name));
    if (existsSync(path)) copyFileSync(path, join(copy, name));
  }
  const reader = new JournalReader(copy);
  try {
    return reader.readings(ALL);
  } finally {
    reader.close();
  }
}

const upTo = (last: number) => Array.from({ length: last }, (_, i) => readingAt((i + 1) * 1000));

async function endOf(child: Child): Promise<number> {
  await child.end('SIGTERM');
  expect(child.errors()).toBe('');
  return Number(/"last":(\d+)/.exec(child.output())?.[1]);
}

test('a disk that fills up while it runs: said once, collecting goes on; freed, all is stored', async (context) => {
  requireMounts(context);
  const disk = await SmallDisk.mount(2);
  const child = collectOn(disk, temporaryDirectory());
  await child.printed(/"problem":"none"/);
  await sleep(200);
  for (let round = 1; round <= 2; round++) {
    disk.fill();
    await child.printed(new RegExp(`(?:"problem":"[^"]*full.*?){${round}}`, 's'));
    // Longer than the spool takes.
    await sleep(1500);
    disk.free();
    await child.printed(new RegExp(`(?:the journal can be written again.*?){${round}}`, 's'));
  }
  const last = await endOf(child);
  expect(child.output().match(/"level":50/g)).toHaveLength(2);
  expect(readingsOn(disk)).toEqual(upTo(last));
});

test('a collector that starts on a full disk without a journal collects in memory until there is room', async (context) => {
  requireMounts(context);
  const disk = await SmallDisk.mount(2);
  mkdirSync(disk.outside('state'));
  disk.fill();
  const child = collectOn(disk, temporaryDirectory());
  await child.printed(/"problem":".*full/);
  await sleep(500);
  disk.free();
  await child.printed(/the journal can be written again/);
  const last = await endOf(child);
  expect(readingsOn(disk)).toEqual(upTo(last));
});

test('killed on a full disk, its tail and spool are taken over by the next one, on the full disk as well', async (context) => {
  requireMounts(context);
  const disk = await SmallDisk.mount(2);
  const runtime = temporaryDirectory();
  const first = collectOn(disk, runtime);
  await first.printed(/"problem":"none"/);
  await sleep(300);
  disk.fill();
  await first.printed(/"problem":".*full/);
  await sleep(300);
  await first.end('SIGKILL');
  const second = collectOn(disk, runtime, 100_001);
  await second.printed(/"problem":".*full/);
  await sleep(300);
  await second.end('SIGKILL');
  disk.free();
  const third = collectOn(disk, runtime, 200_001);
  await third.printed(/"problem":"none"/);
  await sleep(200);
  await endOf(third);
  const times = readingsOn(disk).map(({ timeMs }) => timeMs / 1000);
  for (const begin of [1, 100_001, 200_001]) {
    const own = times.filter((second) => second >= begin && second < begin + 100_000);
    expect(own).toEqual(Array.from({ length: own.length }, (_, i) => begin + i));
    expect(own.length).toBeGreaterThan(5);
  }
});

test('a journal that is damaged on a full disk: set aside, collected in memory, and salvaged when there is room', async (context) => {
  requireMounts(context);
  const disk = await SmallDisk.mount(3);
  const runtime = temporaryDirectory();
  const before = collectOn(disk, runtime, 1);
  await before.printed(/"problem":"none"/);
  await sleep(500);
  const last = await endOf(before);
  const path = disk.outside('state/journal.db');
  writeFileSync(path, readFileSync(path).fill(0x55, 0, 4096));
  disk.fill();
  const child = collectOn(disk, runtime, 100_001);
  await child.printed(/it is set aside as/);
  await child.printed(/"problem":".*full/);
  await sleep(500);
  disk.free();
  await child.printed(/is salvaged;/);
  await endOf(child);
  const times = readingsOn(disk).map(({ timeMs }) => timeMs / 1000);
  expect(times.slice(0, last)).toEqual(upTo(last).map(({ timeMs }) => timeMs / 1000));
  expect(times.slice(last)).toEqual(Array.from({ length: times.length - last }, (_, i) => 100_001 + i));
  expect(times.length).toBeGreaterThan(last + 5);
});
