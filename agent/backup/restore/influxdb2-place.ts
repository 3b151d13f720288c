import { type BoundToBucket, boundTo } from '../../influxdb/restore/bound.ts';
import type { RestoreServer } from '../../influxdb/restore/restore-server.ts';
import { removeEmptyReplaced, swapBuckets } from '../../influxdb/restore/swap.ts';
import { bucketPlans } from '../../influxdb/setup/plan.ts';
import { AgentError } from '../../system/errors.ts';
import type { DatabaseRestoreOptions } from './database.ts';
import type { DatabaseNote } from './database-note.ts';
import type { BucketRestore } from './influxdb2-database.ts';
import type { AgentTokens, Influxdb2Target } from './influxdb2-target.ts';

/** What was written to a bucket shortly before it was backed up can be missing there: it is sent again. */
export const SENT_BEFORE_MS = 2 * 3_600_000;

/** What came of a restored bucket in the live one's place. */
export interface InPlace {
  /** UTC ms: what the journal has from then on is sent again; undefined where the agent does not write to any of them. */
  sentAgainFromMs: number | undefined;
  /** Undefined where the agent's tokens have nothing to do with them, or could not be made. */
  tokens: AgentTokens | undefined;
  /** What goes on meaning the buckets that were replaced. */
  bound: BoundToBucket[];
  /** The credential of systemd as which the collector gets its token, and which has to be the new one. */
  credential: string | undefined;
  /** Why not all is done. What was restored is in place all the same. */
  problem: AgentError | undefined;
}

export interface PlaceContext {
  target: Influxdb2Target;
  server: RestoreServer;
  buckets: BucketRestore[];
  createdMs: number | undefined;
  note: DatabaseNote;
}

/**
 * Lets restored buckets take the live ones' names; then readings are sent again, then the agent's tokens are made to fit. In
 * this order: until its token fits the forwarder waits, so that it goes on from the right place, whenever this is broken off.
 * @throws AgentError of a swap; what fails after it is the `problem`
 */
export async function putInPlace(options: DatabaseRestoreOptions, context: PlaceContext): Promise<InPlace> {
  const { target, server, buckets, createdMs, note } = context;
  for (const bucket of buckets) {
    const { from, restored } = bucket;
    if (bucket.earlier === 'in place') await removeEmptyReplaced(server, restored.orgId, from);
    else {
      const names = { live: from, restored: restored.bucket };
      bucket.swapped = await swapBuckets({ server, org: restored.org, ...names, nowMs: Date.now() });
    }
  }
  const result: InPlace = {
    ...{ sentAgainFromMs: undefined, tokens: undefined, bound: [], credential: undefined, problem: undefined },
  };
  const isPlaced = (names: readonly string[]) => buckets.some(({ from }) => names.includes(from));
  const { bucket, hostBucket } = target.sink;
  try {
    if (isPlaced([bucket, hostBucket])) {
      const differing = buckets.filter(({ from }) => from === bucket || from === hostBucket);
      const knownMs = differing.map(({ differsFromMs }) => differsFromMs ?? Number.POSITIVE_INFINITY);
      const fromMs = Math.max(0, Math.min((createdMs ?? 0) - SENT_BEFORE_MS, ...knownMs));
      options.sendAgain(fromMs);
      result.sentAgainFromMs = fromMs;
    }
    if (isPlaced(bucketPlans(target.sink).map(({ name }) => name))) {
      await target.renewTokens();
      result.tokens = target.tokens;
      const { tokenFile } = target.sink;
      if (tokenFile?.includes('/') === false) result.credential = tokenFile;
      if (tokenFile === undefined && !(await target.textTokenFits())) result.problem = noTokenFile(target);
    }
    result.bound = await stillBound(server, buckets);
    note.end();
  } catch (error) {
    if (!(error instanceof AgentError)) throw error;
    result.problem = new AgentError(
      error.code,
      `the data are in place, and not all that follows is done: ${error.message}`,
      {
        hint: `${error.hint === undefined ? '' : `${error.hint}; `}then run the same command again, it goes on from here`,
        cause: error,
      },
    );
  }
  return result;
}

async function stillBound(server: RestoreServer, buckets: readonly BucketRestore[]): Promise<BoundToBucket[]> {
  const all: BoundToBucket[] = [];
  for (const { restored, swapped } of buckets)
    if (swapped?.replaced) all.push(...(await boundTo(server, restored.orgId, swapped.replaced.id)));
  return all.filter(({ kind, name }, i) => i === all.findIndex((one) => one.kind === kind && one.name === name));
}

/** A token as text is that of the lost bucket, or *** in a configuration that was restored. */
const noTokenFile = ({ sink, tokens }: Influxdb2Target): AgentError =>
  new AgentError('config', `the data are in place, but the configuration has no tokenFile for ${sink.name}`, {
    hint: `write tokenFile: ${tokens.writer} there, in place of token, and restart the collector`,
  });
