import { existsSync, writeFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { Forwarding } from '../../agent/collector/forwarding.ts';
import { parseConfig } from '../../agent/config/load.ts';
import { statusPath } from '../../agent/forwarding/forward-status.ts';
import { open } from '../support/open-journal.ts';
import { silentLog } from '../support/silent-log.ts';
import { temporaryDirectory } from '../support/temporary.ts';

test('of the last server that left the configuration nothing is said any more: its lag would grow for ever', async () => {
  const stateDir = `${temporaryDirectory()}/state`;
  const meters = [{ name: 'house', model: 'we-515', connection: { serial: '/dev/nowhere' } }];
  const configOf = (more: object) => parseConfig(JSON.stringify({ stateDir, meters, ...more }), 'test.yaml');
  const journal = open(stateDir);
  const path = statusPath(journal.runtime.path);
  writeFileSync(path, '{"updatedMs":0,"sinks":[]}');
  const server = configOf({ influxdb: { url: 'http://127.0.0.1:1', token: 'x' } });
  const forwarding = new Forwarding(server, journal, silentLog);
  expect(existsSync(path)).toBe(true);
  await forwarding.replace([]);
  expect(existsSync(path)).toBe(false);
  writeFileSync(path, '{"updatedMs":0,"sinks":[]}');
  const next = new Forwarding(configOf({}), journal, silentLog);
  expect(existsSync(path)).toBe(false);
  await next.end();
  journal.close();
});
