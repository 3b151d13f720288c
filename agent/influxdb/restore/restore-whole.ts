import { AgentError } from '../../system/errors.ts';
import type { InfluxBackup } from './influx-backup.ts';
import { requireKeptToken } from './kept-token.ts';
import { isOperator, lookAtServer, type ServerLook } from './preflight.ts';
import type { RestoreServer } from './restore-server.ts';
import { countSent, type Progress, sendShards } from './send-shards.ts';
import { serverBuckets } from './server-buckets.ts';
import { wantedShards } from './wanted-shards.ts';

/** What replacing all of a server takes away. */
export interface WholeLook extends ServerLook {
  loses: {
    /** `home/energy` */
    buckets: string[];
    users: string[];
    tokens: number;
  };
}

/**
 * Whether a server can be replaced as a whole by what is in a backup, and what is then lost: all buckets with their
 * points, users, tokens, dashboards and tasks.
 * @throws AgentError with a remedy
 */
export async function lookBeforeWhole(server: RestoreServer, backup: InfluxBackup): Promise<WholeLook> {
  databasesOf(backup);
  const look = await lookAtServer(server, backup.version, true);
  const list = async <T>(what: string, path: string) =>
    (await server.ask<Record<string, T[] | undefined>>(`listing the ${what}`, path, { query: { limit: '100' } })).body[
      what
    ] ?? [];
  const buckets: string[] = [];
  for (const { id, name } of await list<{ id: string; name: string }>('orgs', '/api/v2/orgs')) {
    for (const bucket of await serverBuckets(server, id)) buckets.push(`${name}/${bucket.name}`);
  }
  const users = (await list<{ name: string }>('users', '/api/v2/users')).map(({ name }) => name);
  const tokens = (await list<unknown>('authorizations', '/api/v2/authorizations')).length;
  return { ...look, loses: { buckets: buckets.sort(), users, tokens } };
}

export interface RestoreWholeOptions {
  server: RestoreServer;
  backup: InfluxBackup;
  /**
   * The operator token of the server that was backed up. From 2.9 on a server keeps only a hash of it, which a backup
   * brings along, and knows no other from then on.
   */
  operatorToken: string | undefined;
  skipDamaged?: boolean;
  onProgress?: (progress: Progress) => void;
}

export interface RestoredWhole {
  /** The token that is the operator's from now on. */
  operatorToken: string;
  shards: number;
  files: number;
  bytes: number;
  /** Values that can be read: as many as points times fields. */
  values: number;
  damaged: string[];
  /** For a person, a sentence each. */
  notes: string[];
}

/**
 * Replaces everything in a server by what is in a backup, under the same ids: tokens and dashboards of before are as they
 * were. Broken off, the server has the buckets and a part of their points; done again with the token of the backup, it is
 * completed. The server has to be started again afterwards: tasks run only then.
 * @throws AgentError with a remedy
 */
export async function restoreWhole(options: RestoreWholeOptions): Promise<RestoredWhole> {
  const { backup, skipDamaged = false } = options;
  const { kv, sql } = databasesOf(backup);
  const own = await whoseTokenIsTaken(options);
  const { notes } = await lookAtServer(own, backup.version, true);
  await requireKeptToken(backup, options.operatorToken);
  const { shards, damaged } = await wantedShards(backup, backup.buckets, skipDamaged);
  const token = await replaceMetadata({ ...options, server: own }, kv);
  const server = own.withToken(token);
  await server.upload('users, dashboards and notes', '/api/v2/restore/sql', sql.bytes, () => sql.content());
  const sent = await sendShards(server, shards, (id) => id, options);
  const values = await countSent(server, shards, sent, ({ bucket }) => ({
    orgId: bucket.organizationID,
    bucketId: bucket.bucketID,
  }));
  const files = sent.flatMap((one) => one.files);
  return {
    operatorToken: token,
    shards: sent.filter((one) => one.files.length > 0).length,
    files: files.length,
    bytes: files.reduce((sum, { size }) => sum + size, 0),
    values,
    damaged: [...damaged, ...sent.flatMap((one) => one.damaged)],
    notes: [...notes, 'start influxd again: until then it runs no tasks of the backup'],
  };
}

/** A run that was broken off may have brought the tokens of the backup already. */
async function whoseTokenIsTaken({ server, operatorToken }: RestoreWholeOptions): Promise<RestoreServer> {
  if (operatorToken === undefined || (await isOperator(server))) return server;
  const other = server.withToken(operatorToken);
  return (await isOperator(other)) ? other : server;
}

function databasesOf(backup: InfluxBackup) {
  const [kv, sql] = [backup.database('kv'), backup.database('sql')];
  if (kv && sql) return { kv, sql };
  throw new AgentError('usage', `${backup.label} is without users, tokens and dashboards of the server`, {
    hint: 'set the new server up (energy-monitor influxdb setup) and restore the buckets one by one',
  });
}

/** @returns the token that is good from now on */
async function replaceMetadata(
  { server, backup, operatorToken }: RestoreWholeOptions,
  kv: { bytes: number; content(): AsyncIterable<Uint8Array> },
): Promise<string> {
  let answered: unknown;
  try {
    const doing = 'buckets and tokens';
    answered = (await server.upload(doing, '/api/v2/restore/kv', kv.bytes, () => kv.content())).body;
  } catch (error) {
    // The answer to a first attempt may have been lost: then the old token is refused because it was done.
    if (!(error instanceof AgentError && error.code === 'permission')) throw error;
  }
  const told = typeof answered === 'object' && answered !== null && 'token' in answered ? String(answered.token) : '';
  for (const token of [told, operatorToken ?? '']) {
    if (token !== '' && (await isOperator(server.withToken(token)))) return token;
  }
  throw new AgentError(
    'permission',
    `${server.url} has the users and tokens of ${backup.label} now, and takes no token that is known as its operator's; its points are still missing`,
    {
      hint: 'make one on the server with: influxd recovery auth create-operator; then run it again with that token',
    },
  );
}
