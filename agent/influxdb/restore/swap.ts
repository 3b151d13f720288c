import { AgentError, messageOf } from '../../system/errors.ts';
import { type BoundToBucket, boundTo } from './bound.ts';
import type { RestoreServer } from './restore-server.ts';
import { changeBucket, findOrg, findServerBucket, type ServerBucket, serverBuckets } from './server-buckets.ts';

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
  /** The name of the bucket that was live; undefined where there was none. */
  replaced: string | undefined;
  /** What goes on meaning that one, and has to be made anew: `energy-monitor influxdb setup --replace` does it for its own. */
  bound: BoundToBucket[];
}

/**
 * Gives the restored bucket the name of the live one, which stays under another. Between the two renames, some
 * milliseconds, there is no bucket of that name: writers get 404 and hold. Broken off between them, it is completed by
 * the next run.
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
  const replaced = replacedName(liveName, nowMs);
  await changeBucket(server, live, { name: replaced });
  try {
    await changeBucket(server, restored, { name: liveName });
  } catch (error) {
    const after = server.unstoppable;
    // Its answer alone may have been lost.
    const now = await findServerBucket(after, orgId, liveName).catch(() => undefined);
    if (now?.id !== restored.id) {
      await undo(after, { ...live, name: replaced }, liveName);
      throw error;
    }
  }
  return { replaced, bound };
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
  const before = (await serverBuckets(server, orgId))
    .filter(({ name }) => name.startsWith(`${liveName}-replaced-`))
    .toSorted((a, b) => (a.name < b.name ? -1 : 1))
    .at(-1);
  await changeBucket(server, restored, { name: liveName });
  return { replaced: before?.name, bound: before ? await boundTo(server, orgId, before.id) : [] };
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
