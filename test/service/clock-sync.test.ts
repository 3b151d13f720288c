import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { runCollector } from '../../agent/collector/run.ts';
import { parseConfig } from '../../agent/config/load.ts';
import { serviceTables } from '../../agent/meters/service/catalogue.ts';
import type { Bus } from '../../agent/modbus/bus.ts';
import { BusError } from '../../agent/modbus/bus-error.ts';
import { ClockSync } from '../../agent/service/clock-sync.ts';
import type { ServiceMemory } from '../../agent/simulator/service-memory.ts';
import type { ClockEvidence } from '../../agent/system/clock-state.ts';
import { createLogger } from '../../agent/system/logging.ts';
import { Zone } from '../../agent/system/zone.ts';
import { allReadings } from '../support/imports.ts';
import { type ServiceLineOptions, serviceLine } from '../support/service-line.ts';
import { expect, test } from '../support/side-by-side.ts';
import { recordingLog } from '../support/silent-log.ts';
import { temporaryDirectory } from '../support/temporary.ts';
import { WIRE_9600 } from '../support/virtual-line.ts';

const vouched = (yes: boolean): ClockEvidence => ({
  boot: 'test',
  bootMs: 0,
  synchronized: () => yes,
  keptByHardware: () => yes,
});

/** Collects for some seconds with the daily look at the clock; longer while a busy machine has not said what is waited for. */
async function collect(stateDir: string, port: string, seconds: number, evidence = vouched(true), said = /^/) {
  const lines: string[] = [];
  const meter = `{name: house, model: we-515, clockSync: daily, connection: {serial: ${port}}}`;
  const config = parseConfig(`stateDir: ${stateDir}\nclock: {hold: 0s}\nmeters: [${meter}]\n`, 'config.yaml');
  const outcomes: object[] = [];
  let end = () => {};
  const until = new Promise<void>((resolve) => {
    end = resolve;
  });
  await runCollector({
    config,
    log: createLogger({ level: 'info', format: 'json', write: (line) => void lines.push(line) }),
    until,
    evidence,
    onOutcome: (_, outcome) => {
      outcomes.push(outcome);
      if (outcomes.length >= seconds && (said.test(lines.join('')) || outcomes.length >= 30)) end();
    },
  });
  const clock = allReadings(stateDir).filter(({ series }) => series.measurement === 'clock');
  return { outcomes, log: lines.join(''), clock };
}

const WAS = /clock was (?:not )?set/;
const line = (options: ServiceLineOptions = {}) => serviceLine({ service: { clockAheadMs: 60_000 }, ...options });
const isRight = ({ clockAheadMs }: ServiceMemory) => Math.abs(clockAheadMs) < 2000;

test('once a day, between the samples: read, set, read back, logged and recorded; no second is missed', async () => {
  const { port, service } = line();
  const stateDir = join(temporaryDirectory(), 'state');
  const first = await collect(stateDir, port, 6, vouched(true), WAS);
  expect(first.log).toContain("the meter's clock was set");
  expect([isRight(service), service.writes.length]).toEqual([true, 1]);
  expect(first.outcomes.filter((outcome) => !('reading' in outcome))).toEqual([]);
  expect(first.clock.map(({ values }) => [Math.round((values.drift ?? 0) / 10), values.set])).toEqual([[6, 1]]);
  const again = await collect(stateDir, port, 4);
  expect([service.writes.length, again.clock.length]).toEqual([1, 1]);
});

test('a clock that is right is left alone', async () => {
  const { port, service } = serviceLine({ service: { clockAheadMs: 2000 } });
  const { clock } = await collect(join(temporaryDirectory(), 'state'), port, 5);
  expect(service.writes).toEqual([]);
  expect(clock.map(({ values }) => values.set)).toEqual([0]);
});

test('a machine whose clock nobody vouches for sets no meter', async () => {
  const { port, service } = line();
  const { log } = await collect(join(temporaryDirectory(), 'state'), port, 7, vouched(false));
  expect(log).toContain("the meter's clock is not looked at");
  expect(service.writes).toEqual([]);
});

test.for([
  'ignore',
  'refuse',
  'lose-request',
  'lose-reply',
] as const)('%s: it is written once, and what came of it is said', async (fault) => {
  const { port, service } = line({ fault });
  const { log, outcomes } = await collect(join(temporaryDirectory(), 'state'), port, 7, vouched(true), WAS);
  expect(log).toContain(fault === 'lose-reply' ? "the meter's clock was set" : "the meter's clock was not set");
  expect([service.writes.length, isRight(service)]).toEqual([1, fault === 'lose-reply']);
  expect(outcomes.filter((outcome) => !('reading' in outcome))).toEqual([]);
});

test('a meter without a clock that is known is told in the configuration', () => {
  const meter = (model: string) =>
    `meters: [{name: a, model: ${model}, clockSync: daily, connection: {serial: /dev/x}}]`;
  expect(() => parseConfig(meter('sdm120'), 'c')).toThrow(/clockSync: a sdm120 has no clock that is known/);
  expect(() => parseConfig(meter('we-526'), 'c')).toThrow(/clockSync: a we-526 has no clock that is known/);
  expect(() => parseConfig(meter('we-517').replace('daily', 'hourly'), 'c')).toThrow(/write daily, or leave it out/);
});

test('where no pause is long enough, that is said once a day', async () => {
  const { log, lines } = recordingLog();
  const { clock: table } = serviceTables('we-517');
  if (!table) return;
  let nowMs = Date.UTC(2026, 10, 21, 12);
  const sync = new ClockSync({
    unit: 1,
    table,
    pauseMs: 0,
    responseMs: 600,
    wire: WIRE_9600,
    bus: () => ({}) as Bus,
    turn: () => Promise.reject(new BusError('busy', 'no time is left on the line for this read')),
    zone: new Zone('UTC'),
    doubt: () => Promise.resolve(undefined),
    log,
    doneDay: undefined,
    remember: () => {},
    record: () => {},
    now: () => nowMs,
    patienceMs: 20,
  });
  const pauses = async () => {
    for (let i = 0; i < 10; i++) {
      sync.pause(performance.now() + 500);
      await sleep(10);
    }
  };
  const said = () => lines.filter(({ msg }) => /no pause between its samples is long enough/.test(String(msg))).length;
  await pauses();
  expect(said()).toBe(1);
  nowMs += 86_400_000;
  await pauses();
  expect(said()).toBe(2);
});
