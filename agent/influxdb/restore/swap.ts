import { AgentError, messageOf } from '../../system/errors.ts';
import { shardGroupsOf } from '../snapshot/bucket-manifest.ts';
import { readMetadata } from '../snapshot/metadata.ts';
import { type BoundToBucket, boundTo } from './bound.ts';
import type { RestoreServer } from './restore-server.ts';
import {
  changeBucket,
  deleteBucket,
  findOrg,
  findServerBucket,
  type ServerBucket,
  serverBuckets,
} from './server-buckets.ts';
import { isEmpty } from './tallies.ts';

export interface SwapOptions {
  server: RestoreServer;
  org: string;
  /** The name that the restored bucket takes. */
  live: string;
  restored: string;
  /** UTC ms, for the name under which the live one stays. */
  nowMs: number;
}

export interface Swapped {
  /** The bucket that was live; undefined where there was none. */
  replaced: ServerBucket | undefined;
  /** Whether that one is gone: it had no points. */
  removed: boolean;
  /** What goes on meaning that one, and has to be made anew; `influxdb setup --replace` does it for the agent's own. */
  bound: BoundToBucket[];
}

/**
 * Gives the restored bucket the name of the live one, which stays under another unless it has no points. Between the two
 * renames, some milliseconds, there is no bucket of that name: writers get 404 and hold. Broken off between them, it is
 * completed by the next run.
 * @throws AgentError with a remedy; the names are as they were, or the sentence says how they are
 */
export async function swapBuckets(options: SwapOptions): Promise<Swapped> {
  const { server, org, live: liveName, restored: restoredName, nowMs } = options;
  const orgId = await findOrg(server, org);
  if (orgId === undefined) throw new AgentError('usage', `${server.url} has no organisation ${org}`);
  const restored = await findServerBucket(server, orgId, restoredName);
  if (!restored) {
    throw new AgentError('usage', `${server.url} has no bucket ${restoredName} in organisation ${org}`, {
      hint: 'restore it first',
    });
  }
  const live = await findServerBucket(server, orgId, liveName);
  if (!live) return completed(server, orgId, restored, liveName);
  const bound = await boundTo(server, orgId, live.id);
  const replaced = { ...live, name: replacedName(liveName, nowMs) };
  await changeBucket(server, live, { name: replaced.name });
  try {
    await changeBucket(server, restored, { name: liveName });
  } catch (error) {
    const after = server.unstoppable;
    // Its answer alone may have been lost.
    const now = await findServerBucket(after, orgId, liveName).catch(() => undefined);
    if (now?.id !== restored.id) {
      await undo(after, replaced, liveName);
      throw error;
    }
  }
  return { replaced, removed: await removeEmpty(server, orgId, replaced), bound };
}

/** `energy-replaced-20260301T120000`, UTC. */
export function replacedName(name: string, nowMs: number): string {
  const time = new Date(nowMs).toISOString().replace(/[-:]/g, '').replace(/\..*/, '');
  return `${name}-replaced-${time}`;
}

/** Nobody has the name: there never was such a bucket, or a swap was broken off after its first half. */
async function completed(
  server: RestoreServer,
  orgId: string,
  restored: ServerBucket,
  liveName: string,
): Promise<Swapped> {
  const replaced = (await replacedBuckets(server, orgId, liveName)).at(-1);
  await changeBucket(server, restored, { name: liveName });
  if (!replaced) return { replaced, removed: false, bound: [] };
  const bound = await boundTo(server, orgId, replaced.id);
  return { replaced, removed: await removeEmpty(server, orgId, replaced), bound };
}

/** What a swap that was broken off after its renames has left: buckets that were replaced, and have no points. */
export async function removeEmptyReplaced(server: RestoreServer, orgId: string, liveName: string): Promise<void> {
  for (const bucket of await replacedBuckets(server, orgId, liveName)) await removeEmpty(server, orgId, bucket);
}

/** Those that had this name, the oldest first. */
async function replacedBuckets(server: RestoreServer, orgId: string, liveName: string): Promise<ServerBucket[]> {
  const isReplaced = /^-replaced-\d{8}T\d{6}$/;
  return (await serverBuckets(server, orgId))
    .filter(({ name }) => name.startsWith(liveName) && isReplaced.test(name.slice(liveName.length)))
    .toSorted((a, b) => (a.name < b.name ? -1 : 1));
}

/**
 * Only one that has no shard, as `influxdb setup` makes it. Looked for once nobody writes to it by its name any more. The
 * names are right by now: what fails here leaves a bucket without points, and is no failure.
 */
async function removeEmpty(server: RestoreServer, orgId: string, bucket: ServerBucket): Promise<boolean> {
  try {
    if (!(await isEmpty(server, orgId, bucket.id)) || (await hasShards(server, bucket.id))) return false;
    await deleteBucket(server, bucket);
    return true;
  } catch (error) {
    server.log.warn({ bucket: bucket.name, reason: messageOf(error) }, 'a bucket without points stays');
    return false;
  }
}

/** InfluxDB answers a query as if there were no points where it could not open a shard: its files may be all that is left. */
async function hasShards(server: RestoreServer, id: string): Promise<boolean> {
  const { value } = await readMetadata(server.reader, false).next();
  const listed = value && 'buckets' in value ? value.buckets.find(({ bucketID }) => bucketID === id) : undefined;
  return listed === undefined || shardGroupsOf(listed).length > 0;
}

async function undo(server: RestoreServer, live: ServerBucket, name: string): Promise<void> {
  try {
    await changeBucket(server, live, { name });
  } catch (error) {
    throw new AgentError(
      'unavailable',
      `neither the restored nor the live bucket could be named ${name}: the live one is ${live.name} now (${messageOf(error)})`,
      { hint: `run it again when the server answers, or rename ${live.name} to ${name} on its page`, cause: error },
    );
  }
}
