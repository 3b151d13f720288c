import { expect, test } from 'vitest';
import { InfluxUnreachable } from '../../agent/influxdb/client.ts';
import { failedWrite, retryAfterMs, serverMessage, writeOutcome } from '../../agent/influxdb/write-outcome.ts';
import { AgentError } from '../../agent/system/errors.ts';

test.each([
  [204, 'written'],
  [201, 'written'],
  [400, 'invalid'],
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

test('a partial write is written, with what the server said of the rest', () => {
  const body = { code: 'unprocessable entity', message: 'partial write: field type conflict dropped=1' };
  expect(writeOutcome({ status: 422, headers: {}, body })).toEqual({
    kind: 'written',
    refused: 'partial write: field type conflict dropped=1',
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
