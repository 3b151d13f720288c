import { type Command, Option } from 'commander';
import { AgentError } from '../system/errors.ts';
import { configOption, stateDirOption } from './options.ts';
import { fromPlace, type PlaceOptions, placeOf } from './restore-place.ts';

interface RestoreCommandOptions extends PlaceOptions {
  merge?: boolean;
  skipDamaged?: boolean;
  dryRun?: boolean;
  json?: boolean;
  list?: boolean;
  withDatabases?: boolean;
}

export function addRestore(root: Command): void {
  fromPlace(root.command('restore'))
    .description('bring a backup back: the journal, and on a new machine the configuration')
    .argument('[backup]', 'its number, or latest', 'latest')
    .option('--list', 'only tell which backups there are')
    .addOption(
      new Option('--with-databases', 'then the servers whose data the backup holds as well, into place').conflicts([
        'merge',
        'dryRun',
      ]),
    )
    .option('--merge', 'into a journal that is there: what is in it stays')
    .option('--skip-damaged', 'leave out what is gone or damaged, and say so')
    .option('--dry-run', 'only tell what would be restored')
    .option('--json', 'the result, for programs')
    .addOption(stateDirOption())
    .addOption(configOption())
    .action(async (which: string, options: RestoreCommandOptions) => {
      const { restore } = await import('../backup/restore/restore.ts');
      const { restoreText } = await import('../backup/restore/text.ts');
      const { giveWay } = await import('../system/priority.ts');
      const { progressLine } = await import('../system/progress-line.ts');
      const { Transfer } = await import('../system/transfer.ts');
      const { databasesText, missingText, owedBackup, restoreDatabases } = await import('./restore-databases.ts');
      if (options.list) return list(options);
      giveWay();
      const { merge = false, skipDamaged, dryRun = false, identityFile, json, withDatabases = false } = options;
      const owed = withDatabases ? await owedBackup(which, options) : undefined;
      if (owed) {
        process.stderr.write(`the journal of backup ${owed.sequence} is there; going on with the servers\n`);
        return restoreDatabases(owed.names, owed.sequence, options);
      }
      const { store, stateDir, configFile } = await placeOf(options);
      const progress = progressLine(process.stderr);
      const transfer = new Transfer();
      const report = await restore({
        ...{ store, stateDir, configFile, which, identityFile, merge, skipDamaged, dryRun, withDatabases },
        onProgress: (done, all) => progress.show(`journal: ${transfer.text(done, all)}`),
      }).finally(() => progress.clear());
      process.stdout.write(json ? `${JSON.stringify(report, undefined, 2)}\n` : restoreText(report));
      if (!json && report.config) process.stdout.write(await missingText(options));
      if (withDatabases) {
        const names = report.databases.map(({ name }) => name);
        await restoreDatabases(names, report.listed.sequence, options);
      } else if (!json && !merge) process.stdout.write(await databasesText(report, options));
      const damaged = report.journal?.damaged.length ?? 0;
      const problems = report.rehearsal?.problems.length ?? 0;
      if (problems > 0)
        throw new AgentError('storage', `${problems} problems were found`, { hint: 'use another backup' });
      if (damaged > 0) throw new AgentError('storage', `the rest is there; what was damaged is not: ${damaged} parts`);
    });
}

/** What there is to choose from, also on a machine that has no configuration yet. */
async function list(options: RestoreCommandOptions): Promise<void> {
  const { listStore } = await import('../backup/command.ts');
  const { listText } = await import('../backup/text.ts');
  const { store, stateDir } = await placeOf(options);
  const found = await listStore(store, stateDir);
  process.stdout.write(options.json ? `${JSON.stringify(found, undefined, 2)}\n` : listText(found, true, Date.now()));
}
