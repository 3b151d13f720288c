import { createHash } from 'node:crypto';
import { AgentError } from '../../system/errors.ts';
import type { InfluxBackup } from './influx-backup.ts';

/** How the server stores a token that it keeps no copy of. */
const HASHED = '"hashedToken":"$influxdb2-';

/**
 * Whether the token of the server that was backed up will open it again. From 2.9 on a server keeps SHA-256 (or SHA-512)
 * of its tokens alone, and tells none after a restore: with a wrong one, everybody would be locked out.
 * The databases are read to their end, so that damage shows before anything is replaced.
 * @throws AgentError with a remedy; DamagedPart
 */
export async function requireKeptToken(backup: InfluxBackup, token: string | undefined): Promise<void> {
  for await (const _ of backup.database('sql')?.content() ?? []);
  const found = await findTexts(backup.database('kv')?.content() ?? [], [HASHED, ...formsOf(token)]);
  if (token === undefined) {
    if (!found.has(HASHED)) return;
    throw new AgentError('usage', `${backup.label} holds no more than hashes of its tokens`, {
      hint: 'name the operator token of the server that was backed up; without it set the new server up (energy-monitor influxdb setup) and restore the buckets one by one',
    });
  }
  if (formsOf(token).some((form) => found.has(form))) return;
  throw new AgentError('permission', `the token that was named is none of the server in ${backup.label}`, {
    hint: 'name the operator token that this server had when it was backed up',
  });
}

const formsOf = (token: string | undefined): string[] =>
  token === undefined
    ? []
    : // Without the padding at their end, which not each encoder writes.
      [token, ...['sha256', 'sha512'].map((name) => createHash(name).update(token).digest('base64url'))];

async function findTexts(
  content: AsyncIterable<Uint8Array> | Iterable<Uint8Array>,
  texts: readonly string[],
): Promise<Set<string>> {
  const found = new Set<string>();
  const longest = Math.max(...texts.map((text) => Buffer.byteLength(text)));
  let rest: Buffer = Buffer.alloc(0);
  for await (const piece of content) {
    const window = Buffer.concat([rest, piece]);
    for (const text of texts) if (window.includes(text)) found.add(text);
    rest = window.subarray(-longest);
  }
  return found;
}
