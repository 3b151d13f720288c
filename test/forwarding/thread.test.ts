import { readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { expect, onTestFinished, test } from 'vitest';
import { startForwarding } from '../../agent/forwarding/thread.ts';
import { fillJournal, journalPoints, secondsFrom, sinkConfig } from '../support/forwarding.ts';
import { requireProgram } from '../support/requires.ts';
import { recordingLog, silentLog } from '../support/silent-log.ts';
import { temporaryDirectory } from '../support/temporary.ts';
import { VictoriaMetrics } from '../support/victoria-metrics.ts';

/** Nice of each thread of this process (proc(5), field 19 of stat). */
function niceOfThreads(): number[] {
  return readdirSync('/proc/self/task').map((id) => {
    const fields = readFileSync(`/proc/self/task/${id}/stat`, 'utf8').split(') ')[1]?.split(' ') ?? [];
    return Number(fields[16]);
  });
}

test('the thread yields to the one that reads the meters', async () => {
  const before = niceOfThreads();
  const stateDir = temporaryDirectory();
  fillJournal(stateDir, [1_700_000_000]);
  const options = {
    stateDir,
    runtimeDirectory: temporaryDirectory(),
    sinks: [sinkConfig({ url: 'http://127.0.0.1:9' })],
  };
  const stop = startForwarding(options, silentLog);
  onTestFinished(stop);
  const nicer = Math.min(19, Math.max(...before) + 10);
  while (Math.max(...niceOfThreads()) <= Math.max(...before)) await sleep(20);
  expect(niceOfThreads().filter((nice) => nice === nicer)).toHaveLength(1);
});

test('a thread that dies is started again, and forwards when it can', async (context) => {
  requireProgram(context, 'victoria-metrics');
  const server = await VictoriaMetrics.start();
  const stateDir = join(temporaryDirectory(), 'state');
  writeFileSync(stateDir, 'no directory');
  const { log, lines } = recordingLog();
  const options = { stateDir, runtimeDirectory: temporaryDirectory(), sinks: [sinkConfig({ url: server.url })] };
  const stop = startForwarding(options, log, { restartMs: 50 });
  onTestFinished(stop);
  const deaths = () => lines.filter(({ msg }) => msg === 'the forwarding thread failed');
  while (deaths().length < 2) await sleep(20);
  expect(deaths()[0]).toMatchObject({ level: 50, reason: expect.stringContaining(stateDir) });
  rmSync(stateDir);
  fillJournal(stateDir, secondsFrom(1_700_000_000, 20));
  const wanted = journalPoints(stateDir);
  while ((await server.points()).size < wanted.size) await sleep(50);
  expect(await server.points()).toEqual(wanted);
});

test('a thread that cannot be made is tried again; the collector goes on', async () => {
  const { log, lines } = recordingLog();
  let tries = 0;
  const newWorker = () => {
    tries++;
    throw Object.assign(new Error('Worker initialization failure: EAGAIN'), { code: 'ERR_WORKER_INIT_FAILED' });
  };
  const options = { stateDir: '/nowhere', runtimeDirectory: '/nowhere', sinks: [] };
  const stop = startForwarding(options, log, { restartMs: 5, newWorker });
  while (tries < 3) await sleep(5);
  await stop();
  const after = tries;
  await sleep(50);
  expect(tries).toBe(after);
  expect(lines[0]).toMatchObject({ level: 50, reason: 'Worker initialization failure: EAGAIN' });
});
