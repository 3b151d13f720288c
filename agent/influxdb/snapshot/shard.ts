import { AgentError } from '../../system/errors.ts';
import { serverMessage } from '../write-outcome.ts';
import { type StreamAnswer, shortText } from './http-stream.ts';
import { dateOf } from './metadata.ts';
import type { PatientClient } from './patient-client.ts';
import { readTar, type TarEntry } from './tar-reader.ts';
import { checkedTsm } from './tsm.ts';

/** A shard as it is now. */
export interface Shard {
  /** The server's clock, milliseconds since 1970; undefined where it does not tell. */
  serverMs: number | undefined;
  /** One after the other: what of one is not taken is passed over. */
  entries: AsyncGenerator<TarEntry>;
}

const requestFor = (id: number, since?: number) => ({
  what: `shard ${id}`,
  path: `/api/v2/backup/shards/${id}`,
  // Little is gained by more, and the server's processor may be this one. The checksum of gzip is wanted.
  headers: { 'gzip-compression-level': 'speedy' },
  ...(since === undefined ? {} : { query: { since: new Date(since).toISOString() } }),
  accepts: [404],
});

/**
 * A whole shard (`GET /api/v2/backup/shards/{id}`), opened as far as its first entry; the server first writes what it has
 * in memory into a new file. Where that is being done at the moment it goes on without, after 1.1 s, and says so in its
 * own log alone: **the newest points can be missing**, and come from the journal.
 * @returns undefined where the server has no such shard: it is made with the first point, and goes with retention
 * @throws AgentError when it cannot be read whole; retryable, also while the entries are read
 */
export async function openShard(client: PatientClient, id: number): Promise<Shard | undefined> {
  const request = requestFor(id);
  return client.get(request, async (answer) => {
    if (await isMissing(answer)) return undefined;
    const entries = readTar(answer.body);
    const first = await entries.next();
    return {
      serverMs: dateOf(answer.headers.date),
      entries: client.guarded(request.what, checked(first, entries, client, request.what)),
    };
  });
}

/**
 * Whether any file of a shard is newer than that, by the clock that the server had when it wrote the file. Files that were
 * removed leave no trace in this answer.
 * @param sinceMs milliseconds since 1970
 * @throws AgentError when it cannot be asked
 */
export async function lookForNewer(
  client: PatientClient,
  id: number,
  sinceMs: number,
): Promise<'newer' | 'nothing' | 'no shard'> {
  return client.get(requestFor(id, sinceMs), async (answer) => {
    if (await isMissing(answer)) return 'no shard';
    const entries = readTar(answer.body);
    try {
      return (await entries.next()).done ? 'nothing' : 'newer';
    } finally {
      await entries.return(undefined);
    }
  });
}

/** A proxy also answers 404, and then the shard would be missing in the backup for no reason. */
async function isMissing(answer: StreamAnswer): Promise<boolean> {
  if (answer.status !== 404) return false;
  const text = await shortText(answer);
  if (/"message":"shard \d+ not found"/.test(text)) return true;
  throw new AgentError('unavailable', `somebody else than InfluxDB answers 404 for a shard: ${serverMessage(text)}`, {
    hint: 'the URL is not that of an InfluxDB 2, or of a proxy that does not let all of it through',
  });
}

async function* checked(
  first: IteratorResult<TarEntry>,
  entries: AsyncGenerator<TarEntry>,
  client: PatientClient,
  what: string,
): AsyncGenerator<TarEntry> {
  try {
    for (let next = first; !next.done; next = await entries.next()) {
      const { name, size, content } = next.value;
      const safe = name.endsWith('.tsm') ? checkedTsm(name, size, content) : content;
      yield { ...next.value, content: client.guarded(what, safe) };
    }
  } finally {
    await entries.return(undefined);
  }
}
