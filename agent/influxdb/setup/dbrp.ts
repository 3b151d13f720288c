import type { Home } from './home.ts';
import { right, type Step } from './step.ts';

interface Mapping {
  database: string;
  retention_policy: string;
  bucketID: string;
  virtual?: boolean;
}

/** Database and retention policy under which InfluxQL finds a bucket; 2.x itself reads names in this way. */
export function databaseOf(bucket: string): { database: string; policy: string } {
  const slash = bucket.indexOf('/');
  return slash < 0
    ? { database: bucket, policy: 'autogen' }
    : { database: bucket.slice(0, slash), policy: bucket.slice(slash + 1) };
}

/**
 * InfluxQL outlives Flux: 1.8, 2.x and 3 speak it. From 2.1 on the server maps each bucket by its name, which also follows a bucket that
 * is renamed after a restore; such a mapping is left to it.
 */
export function mapping(home: Home, bucket: string): Step {
  const { database, policy } = databaseOf(bucket);
  const what = `InfluxQL database ${database}${policy === 'autogen' ? '' : `, policy ${policy}`}`;
  return {
    name: what,
    look: async () => {
      const { orgId, access, buckets } = home;
      const { api } = access;
      const bucketID = buckets.get(bucket)?.id;
      const answer =
        orgId === undefined || bucketID === undefined
          ? undefined
          : await api?.get<{ content?: Mapping[] }>(what, '/api/v2/dbrps', { orgID: orgId, db: database });
      const found = answer?.content?.find((one) => one.database === database && one.retention_policy === policy);
      if (found && found.bucketID !== bucketID) {
        return { state: 'kept', said: `there already, but shows another bucket than ${bucket}; left as it is` };
      }
      if (found) return right(found.virtual === true ? `there already, by the name of bucket ${bucket}` : undefined);
      return {
        state: 'missing',
        would: `would show bucket ${bucket}`,
        change: async () => {
          await api?.send(what, 'POST', '/api/v2/dbrps', {
            orgID: orgId,
            bucketID,
            database,
            retention_policy: policy,
            default: policy === 'autogen',
          });
          return `shows bucket ${bucket}`;
        },
      };
    },
  };
}
