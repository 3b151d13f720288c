import { existsSync } from 'node:fs';
import type { DatabaseRestoreOptions, DatabaseRestoreReport } from '../backup/restore/database.ts';
import type { RestoreReport } from '../backup/restore/restore.ts';
import { AgentError } from '../system/errors.ts';
import { type PlaceOptions, placeArguments, placeOf } from './restore-place.ts';

export interface DatabasesOptions extends PlaceOptions {
  skipDamaged?: boolean;
  json?: boolean;
}

/** Restores one server, with its progress on the terminal. */
export async function runDatabaseRestore(
  options: Omit<DatabaseRestoreOptions, 'sendAgain' | 'log' | 'onProgress'>,
): Promise<DatabaseRestoreReport> {
  const { sendAgain } = await import('../forwarding/maintenance.ts');
  const { restoreDatabase } = await import('../backup/restore/database.ts');
  const { createLogger } = await import('../system/logging.ts');
  const { progressLine } = await import('../system/progress-line.ts');
  const { Transfer } = await import('../system/transfer.ts');
  const progress = progressLine(process.stderr);
  const transfers = new Map<string, InstanceType<typeof Transfer>>();
  return restoreDatabase({
    ...options,
    sendAgain: (fromMs) => sendAgain(options.config, options.sink, fromMs),
    log: createLogger(),
    onProgress: (what, { doneBytes, allBytes }) => {
      const transfer = transfers.get(what) ?? new Transfer();
      transfers.set(what, transfer);
      progress.show(`${what}: ${transfer.text(doneBytes, allBytes)}`);
    },
  }).finally(() => progress.clear());
}

/** A report for programs. */
export function shownReport(all: DatabaseRestoreReport): object {
  if (all.kind !== 'influxdb2') return all;
  const { inPlace, ...report } = all;
  const problem = inPlace?.problem;
  const shown = problem && { message: problem.message, hint: problem.hint ?? null, code: problem.code };
  return { ...report, inPlace: inPlace && { ...inPlace, problem: shown } };
}

/** What went wrong after the data were in place. */
export const problemOf = (report: DatabaseRestoreReport): AgentError | undefined =>
  report.kind === 'influxdb2' ? report.inPlace?.problem : undefined;

const commandFor = (name: string, sequence: number, options: DatabasesOptions, swap = ' --swap'): string =>
  `energy-monitor restore-influxdb ${sequence}${swap} --sink ${name} ${placeArguments(options)}`;

/** How the servers whose data the backup holds come back: into place on a new machine, beside what is live elsewhere. */
export async function databasesText({ databases, listed }: RestoreReport, options: DatabasesOptions): Promise<string> {
  const swap = options.from === undefined ? '' : undefined;
  return databases
    .map(({ name }) => `the data of ${name} come back with:\n  ${commandFor(name, listed.sequence, options, swap)}\n`)
    .join('');
}

/** What else has to be on a new machine before everything works. */
export async function missingText({ config }: DatabasesOptions): Promise<string> {
  const { parseConfig, readConfig } = await import('../config/load.ts');
  const { missingFiles } = await import('../config/missing-files.ts');
  // A table that is missing is one of those files, and no reason to say nothing of the others.
  const missing = missingFiles(parseConfig(readConfig(config), config, { tables: 'skip' }), config);
  return missing.length === 0 ? '' : `  it names files that are not here: ${missing.join(', ')}\n`;
}

/** The backup whose journal is here, and of whose servers some are not: an earlier run was broken off. */
export async function owedBackup(which: string, { config: file }: DatabasesOptions) {
  if (!existsSync(file)) return undefined;
  const { loadConfig } = await import('../config/load.ts');
  const { journalPath } = await import('../journal/database.ts');
  const { DatabaseNote } = await import('../backup/restore/database-note.ts');
  const { stateDir, influxdb } = loadConfig(file);
  if (!existsSync(journalPath(stateDir))) return undefined;
  const owed = influxdb.flatMap(({ name }) => {
    const sequence = DatabaseNote.owedOf(stateDir, name);
    return sequence === undefined ? [] : [{ name, sequence }];
  });
  const [first] = owed;
  if (!first || (which !== 'latest' && which !== String(first.sequence))) return undefined;
  const { sequence } = first;
  return { sequence, names: owed.filter((one) => one.sequence === sequence).map(({ name }) => name) };
}

/**
 * Brings servers back into place, one after the other; one that cannot be had holds up no other.
 * @throws AgentError in the end, when not all of them are there; what is to do was printed
 */
export async function restoreDatabases(
  names: readonly string[],
  sequence: number,
  options: DatabasesOptions,
): Promise<void> {
  const { loadConfig } = await import('../config/load.ts');
  const { DatabaseNote } = await import('../backup/restore/database-note.ts');
  const { databaseText } = await import('../backup/restore/database-text.ts');
  const { config: configFile, stateDir, identityFile, skipDamaged = false, json } = options;
  const config = loadConfig(configFile);
  if (stateDir !== undefined && stateDir !== config.stateDir) {
    throw new AgentError('usage', `${configFile} has its journal in ${config.stateDir}, and not in ${stateDir}`, {
      hint: `write stateDir: ${stateDir} there; then run the same command again`,
    });
  }
  const { store } = await placeOf(options);
  const failures: AgentError[] = [];
  for (const sink of names) {
    try {
      const report = await runDatabaseRestore({
        ...{ config, configFile, store, which: String(sequence), identityFile, sink, swap: true, skipDamaged },
      });
      process.stdout.write(json ? `${JSON.stringify(shownReport(report), undefined, 2)}\n` : databaseText(report));
      const problem = problemOf(report);
      if (problem) throw problem;
    } catch (error) {
      if (!(error instanceof AgentError)) throw error;
      failures.push(error);
      const { message, hint } = error;
      process.stderr.write(`energy-monitor: ${sink}: ${message}\n${hint === undefined ? '' : `  ${hint}\n`}`);
      const isOwed = DatabaseNote.owedOf(config.stateDir, sink) !== undefined;
      if (isOwed) process.stderr.write(`  then: ${commandFor(sink, sequence, options)}\n`);
    }
  }
  const [first] = failures;
  if (!first) return;
  const message = `the journal is there; of ${names.length} servers, ${failures.length} need you`;
  throw new AgentError(first.code, message, { hint: 'do what is said above for each' });
}
