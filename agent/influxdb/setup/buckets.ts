import type { Bucket, Home } from './home.ts';
import { spelledOut } from './lengths.ts';
import { type BucketPlan, lengthsOf } from './plan.ts';
import { type Finding, right, type Step } from './step.ts';

interface BucketAnswer {
  id: string;
  name: string;
  /** None: for ever, with shards of the server's choice. */
  retentionRules?: { everySeconds?: number; shardGroupDurationSeconds?: number }[];
}

function toBucket({ id, name, retentionRules }: BucketAnswer): Bucket {
  const rule = retentionRules?.[0];
  return { id, name, retentionS: rule?.everySeconds ?? 0, shardS: rule?.shardGroupDurationSeconds ?? 0 };
}

export function bucket(home: Home, plan: BucketPlan): Step {
  const { name, retentionS, shardS } = plan;
  const what = `bucket ${name}`;
  const planned = lengthsOf(retentionS, shardS);
  const rules = [{ type: 'expire', everySeconds: retentionS, shardGroupDurationSeconds: shardS }];
  return {
    name: what,
    look: async (): Promise<Finding> => {
      const { orgId, access } = home;
      const { api } = access;
      const answer =
        orgId === undefined
          ? undefined
          : await api?.find<{ buckets?: BucketAnswer[] }>(what, '/api/v2/buckets', { orgID: orgId, name });
      const found = answer?.buckets?.find((candidate) => candidate.name === name);
      if (!found) {
        return {
          state: 'missing',
          would: `would be created, ${planned}`,
          change: async () => {
            const made = await api?.send<BucketAnswer>(what, 'POST', '/api/v2/buckets', {
              orgID: orgId,
              name,
              retentionRules: rules,
            });
            if (made) home.buckets.set(name, toBucket(made));
            return `created, ${planned}`;
          },
        };
      }
      const there = toBucket(found);
      home.buckets.set(name, there);
      if (there.retentionS !== retentionS) {
        return { state: 'kept', said: `there already, ${lengthsOf(there.retentionS, there.shardS)}; left as it is` };
      }
      // The first setup cannot say how long shards are. Only shards to come change; a person's longer ones are as good.
      if (there.shardS >= shardS) return right(`there already, ${lengthsOf(there.retentionS, there.shardS)}`);
      const change = `new shards of ${spelledOut(shardS)} instead of ${spelledOut(there.shardS)}`;
      return {
        state: 'missing',
        would: `there already; would get ${change}`,
        change: async () => {
          await api?.send(what, 'PATCH', `/api/v2/buckets/${there.id}`, { retentionRules: rules });
          return `there already; got ${change}`;
        },
      };
    },
  };
}
