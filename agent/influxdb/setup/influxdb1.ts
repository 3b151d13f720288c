import { AgentError } from '../../system/errors.ts';
import { readPrivateFile, writePrivateFile } from '../../system/private-file.ts';
import { InfluxClient } from '../client.ts';
import { serverMessage } from '../write-outcome.ts';
import { Api, refusal } from './api.ts';
import { databaseOf } from './dbrp.ts';
import { makePassword } from './first-setup.ts';
import { parts, userAccount } from './influxdb1-account.ts';
import { identifier, literal, rows, statement } from './influxql.ts';
import { spelled } from './lengths.ts';
import type { SetupOptions } from './options.ts';
import { type BucketPlan, bucketPlans, lengthsOf } from './plan.ts';
import { type Finding, right, type Step, secretIn } from './step.ts';

/**
 * InfluxDB 1.8: a database a bucket. Its continuous queries see the latest windows only, so that readings of an outage would never be
 * rolled up; dashboards group the raw readings instead (GROUP BY time). Without `auth-enabled` it asks for no token, and none is made.
 */
export async function influxdb1Steps(options: SetupOptions): Promise<{ steps: Step[]; needsToken: boolean }> {
  const { address, timeoutMs, files, machine, bucket, hostBucket } = options;
  const withToken = (token: string | undefined) => new Api(new InfluxClient({ ...address, token }), timeoutMs);
  const open = withToken(undefined);
  const asked = await statement(open, 'SHOW DATABASES');
  const needsToken = asked.status === 401 || asked.status === 403;
  if (!needsToken && asked.status !== 200) throw refusal(open.client, 'asking for the databases', asked);
  const empty = needsToken && /create admin user first/.test(serverMessage(asked.body));

  let api: Api | undefined = needsToken ? undefined : open;
  const plans = bucketPlans(options).filter(({ name }) => name === bucket || name === hostBucket);
  const databases = plans.map((plan) => database(() => api, plan));
  const notes: Step[] = [
    { name: 'roll-ups', look: async () => right('none with 1.8: its continuous queries leave out what comes late') },
  ];
  if (!needsToken) {
    const said = 'none needed: the server asks for none (auth-enabled = false)';
    return { steps: [...databases, { name: 'tokens', look: async () => right(said) }, ...notes], needsToken };
  }

  const admin: Step = {
    name: 'operator token',
    look: async (): Promise<Finding> => {
      const kept = readPrivateFile(files.operator);
      if (!empty) {
        if (kept === undefined) {
          throw new AgentError('permission', `the server asks for a password, and there is none in ${files.operator}`, {
            hint: 'write user:password of an admin into a file (mode 0600) and name it with --operator-token-file',
          });
        }
        api = withToken(kept);
        await rows(api, `user and password of ${files.operator}`, 'SHOW USERS');
        return secretIn(files.operator, `in ${files.operator}`);
      }
      return {
        state: 'missing',
        would: `would make admin ${options.username}, password into ${files.operator}`,
        change: async () => {
          const password = readPrivateFile(files.adminPassword) ?? makePassword();
          const credentials = kept ?? `${options.username}:${password}`;
          if (kept === undefined) writePrivateFile(files.operator, credentials);
          const { user, secret } = parts(credentials);
          await rows(
            open,
            'first admin',
            `CREATE USER ${identifier(user)} WITH PASSWORD ${literal(secret)} WITH ALL PRIVILEGES`,
          );
          api = withToken(credentials);
          return `made admin ${user}, password in ${files.operator}`;
        },
      };
    },
  };

  const names = [...new Set(plans.map(({ name }) => databaseOf(name).database))];
  const account = (what: 'writer' | 'reader'): Step =>
    userAccount({
      what,
      file: files[what],
      machine,
      databases: names,
      replace: options.replace,
      withToken,
      admin: () => api,
    });

  return {
    steps: [admin, ...databases, account('writer'), account('reader'), ...notes],
    needsToken,
  };
}

/** Seconds of a duration as the server tells it, such as 672h0m0s. */
function goSeconds(text: unknown): number {
  const [, hours = 0, minutes = 0, seconds = 0] = /^(?:(\d+)h)?(?:(\d+)m)?(?:(\d+)s)?$/.exec(String(text)) ?? [];
  return Number(hours) * 3600 + Number(minutes) * 60 + Number(seconds);
}

function database(api: () => Api | undefined, { name, retentionS, shardS }: BucketPlan): Step {
  const { database: db, policy } = databaseOf(name);
  const what = `database ${db}${policy === 'autogen' ? '' : `, policy ${policy}`}`;
  const duration = retentionS === 0 ? 'INF' : spelled(retentionS);
  const planned = lengthsOf(retentionS, shardS);
  return {
    name: what,
    look: async (): Promise<Finding> => {
      const asked = api();
      const databases = asked ? await rows(asked, what, 'SHOW DATABASES') : [];
      const exists = databases.some((row) => row.name === db);
      const policies = exists && asked ? await rows(asked, what, `SHOW RETENTION POLICIES ON ${identifier(db)}`) : [];
      const found = policies.find((row) => row.name === policy);
      if (found)
        return right(`there already, ${lengthsOf(goSeconds(found.duration), goSeconds(found.shardGroupDuration))}`);
      return {
        state: 'missing',
        would: `would be created, ${planned}`,
        change: async () => {
          const made = api();
          if (!made) throw new Error('no access');
          const lengths = `DURATION ${duration} ${exists ? 'REPLICATION 1 ' : ''}SHARD DURATION ${spelled(shardS)}`;
          await rows(
            made,
            what,
            exists
              ? `CREATE RETENTION POLICY ${identifier(policy)} ON ${identifier(db)} ${lengths}`
              : `CREATE DATABASE ${identifier(db)} WITH ${lengths} NAME ${identifier(policy)}`,
          );
          return `created, ${planned}`;
        },
      };
    },
  };
}
