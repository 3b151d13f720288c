import { expect, onTestFinished, test, vi } from 'vitest';
import { parseConfig } from '../../agent/config/load.ts';
import { pageCompanion } from '../../agent/web/companion.ts';
import { freePort } from '../support/free-port.ts';
import { silentLog } from '../support/silent-log.ts';
import { temporaryDirectory } from '../support/temporary.ts';

const METERS = 'meters: [{name: house, model: we-515, connection: {serial: /dev/ttyUSB0}}]';

test('the page goes by the configuration as it is read again', async () => {
  const stateDir = temporaryDirectory();
  const configOf = (web: string, meters = METERS) =>
    parseConfig(`stateDir: ${stateDir}\n${meters}\nweb: ${web}\n`, 'config.yaml');
  const [one, other] = [await freePort(), await freePort()];
  const urls: string[] = [];
  const begin = pageCompanion(silentLog, { onListening: (url) => urls.push(url) });
  const companion = begin(configOf('{listen: off}'), stateDir);
  onTestFinished(() => companion.end());
  const answers = async (port: number) =>
    fetch(`http://127.0.0.1:${port}/healthz`).then(
      ({ status }) => status,
      () => 'nobody',
    );
  expect(await answers(one)).toBe('nobody');

  await companion.adopt(configOf(`{listen: "127.0.0.1:${one}"}`));
  await vi.waitFor(() => expect(urls).toEqual([`http://127.0.0.1:${one}/`]));
  expect(await answers(one)).toBe(200);
  // What is no matter of the page leaves it as it is.
  await companion.adopt(configOf(`{listen: "127.0.0.1:${one}"}\njournal: {retention: 60d}`));
  expect(urls).toHaveLength(1);

  await companion.adopt(configOf(`{listen: "127.0.0.1:${other}"}`));
  await vi.waitFor(() => expect(urls).toHaveLength(2));
  expect([await answers(one), await answers(other)]).toEqual(['nobody', 200]);
  await companion.adopt(configOf(`{listen: "127.0.0.1:${other}"}`, METERS.replace('house', 'garage')));
  await vi.waitFor(() => expect(urls).toHaveLength(3));
  const stream = await fetch(`http://127.0.0.1:${other}/api/v1/stream`);
  const { value } = (await stream.body?.pipeThrough(new TextDecoderStream()).getReader().read()) ?? {};
  expect(value).toContain('"meters":["garage"]');

  await companion.adopt(configOf('{listen: off}'));
  expect(await answers(other)).toBe('nobody');
});
