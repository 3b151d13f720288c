import { setTimeout as sleep } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { Journal } from '../../agent/journal/journal.ts';
import { FaultProxy } from '../support/fault-proxy.ts';
import { fillJournal, forward, journalPoints, secondsFrom, sinkConfig } from '../support/forwarding.ts';
import { DECIMALS, HOUSE, readingAt } from '../support/readings.ts';
import { requireProgram } from '../support/requires.ts';
import { recordingLog, silentLog } from '../support/silent-log.ts';
import { temporaryDirectory } from '../support/temporary.ts';
import { VictoriaMetrics } from '../support/victoria-metrics.ts';

const PI = { ...HOUSE, measurement: 'host', meter: 'pi' };

test("a bucket for the machine's metrics that is missing holds up no meter; once it is there, it gets everything", async (context) => {
  requireProgram(context, 'victoria-metrics');
  const server = await VictoriaMetrics.start();
  const proxy = await FaultProxy.start(server.url);
  const body = '{"code":"not found","message":"bucket \\"host\\" not found"}';
  const headers = { 'content-type': 'application/json' };
  proxy.faultFor = (path) =>
    path.includes('bucket=host') ? { kind: 'answer', status: 404, headers, body } : undefined;
  const stateDir = temporaryDirectory();
  fillJournal(stateDir, secondsFrom(1_700_000_000, 100));
  const journal = Journal.open({ stateDir, flushIntervalMs: 3_600_000, log: silentLog });
  for (let minute = 0; minute < 3; minute++)
    journal.append(readingAt(1_700_000_000_000 + minute * 60_000, PI), DECIMALS);
  journal.close();
  const { log, lines } = recordingLog();
  forward(stateDir, [sinkConfig({ url: proxy.url, batchSize: 10 })], { log });
  const wanted = journalPoints(stateDir);
  const ofMeters = new Map([...wanted].filter(([key]) => key.startsWith('energy_')));
  while ((await server.points()).size < ofMeters.size) await sleep(20);
  expect(await server.points()).toEqual(ofMeters);
  expect(lines).toContainEqual(
    expect.objectContaining({
      level: 50,
      msg: expect.stringMatching(/^influxdb\/host: the server answers 404: bucket "host"/),
    }),
  );
  proxy.faultFor = () => undefined;
  while ((await server.points()).size < wanted.size) await sleep(20);
  // The machine's readings carry the tag host instead of meter.
  const there = [...(await server.points())].map(([key, value]) => [key.replace('undefined', 'pi'), value] as const);
  expect(new Map(there)).toEqual(wanted);
});
