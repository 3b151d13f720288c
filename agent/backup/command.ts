import { hostname } from 'node:os';
import { loadConfig } from '../config/load.ts';
import type { BackupConfig } from '../config/schema.ts';
import { AgentError } from '../system/errors.ts';
import { createLogger } from '../system/logging.ts';
import { DirectoryStore } from './directory-store.ts';
import { lockRepository, unlockRepository } from './lock.ts';
import { openExisting, policyOf, recipientsOf } from './place.ts';
import { type Listed, listSnapshots, type PruneResult, prune } from './prune.ts';
import { type BackupResult, runBackup } from './run.ts';
import { type VerifyResult, verify } from './verify.ts';

export interface Configured {
  stateDir: string;
  backup: BackupConfig;
}

/** @throws AgentError `config` when the configuration has no backup */
export async function configured(path: string): Promise<Configured> {
  const { stateDir, backup } = loadConfig(path);
  if (backup) return { stateDir, backup };
  throw new AgentError('config', `${path} has no backup`, {
    hint: 'make a key with energy-monitor backup keygen: it prints what to write there',
  });
}

/** One backup, then the retention. */
export async function runConfigured(
  { stateDir, backup }: Configured,
  agentVersion: string,
): Promise<BackupResult & { pruned: number }> {
  const store = await DirectoryStore.open(backup.directory);
  const log = createLogger();
  const result = await runBackup({
    stateDir,
    store,
    recipients: recipientsOf(backup),
    host: hostname(),
    agentVersion,
    log,
  });
  // What is not whole must not push out what is.
  const pruned = result.verified ? (await pruneConfigured({ stateDir, backup }, false)).removedSnapshots : 0;
  return { ...result, pruned };
}

export async function listConfigured({
  stateDir,
  backup,
}: Configured): Promise<(Listed & { createdMs: number | null })[]> {
  const { repository, memory } = await openExisting(backup, stateDir);
  const list = await listSnapshots(repository, new Set(memory.verified));
  return Promise.all(
    list.map(async (listed) => {
      const createdMs = await repository.manifest(listed.name).then(
        (manifest) => manifest.createdMs,
        () => null,
      );
      return { ...listed, createdMs };
    }),
  );
}

export async function verifyConfigured(
  { stateDir, backup }: Configured,
  share: number,
  identityFile: string | undefined,
): Promise<VerifyResult> {
  const { repository } = await openExisting(backup, stateDir, identityFile);
  return verify(repository, await repository.names(), { share });
}

export async function pruneConfigured({ stateDir, backup }: Configured, dryRun: boolean): Promise<PruneResult> {
  const { repository, memory } = await openExisting(backup, stateDir);
  const unlock = await lockRepository(repository.store, Date.now());
  try {
    return await prune(repository, policyOf(backup), { verified: new Set(memory.verified), dryRun });
  } finally {
    await unlock();
  }
}

export async function unlockConfigured({ backup }: Configured): Promise<string> {
  const holder = await unlockRepository(await DirectoryStore.open(backup.directory));
  return holder
    ? `it was held by process ${holder.pid} of ${holder.host} since ${holder.started}\n`
    : 'it was not locked\n';
}

const megabytes = (bytes: number) => `${(bytes / 1e6).toFixed(bytes < 1e7 ? 2 : 0)} MB`;

export function runText({
  sequence,
  files,
  bytes,
  sentObjects,
  sentBytes,
  verified,
  counts,
  pruned,
}: BackupResult & { pruned: number }): string {
  const readings = Object.values(counts).reduce((sum, n) => sum + n, 0);
  return `backup ${sequence}: ${readings} readings in ${files} files (${megabytes(bytes)}), ${sentObjects} new objects (${megabytes(sentBytes)}), ${verified ? 'verified' : 'NOT WHOLE'}${pruned > 0 ? `, ${pruned} old ones gone` : ''}\n`;
}

export function listText(list: readonly (Listed & { createdMs: number | null })[]): string {
  return list
    .map(({ sequence, createdMs, verified }) => {
      const made = createdMs === null ? 'damaged                 ' : new Date(createdMs).toISOString();
      return `${String(sequence).padStart(6)}  ${made}  ${verified ? 'verified when written' : 'not verified here'}\n`;
    })
    .join('');
}

export function verifyText({ snapshots, objects, read, opened, problems }: VerifyResult): string {
  const lines = problems.map((problem) => `${problem}\n`).join('');
  const summary = `${snapshots} backups, ${objects} objects, ${read} read back${opened > 0 ? `, ${opened} opened` : ''}: ${problems.length === 0 ? 'whole' : `${problems.length} problems`}\n`;
  return lines + summary;
}

export function pruneText(
  { verdicts, removedSnapshots, removedObjects, removedBytes, left }: PruneResult,
  dryRun: boolean,
): string {
  const lines = verdicts.map(
    ({ snapshot, keep, reasons }) =>
      `${String(snapshot.sequence).padStart(6)}  ${keep ? 'stays' : 'goes '}  ${reasons.join(', ')}\n`,
  );
  const verb = dryRun ? 'would go' : 'gone';
  const note = left === undefined ? '' : `no object goes: ${left}\n`;
  return `${lines.join('')}${removedSnapshots} backups ${verb}, ${removedObjects} objects (${megabytes(removedBytes)})\n${note}`;
}
