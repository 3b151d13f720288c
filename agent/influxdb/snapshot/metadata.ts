import { BrokenAnswer } from './broken-answer.ts';
import { type BucketManifest, parseBucketManifests } from './bucket-manifest.ts';
import type { StreamAnswer } from './http-stream.ts';
import { type Part, readMultipart } from './multipart.ts';
import type { PatientClient } from './patient-client.ts';

const WHAT = 'metadata';
/** The parts as the server sends them: its bolt file, its SQLite file, the manifests of its buckets. */
const PARTS = ['kv', 'sql', 'buckets'];
/** 20 years of days are 2 MB. */
const LARGEST_MANIFEST_BYTES = 32 * 1024 * 1024;

const BEGINNINGS: Readonly<Record<string, { at: number; bytes: Buffer }>> = {
  // go.etcd.io/bbolt, meta page 0.
  kv: { at: 16, bytes: Buffer.from('edda0ced', 'hex') },
  sql: { at: 0, bytes: Buffer.from('SQLite format 3\0', 'latin1') },
};

export interface Metadata {
  buckets: BucketManifest[];
  /** The server's clock, milliseconds since 1970; undefined where it does not tell. */
  serverMs: number | undefined;
}

export interface MetadataFile {
  name: 'kv' | 'sql';
  content: AsyncGenerator<Buffer>;
}

/**
 * The metadata of the server (`GET /api/v2/backup/metadata`): yields its two databases, and returns what its buckets are.
 * There is no request for the manifests of the buckets alone: where the databases are not wanted they are read and dropped.
 * @param databases whether to yield them: they hold tokens and password hashes
 * @throws AgentError when it cannot be read whole; retryable after the first content was taken
 */
export async function* readMetadata(client: PatientClient, databases: boolean): AsyncGenerator<MetadataFile, Metadata> {
  const request = { what: WHAT, path: '/api/v2/backup/metadata', headers: { accept: 'multipart/mixed' } };
  if (!databases) return await client.get(request, (answer) => finish(answer, parts(answer)));
  const { answer, all, first } = await client.get(request, async (opened) => {
    const list = parts(opened);
    const { value } = await list.next();
    if (!value) throw new BrokenAnswer('the answer has no parts');
    return { answer: opened, all: list, first: value };
  });
  try {
    for (let part: Part | undefined = first; part; part = (await all.next()).value) {
      const { name, content } = part;
      if (name !== 'kv' && name !== 'sql') return await finish(answer, rest(part, all));
      yield { name, content: client.guarded(WHAT, content) };
    }
    throw new BrokenAnswer('the answer has no list of buckets');
  } catch (error) {
    throw client.failure(WHAT, error);
  } finally {
    await all.return(undefined);
  }
}

/** The parts, which have to be the known ones, each with a content that looks like it. */
async function* parts({ headers, body }: StreamAnswer): AsyncGenerator<Part> {
  let number = 0;
  for await (const { name, content } of readMultipart(String(headers['content-type']), body)) {
    if (name !== PARTS[number++]) throw new BrokenAnswer(`the answer has part ${name} out of turn`);
    yield { name, content: checked(name, content) };
  }
  if (number !== PARTS.length) throw new BrokenAnswer(`the answer has ${number} of ${PARTS.length} parts`);
}

async function* checked(name: string, content: AsyncIterable<Buffer>): AsyncGenerator<Buffer> {
  const beginning = BEGINNINGS[name];
  let head: Buffer = Buffer.alloc(0);
  const needed = beginning ? beginning.at + beginning.bytes.length : 0;
  for await (const piece of content) {
    if (head.length < needed) head = Buffer.concat([head, piece.subarray(0, needed - head.length)]);
    yield piece;
  }
  if (beginning && !head.subarray(beginning.at).equals(beginning.bytes)) {
    throw new BrokenAnswer(`part ${name} is not what it should be`);
  }
}

async function finish({ headers }: StreamAnswer, all: AsyncIterable<Part>): Promise<Metadata> {
  const pieces: Buffer[] = [];
  let bytes = 0;
  for await (const { name, content } of all) {
    if (name !== 'buckets') continue;
    for await (const piece of content) {
      bytes += piece.length;
      if (bytes > LARGEST_MANIFEST_BYTES) throw new BrokenAnswer('the list of buckets is too long');
      pieces.push(piece);
    }
  }
  return { buckets: parseBucketManifests(Buffer.concat(pieces).toString('utf8')), serverMs: dateOf(headers.date) };
}

async function* rest(part: Part, all: AsyncGenerator<Part>): AsyncGenerator<Part> {
  yield part;
  yield* all;
}

/** The Date of an answer (RFC 9110, 6.6.1), milliseconds since 1970. */
export function dateOf(header: string | undefined): number | undefined {
  const ms = Date.parse(header ?? '');
  return Number.isNaN(ms) ? undefined : ms;
}
