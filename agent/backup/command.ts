import { hostname } from 'node:os';
import { loadConfig } from '../config/load.ts';
import type { BackupConfig } from '../config/schema.ts';
import { AgentError } from '../system/errors.ts';
import { createLogger } from '../system/logging.ts';
import { DirectoryStore } from './directory-store.ts';
import { lockRepository, unlockRepository } from './lock.ts';
import { remember } from './memory.ts';
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

export type RunOutcome = BackupResult & { pruned: number; left: string | undefined };

/** One backup, then the retention. */
export async function runConfigured(
  { stateDir, backup }: Configured,
  agentVersion: string,
  anew = false,
): Promise<RunOutcome> {
  const store = await DirectoryStore.open(backup.directory);
  const recipients = recipientsOf(backup);
  const log = createLogger();
  const result = await runBackup({ stateDir, store, recipients, host: hostname(), agentVersion, log, anew });
  // What is not whole, or has lost most of what there was, must not push out what has it.
  if (!result.verified) return { ...result, pruned: 0, left: 'the backup is not whole' };
  if (result.shrunk)
    return {
      ...result,
      pruned: 0,
      left: 'the journal has far fewer readings than at the last backup; when that is right: energy-monitor backup prune',
    };
  const { removedSnapshots, left } = await pruneConfigured({ stateDir, backup }, false);
  return { ...result, pruned: removedSnapshots, left };
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

/** What was found is remembered: damaged objects are sent again by the next run. */
export async function verifyConfigured(
  { stateDir, backup }: Configured,
  share: number,
  identityFile: string | undefined,
): Promise<VerifyResult> {
  const { repository, memory } = await openExisting(backup, stateDir, identityFile);
  const files = share === 1 && repository.envelope.opens;
  const result = await verify(repository, await repository.names(), { shareOf: () => share, files });
  if (memory.nameKey !== undefined) {
    const damaged = [...new Set([...memory.damaged, ...result.damaged])];
    if (damaged.length > memory.damaged.length) remember(stateDir, repository.config.id, { ...memory, damaged });
  }
  return result;
}

export async function pruneConfigured({ stateDir, backup }: Configured, dryRun: boolean): Promise<PruneResult> {
  const { repository, memory } = await openExisting(backup, stateDir);
  const verified = new Set(memory.verified);
  if (dryRun) return prune(repository, policyOf(backup), { verified, dryRun });
  const unlock = await lockRepository(stateDir, repository.store, Date.now());
  try {
    return await prune(repository, policyOf(backup), { verified });
  } finally {
    await unlock();
  }
}

export async function unlockConfigured({ backup }: Configured): Promise<string> {
  const holder = await unlockRepository(DirectoryStore.at(backup.directory));
  return holder
    ? `it was held by process ${holder.pid} of ${holder.host} since ${holder.started}\n`
    : 'it was not locked\n';
}

const megabytes = (bytes: number) => `${(bytes / 1e6).toFixed(bytes < 1e7 ? 2 : 0)} MB`;

export function runText(outcome: RunOutcome): string {
  const { sequence, files, bytes, sentObjects, sentBytes, verified, counts, pruned, left } = outcome;
  const readings = Object.values(counts).reduce((sum, n) => sum + n, 0);
  const size = `${readings} readings in ${files} files (${megabytes(bytes)})`;
  const sent = `${sentObjects} new objects (${megabytes(sentBytes)})`;
  const gone = pruned > 0 ? `, ${pruned} old ones gone` : '';
  const note = left === undefined ? '' : `no old backup goes: ${left}\n`;
  return `backup ${sequence}: ${size}, ${sent}, ${verified ? 'verified' : 'NOT WHOLE'}${gone}\n${note}`;
}

export function listText(list: readonly (Listed & { createdMs: number | null })[]): string {
  return list
    .map(({ sequence, createdMs, verified }) => {
      const made = createdMs === null ? 'damaged                 ' : new Date(createdMs).toISOString();
      return `${String(sequence).padStart(6)}  ${made}  ${verified ? 'verified when written' : 'not verified here'}\n`;
    })
    .join('');
}

export function verifyText({ snapshots, objects, read, files, problems }: VerifyResult): string {
  const lines = problems.map((problem) => `${problem}\n`).join('');
  const opened = files > 0 ? `, ${files} files opened` : '';
  const verdict = problems.length === 0 ? 'whole' : `${problems.length} problems`;
  return `${lines}${snapshots} backups, ${objects} objects, ${read} read back${opened}: ${verdict}\n`;
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
  const note = left === undefined ? '' : `nothing goes: ${left}\n`;
  return `${lines.join('')}${removedSnapshots} backups ${verb}, ${removedObjects} objects (${megabytes(removedBytes)})\n${note}`;
}
