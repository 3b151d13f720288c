import { afterEach, expect, test, vi } from 'vitest';
import { Collector } from '../../agent/collector/collector.ts';
import { parseConfig } from '../../agent/config/load.ts';
import { open } from '../support/open-journal.ts';
import { silentLog } from '../support/silent-log.ts';
import { temporaryDirectory } from '../support/temporary.ts';

afterEach(() => void vi.useRealTimers());

test.for([
  ['a month ahead: the machine was off, and its clock has no battery', 30],
  ['a day back', -1],
] as const)('how long the collector runs stays true when the clock is set %s', async ([, days]) => {
  const stateDir = `${temporaryDirectory()}/state`;
  const meters = [{ name: 'house', model: 'we-515', connection: { serial: '/dev/nowhere' } }];
  const config = parseConfig(JSON.stringify({ stateDir, meters }), 'test.yaml');
  vi.useFakeTimers({ toFake: ['Date'] });
  const journal = open(stateDir);
  const collector = new Collector({ config, journal, log: silentLog });
  vi.setSystemTime(Date.now() + days * 86_400_000);
  const { startedMs, updatedMs } = collector.status();
  expect(updatedMs).toBe(Date.now());
  // By a clock that does not go with it.
  expect(updatedMs - startedMs).toBeGreaterThanOrEqual(0);
  expect(updatedMs - startedMs).toBeLessThan(3_600_000);
  await collector.stop();
  journal.close();
});
