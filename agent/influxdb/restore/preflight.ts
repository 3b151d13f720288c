import { AgentError } from '../../system/errors.ts';
import { influxdb2Version } from '../snapshot/health.ts';
import type { RestoreServer } from './restore-server.ts';

/** The first whose restore of one bucket is in one request (2.1.1; its predecessor named the path otherwise). */
const OLDEST = [2, 1, 1] as const;
/** A shard that cannot exist: only the operator gets as far as hearing so. */
const NO_SHARD = '/api/v2/backup/shards/18446744073709551615';

export interface ServerLook {
  version: string;
  /** For a person, a sentence each: nothing that stands in the way. */
  notes: string[];
}

/**
 * Whether a server can take a restore, and this token give it.
 * @param backedUp version of the server that was backed up
 * @param databases whether its databases are to be replaced, which an older server could not read
 * @throws AgentError with a remedy
 */
export async function lookAtServer(
  server: RestoreServer,
  backedUp: string | undefined,
  databases = false,
): Promise<ServerLook> {
  const version = await influxdb2Version(server.reader);
  if (compareVersions(version, OLDEST.join('.')) < 0) {
    throw new AgentError('unavailable', `${server.url} is an InfluxDB ${version}, which is too old for a restore`, {
      hint: 'upgrade it to 2.7 or later',
    });
  }
  const notes: string[] = [];
  if (backedUp === undefined) notes.push('the backup does not tell which version of InfluxDB it is of');
  else if (compareVersions(minor(version), minor(backedUp)) < 0) {
    const message = `the backup is of InfluxDB ${backedUp}, and ${server.url} is the older ${version}`;
    if (databases) {
      throw new AgentError('unavailable', `${message}: it could not read the users and tokens of the newer one`, {
        hint: `upgrade the server to ${backedUp}, or restore single buckets`,
      });
    }
    notes.push(`${message}: points come back, but better upgrade it first`);
  }
  await requireOperator(server);
  return { version, notes };
}

/** @throws AgentError `permission` when the token is not the operator's */
export async function requireOperator(server: RestoreServer): Promise<void> {
  if (await isOperator(server)) return;
  throw new AgentError('permission', `${server.url} does not take the token as its operator's`, {
    hint: 'a restore needs the operator token of this server, all access is not enough; energy-monitor influxdb setup writes it to influxdb-operator.token; a lost one is made anew on the server with: influxd recovery auth create-operator',
  });
}

export async function isOperator(server: RestoreServer): Promise<boolean> {
  const { status } = await server.ask('trying the operator token', NO_SHARD, { accepts: [401, 403, 404] });
  return status === 404;
}

const minor = (version: string): string => version.split('.').slice(0, 2).join('.');

function compareVersions(one: string, other: string): number {
  const [a, b] = [one, other].map((version) => version.split('.').map((part) => Number.parseInt(part, 10) || 0));
  for (let i = 0; i < 3; i++) {
    const difference = (a?.[i] ?? 0) - (b?.[i] ?? 0);
    if (difference !== 0) return difference;
  }
  return 0;
}
