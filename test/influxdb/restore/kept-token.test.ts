import { createHash } from 'node:crypto';
import { expect, test } from 'vitest';
import type { InfluxBackup } from '../../../agent/influxdb/restore/influx-backup.ts';
import { requireKeptToken } from '../../../agent/influxdb/restore/kept-token.ts';

const TOKEN = 'a+b/c== of an operator';

/** A backup with this in its database of keys, in pieces of that size. */
function backupWith(text: string, size: number): InfluxBackup {
  const data = Buffer.from(`${'x'.repeat(1000)}${text}${'y'.repeat(1000)}`);
  const content = function* () {
    for (let at = 0; at < data.length; at += size) yield data.subarray(at, at + size);
  };
  const database = () => ({
    bytes: data.length,
    content: async function* () {
      yield* content();
    },
  });
  return { label: 'backup 1', version: '2.9.1', buckets: [], database, shard: async () => undefined };
}

const hashed = (name: string, token = TOKEN) =>
  `{"hashedToken":"$influxdb2-${name}$${createHash(name).update(token).digest('base64').replaceAll('+', '-').replaceAll('/', '_')}"}`;

test.each([
  ['in the clear', `{"token":"${TOKEN}"}`],
  ['as SHA-256', hashed('sha256')],
  ['as SHA-512', hashed('sha512')],
])('a token that is kept %s is found, wherever pieces end', async (_how, text) => {
  for (const size of [1, 7, 64, 1021, 65_536]) await requireKeptToken(backupWith(text, size), TOKEN);
});

test('another token, or none where there are hashes alone, is refused', async () => {
  await expect(requireKeptToken(backupWith(hashed('sha256', 'other'), 100), TOKEN)).rejects.toMatchObject({
    code: 'permission',
    message: 'the token that was named is none of the server in backup 1',
  });
  await expect(requireKeptToken(backupWith(hashed('sha256'), 100), undefined)).rejects.toMatchObject({ code: 'usage' });
  await requireKeptToken(backupWith(`{"token":"${TOKEN}"}`, 100), undefined);
});
