import { createHash } from 'node:crypto';
import { onTestFinished } from 'vitest';
import type { RememberedFile } from '../../agent/backup/memory.ts';
import type { BackupSource } from '../../agent/backup/source.ts';
import { type Influxdb2Options, Influxdb2Source } from '../../agent/backup/sources/influxdb2.ts';
import { connectionsTo } from '../../agent/influxdb/connections.ts';
import { AgentError } from '../../agent/system/errors.ts';
import { silentLog } from './silent-log.ts';

/** Tries nothing again, so that tests see what fails; with one connection, which whoever leaves it open blocks. */
export function influxdb2Source(url: string, token: string, options: Partial<Influxdb2Options> = {}): Influxdb2Source {
  const connections = connectionsTo(url);
  onTestFinished(() => connections.close());
  const address = { url, token, connections };
  const usual = { name: 'influxdb', address, includeMetadata: true, timeoutMs: 10_000, patienceMs: 0, log: silentLog };
  return new Influxdb2Source({ ...usual, ...options });
}

/** Paths without the names that a server makes up. */
export const shapes = ({ files }: Taken): string[] =>
  [...files.keys()].map((path) => path.replace(/[0-9a-f]{16}/, 'BUCKET'));

/** A snapshot of one source. */
export interface Taken {
  files: Map<string, Buffer>;
  /** For the next one. */
  remembered: Map<string, RememberedFile>;
  /** Paths whose content was asked for. */
  read: string[];
}

/** What a run does with a source: contents are taken where the stamp is another one, and all again when that can help. */
export async function takeSource(source: BackupSource, last?: Taken, attempts = 1): Promise<Taken> {
  try {
    return await takeOnce(source, last);
  } catch (error) {
    if (!(error instanceof AgentError && error.retryable) || attempts <= 1) throw error;
    return takeSource(source, last, attempts - 1);
  }
}

async function takeOnce(source: BackupSource, last: Taken | undefined): Promise<Taken> {
  const before = last?.remembered ?? new Map<string, RememberedFile>();
  const taken: Taken = { files: new Map(), remembered: new Map(), read: [] };
  for await (const { path, stamp, content } of source.files(before)) {
    if (taken.files.has(path)) throw new Error(`${path} is there twice`);
    const known = before.get(path);
    const kept = last?.files.get(path);
    if (known && kept && known.stamp === stamp) {
      taken.files.set(path, kept);
      taken.remembered.set(path, known);
      continue;
    }
    taken.read.push(path);
    const pieces: Uint8Array[] = [];
    for await (const piece of content) pieces.push(piece);
    const data = Buffer.concat(pieces);
    taken.files.set(path, data);
    const sha256 = createHash('sha256').update(data).digest('hex');
    if (stamp !== undefined) taken.remembered.set(path, { stamp, bytes: data.length, sha256, objects: [], counts: {} });
  }
  return taken;
}
