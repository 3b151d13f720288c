import { copyFileSync } from 'node:fs';
import { get } from 'node:https';
import { expect, onTestFinished, test, vi } from 'vitest';
import { parseConfig } from '../../agent/config/load.ts';
import { pageCompanion } from '../../agent/web/companion.ts';
import { selfSigned } from '../support/certificate.ts';
import { freePort } from '../support/free-port.ts';
import { silentLog } from '../support/silent-log.ts';
import { temporaryDirectory } from '../support/temporary.ts';

const METERS = 'meters: [{name: house, model: we-515, connection: {serial: /dev/ttyUSB0}}]';

test('a certificate that was renewed under its name is taken with the next reload, and what was read is still known', async () => {
  const stateDir = temporaryDirectory();
  const port = await freePort();
  const [before, after] = [selfSigned(temporaryDirectory()), selfSigned(temporaryDirectory())];
  const tls = `tls: {certificateFile: ${before.cert}, keyFile: ${before.key}}`;
  const config = parseConfig(
    `stateDir: ${stateDir}\n${METERS}\nweb: {listen: "127.0.0.1:${port}", ${tls}}\n`,
    'config.yaml',
  );
  let listening = 0;
  const companion = pageCompanion(silentLog, { onListening: () => listening++ })(config, stateDir);
  onTestFinished(() => companion.end());
  await vi.waitFor(() => expect(listening).toBe(1));
  const series = { measurement: 'energy', meter: 'house', model: 'we-515' };
  const values = { active_power: 4321 };
  companion.tell(series, { timeMs: 5000, held: false, reading: { series, timeMs: 5000, values } });
  /** The beginning of the stream, from a server that has this certificate. */
  const streamed = (ca: string) =>
    new Promise<string>((resolve, reject) => {
      let text = '';
      const asked = get(`https://127.0.0.1:${port}/api/v1/stream`, { ca, agent: false }, (response) => {
        response.setEncoding('utf8').on('data', (piece: string) => {
          text += piece;
          if (text.includes('4321')) asked.destroy();
        });
        response.once('close', () => resolve(text));
      });
      asked.once('error', reject);
    });
  expect(await streamed(before.ca)).toContain('4321');
  copyFileSync(after.cert, before.cert);
  copyFileSync(after.key, before.key);
  await companion.adopt(config);
  await vi.waitFor(() => expect(listening).toBe(2));
  expect(await streamed(after.ca)).toContain('4321');
  await expect(streamed(before.ca)).rejects.toThrow(/self-signed|certificate/);
});

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
