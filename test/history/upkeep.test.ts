import { spawn } from 'node:child_process';
import { mkdirSync, readdirSync, readFileSync, readlinkSync, rmSync, writeFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { expect, onTestFinished, test } from 'vitest';
import { historyPath, openHistoryForWriting } from '../../agent/history/database.ts';
import { History } from '../../agent/history/history.ts';
import { keepHistory } from '../../agent/history/upkeep.ts';
import { commit, FOR_EVER, keepUp, openHistory } from '../support/history.ts';
import { recordingLog } from '../support/silent-log.ts';
import { temporaryDirectory } from '../support/temporary.ts';
import { expectRight, type FuzzCase, someReadings } from './fuzz.ts';

const CASE: FuzzCase = { zone: 'Europe/Berlin', fromMs: Date.parse('2026-05-01T00:00Z'), hours: 30, seed: 4 };
const READINGS = someReadings(CASE);

/** Resolves when it holds. Who looks too often holds up the passes, which need the file for themselves to make it. */
async function until(holds: () => boolean): Promise<void> {
  for (let n = 0; !holds(); n++) {
    if (n > 400) throw new Error('never came to be');
    await sleep(100);
  }
}

function kept(stateDir: string) {
  const { log, lines } = recordingLog();
  const options = { stateDir, timeZone: CASE.zone, retention: FOR_EVER };
  const end = keepHistory(options, log, { firstMs: 0, everyMs: 20 });
  onTestFinished(end);
  return { end, lines };
}

function takenMs(stateDir: string): number | null {
  const history = new History(stateDir);
  try {
    return history.status().takenMs;
  } finally {
    history.close();
  }
}

test('a process keeps the history up, again and again, until it is ended', async () => {
  const stateDir = temporaryDirectory();
  commit(stateDir, READINGS.slice(0, 1000));
  const { end, lines } = kept(stateDir);
  await until(() => takenMs(stateDir) === READINGS[999]?.timeMs);
  commit(stateDir, READINGS.slice(1000));
  await until(() => takenMs(stateDir) === READINGS.at(-1)?.timeMs);
  await end();
  expectRight(openHistory(stateDir), READINGS, CASE);
  expect(lines).toEqual([]);
  const size = readFileSync(historyPath(stateDir)).length;
  commit(stateDir, someReadings({ ...CASE, fromMs: CASE.fromMs + 4e8 }));
  await sleep(200);
  expect(readFileSync(historyPath(stateDir)).length).toBe(size);
});

test('what is wrong is said by the collector’s log, and passes', async () => {
  const stateDir = temporaryDirectory();
  commit(stateDir, READINGS);
  // In the way of the history: neither damaged nor removable as a file.
  mkdirSync(historyPath(stateDir));
  const first = kept(stateDir);
  const { lines } = first;
  await until(() => lines.length > 0);
  // Each pass finds it; it is said once.
  await sleep(500);
  expect(lines).toEqual([expect.objectContaining({ level: 40, msg: expect.stringMatching(/cannot be kept up now/) })]);
  rmSync(historyPath(stateDir), { recursive: true });
  await until(() => takenMs(stateDir) === READINGS.at(-1)?.timeMs);
  await first.end();
  writeFileSync(historyPath(stateDir), 'noise '.repeat(2000));
  const second = kept(stateDir);
  await until(() => second.lines.length > 0);
  await second.end();
  expect(second.lines[0]).toMatchObject({
    level: 50,
    msg: expect.stringMatching(/^the history is damaged; it is set aside/),
  });
  expectRight(openHistory(stateDir), READINGS, CASE);
});

test('a signal to all processes of the collector does not break off what it is doing', async () => {
  const stateDir = temporaryDirectory();
  commit(stateDir, READINGS.slice(0, 10));
  keepUp(stateDir);
  commit(stateDir, READINGS.slice(10));
  const history = openHistoryForWriting(stateDir);
  history.exec('BEGIN IMMEDIATE');
  const program = fileURLToPath(new URL('../../agent/history/process.ts', import.meta.url));
  const options = { stateDir, timeZone: CASE.zone, retention: FOR_EVER };
  const child = spawn(process.execPath, [program, JSON.stringify(options)], { stdio: ['pipe', 'ignore', 'ignore'] });
  onTestFinished(() => void child.kill('SIGKILL'));
  const ended = new Promise((resolve) => child.once('close', (code, signal) => resolve([code, signal])));
  const open = () => readdirSync(`/proc/${child.pid}/fd`).map((fd) => linkOf(`/proc/${child.pid}/fd/${fd}`));
  await until(() => open().includes(historyPath(stateDir)));
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) child.kill(signal);
  await sleep(50);
  history.exec('COMMIT');
  history.close();
  expect(await ended).toEqual([0, null]);
  expect(takenMs(stateDir)).toBe(READINGS.at(-1)?.timeMs);
});

function linkOf(path: string): string | undefined {
  try {
    return readlinkSync(path);
  } catch {
    return undefined;
  }
}
