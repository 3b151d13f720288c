import { expect, test } from 'vitest';
import type { BackupSource } from '../../../agent/backup/source.ts';
import { influxdb1Source } from '../../../agent/backup/sources/influxdb1.ts';
import { victoriaMetricsSource } from '../../../agent/backup/sources/victoria-metrics.ts';
import { backUp, contents, openRepository } from '../../support/backups.ts';
import { FaultProxy } from '../../support/fault-proxy.ts';
import { fillJournal, secondsFrom } from '../../support/forwarding.ts';
import { Influxdb1, influxd1Program, requireInfluxd1 } from '../../support/influxdb1.ts';
import { memoryStore } from '../../support/memory-store.ts';
import { requireProgram } from '../../support/requires.ts';
import { temporaryDirectory } from '../../support/temporary.ts';
import { VictoriaMetrics } from '../../support/victoria-metrics.ts';

/** 2026-03-01T00:00:00Z */
const FIRST_S = 1_772_323_200;
const LINES = Array.from(
  { length: 5000 },
  (_, i) => `energy,meter=house voltage=${230 + (i % 70) / 10} ${(FIRST_S + i * 60) * 1000}`,
).join('\n');

/** Two backups of a source beside the journal; the second one sends nothing but its manifest. */
async function twice(source: (stateDir: string) => BackupSource) {
  const stateDir = temporaryDirectory();
  fillJournal(stateDir, secondsFrom(FIRST_S, 10));
  const store = memoryStore(new Map());
  const first = await backUp(stateDir, store, { sources: [source(stateDir)] });
  const second = await backUp(stateDir, store, { sources: [source(stateDir)] });
  expect(first).toMatchObject({ verified: true, missing: [] });
  expect(second).toMatchObject({ verified: true, missing: [], sentObjects: 0, hold: undefined });
  const repository = await openRepository(store);
  const files = await contents(repository, second.name);
  expect(files).toEqual(await contents(repository, first.name));
  return { files, stateDir, store };
}

test('VictoriaMetrics in a repository: nothing new is sent for nothing new; away, it is missing, and nothing shrank', async (context) => {
  requireProgram(context, 'victoria-metrics');
  const server = await VictoriaMetrics.start();
  await fetch(`${server.url}/api/v2/write?precision=ms`, { method: 'POST', body: LINES });
  await (await fetch(`${server.url}/internal/force_flush`)).arrayBuffer();
  const proxy = await FaultProxy.start(server.url);
  const source = () =>
    victoriaMetricsSource({
      name: 'victoriametrics',
      address: { url: proxy.url },
      measurements: ['energy'],
      timeoutMs: 20_000,
    });
  const { files, stateDir, store } = await twice(source);
  expect([...files.keys()].filter((path) => path.startsWith('victoriametrics/2026-03-0'))).toHaveLength(4);
  await proxy.refuse();
  const without = await backUp(stateDir, store, { sources: [source()] });
  expect(without.missing).toEqual([
    { source: 'victoriametrics', reason: expect.stringContaining('cannot be asked') as string },
  ]);
  expect(without.hold).toBeUndefined();
});

test('InfluxDB 1 in a repository: nothing new is sent for nothing new', async (context) => {
  requireInfluxd1(context);
  const server = await Influxdb1.start();
  await server.query('CREATE DATABASE energy WITH SHARD DURATION 1d');
  await server.write('energy', LINES.split('\n'));
  const { files } = await twice((stateDir) =>
    influxdb1Source({
      name: 'databases/old',
      program: influxd1Program(),
      host: '127.0.0.1',
      port: server.rpcPort,
      databases: ['energy'],
      stateDir,
      silenceMs: 30_000,
    }),
  );
  expect([...files.keys()].filter((path) => path.endsWith('.tsm'))).toHaveLength(4);
});
