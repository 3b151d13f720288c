import { join } from 'node:path';
import { expect, test } from 'vitest';
import { nonsensePort } from '../support/fault-proxy.ts';
import { fillJournal, forward, secondsFrom, sinkConfig } from '../support/forwarding.ts';
import { requireInfluxd, setUp, startInfluxd } from '../support/influxd.ts';
import { recordingLog } from '../support/silent-log.ts';
import { temporaryDirectory } from '../support/temporary.ts';
import { webServer } from '../support/web-server.ts';

/** The first sentence that the log has for a server, with its hint. */
async function complaintAbout(entry: Record<string, unknown>): Promise<string> {
  const stateDir = temporaryDirectory();
  fillJournal(stateDir, secondsFrom(1_700_000_000, 3));
  const { log, lines } = recordingLog();
  const forwarding = forward(stateDir, [sinkConfig(entry)], { log });
  const complaint = () => lines.find(({ level }) => Number(level) >= 40);
  await expect.poll(complaint, { timeout: 10_000 }).toBeDefined();
  await forwarding.stop();
  const said = complaint();
  return `${said?.msg} (${said?.hint})`;
}

test.each([
  ['http://127.0.0.1:9', /cannot be reached.*ECONNREFUSED.*\(nothing listens there/],
  ['http://no-such-host.invalid:8086', /cannot be reached.*\(the host name/],
])('%s: said in one sentence, with what to do', async (url, sentence) => {
  expect(await complaintAbout({ url })).toMatch(sentence);
});

test('something that does not speak HTTP', async () => {
  expect(await complaintAbout({ url: `http://127.0.0.1:${await nonsensePort()}` })).toMatch(
    /cannot be reached: Parse Error/,
  );
});

test('https where plain http is spoken', async () => {
  const url = (await webServer(204, '')).replace('http:', 'https:');
  expect(await complaintAbout({ url })).toMatch(/cannot be reached.*\(the server does not speak TLS there; use http/);
});

test.each([
  [200, '<html>Grafana</html>', /answers 200.*\(the URL is not that of an InfluxDB/],
  [302, '', /answers 302.*\(the URL is not that of an InfluxDB/],
  [404, '404 page not found', /answers 404: 404 page not found.*\(the bucket or organisation is not there, or the URL/],
])('a web server of another kind that answers %i', async (status, body, sentence) => {
  expect(await complaintAbout({ url: await webServer(status, body) })).toMatch(sentence);
});

test('a token file that is not there', async () => {
  const tokenFile = join(temporaryDirectory(), 'no.token');
  expect(await complaintAbout({ url: 'http://127.0.0.1:9', tokenFile })).toMatch(
    /file .*no.token is not there.*\(write the secret there/,
  );
});

test('an authority file that is not there', async () => {
  const caFile = join(temporaryDirectory(), 'no.pem');
  expect(await complaintAbout({ url: 'https://127.0.0.1:9', caFile })).toMatch(/authority .*no.pem is not there/);
});

test('wrong token, bucket and organisation at a real InfluxDB', async (context) => {
  requireInfluxd(context);
  const server = await startInfluxd();
  const { url, token } = await setUp(server.url);
  expect(await complaintAbout({ url, token: 'wrong' })).toMatch(/answers 401.*\(the token is missing, wrong/);
  expect(await complaintAbout({ url })).toMatch(/answers 401/);
  expect(await complaintAbout({ url, token, bucket: 'nope' })).toMatch(
    /answers 404: bucket "nope" not found.*influxdb setup creates/,
  );
  expect(await complaintAbout({ url, token, org: 'nope' })).toMatch(/answers 404: organization name "nope" not found/);
});
