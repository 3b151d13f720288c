import { expect, test } from 'vitest';
import { InfluxUnreachable } from '../../agent/influxdb/client.ts';
import { failedWrite, retryAfterMs, serverMessage, writeOutcome } from '../../agent/influxdb/write-outcome.ts';
import { AgentError } from '../../agent/system/errors.ts';

test.each([
  [204, 'written'],
  [201, 'written'],
  [401, 'hold'],
  [403, 'hold'],
  [404, 'hold'],
  [413, 'too-large'],
  [408, 'retry'],
  [429, 'retry'],
  [500, 'retry'],
  [503, 'retry'],
  [599, 'retry'],
  [200, 'hold'],
  [301, 'hold'],
  [418, 'hold'],
])('an answer of %i means: %s', (status, kind) => {
  expect(writeOutcome({ status, headers: {}, body: undefined }).kind).toBe(kind);
});

const GO_TLS = 'Client sent an HTTP request to an HTTPS server.\n';

test.each([
  ['InfluxDB 2, a line', 400, { code: 'invalid', message: "unable to parse 'x': missing fields" }, 'invalid'],
  [
    'InfluxDB 2, a type',
    422,
    { code: 'unprocessable entity', message: 'partial write: field type conflict dropped=1' },
    'invalid',
  ],
  ['InfluxDB 1.8, a line', 400, { error: "partial write: unable to parse 'x': missing fields dropped=0" }, 'invalid'],
  ['InfluxDB 1.8, a type', 400, { error: 'partial write: field type conflict dropped=1' }, 'invalid'],
  [
    'InfluxDB 2, retention',
    422,
    { code: 'unprocessable entity', message: 'partial write: dropped 2 points outside retention policy' },
    'written',
  ],
  ['InfluxDB 1.8, retention', 400, { error: 'partial write: points beyond retention policy dropped=2' }, 'written'],
  ['http on a TLS port of Go', 400, GO_TLS, 'hold'],
  ['http on a TLS port of nginx', 400, '<html>The plain HTTP request was sent to HTTPS port</html>', 'hold'],
  ['VictoriaMetrics, a wrong path', 400, 'unsupported path requested: "/x/api/v2/write"', 'hold'],
  ['no body', 400, undefined, 'hold'],
])('a refusal of %s (%i) is about the lines or not', (_name, status, body, kind) => {
  expect(writeOutcome({ status, headers: {}, body }).kind).toBe(kind);
});

test('points outside of the retention are left out for good, in the words of the server', () => {
  const message = 'partial write: dropped 2 points outside retention policy';
  const body = { code: 'unprocessable entity', message };
  expect(writeOutcome({ status: 422, headers: {}, body })).toEqual({ kind: 'written', refused: message });
});

test('a server that sends on to another URL: which one, without its query', () => {
  const headers = { location: 'https://influx.example:8086/api/v2/write?token=secret' };
  expect(writeOutcome({ status: 308, headers, body: '' })).toMatchObject({
    kind: 'hold',
    hint: expect.stringMatching(/sends on to https:\/\/influx\.example:8086\/api\/v2\/write:/),
  });
});

test('Retry-After is seconds or a date, and never more than five minutes', () => {
  const nowMs = Date.parse('2026-11-21T12:00:00Z');
  expect(retryAfterMs('3', nowMs)).toBe(3000);
  expect(retryAfterMs('Sat, 21 Nov 2026 12:00:07 GMT', nowMs)).toBe(7000);
  expect(retryAfterMs('Sat, 21 Nov 2026 11:00:00 GMT', nowMs)).toBe(0);
  expect(retryAfterMs('86400', nowMs)).toBe(300_000);
  expect(retryAfterMs('soon', nowMs)).toBeUndefined();
  expect(retryAfterMs(undefined, nowMs)).toBeUndefined();
  expect(writeOutcome({ status: 503, headers: { 'retry-after': '2' }, body: '' })).toMatchObject({ afterMs: 2000 });
});

test('the words of any server are one line of bounded length', () => {
  expect(serverMessage({ message: 'unable to\n parse' })).toBe('unable to parse');
  expect(serverMessage({ error: 'database not found' })).toBe('database not found');
  expect(serverMessage(`<html>\n${'x'.repeat(5000)}`)).toHaveLength(300);
  expect(serverMessage(undefined)).toBe('');
});

test.each([
  ['ECONNREFUSED', /nothing listens/],
  ['ENOTFOUND', /host name is not known/],
  ['DEPTH_ZERO_SELF_SIGNED_CERT', /certificate is not trusted/],
  ['CERT_NOT_YET_VALID', /clock of this machine/],
])('a server that cannot be reached (%s) is tried again, with a hint', (code, hint) => {
  const outcome = failedWrite(new InfluxUnreachable(code, 'x', undefined));
  expect(outcome).toMatchObject({ kind: 'retry', hint: expect.stringMatching(hint) });
});

test('a token file that cannot be read holds, and is tried again', () => {
  expect(failedWrite(new AgentError('config', 'the file is not there', { hint: 'write it' }))).toEqual({
    kind: 'hold',
    message: 'the file is not there',
    hint: 'write it',
  });
});
