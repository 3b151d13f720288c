import { resolve } from 'node:path';
import { type Command, Option } from 'commander';
import type { StoreConfig } from '../config/backup-schema.ts';
import { AgentError } from '../system/errors.ts';
import { configOption, stateDirOption } from './options.ts';

interface RestoreCommandOptions {
  config: string;
  stateDir?: string;
  store?: string;
  from?: string;
  sasFile?: string;
  connectionStringFile?: string;
  identityFile?: string;
  merge?: boolean;
  skipDamaged?: boolean;
  dryRun?: boolean;
  json?: boolean;
}

export function addRestore(root: Command): void {
  root
    .command('restore')
    .description('bring a backup back: the journal, and on a new machine the configuration')
    .argument('[backup]', 'its number, or latest', 'latest')
    .option('--from <place>', 'a directory, or the URL of a container: on a machine that has no configuration yet')
    .option('--sas-file <file>', 'the SAS of that container')
    .addOption(new Option('--connection-string-file <file>', 'or its connection string').conflicts('sasFile'))
    .option('--store <name>', 'the store of this name in the configuration')
    .option('--identity-file <file>', 'the recovery key')
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
      giveWay();
      const { merge = false, skipDamaged, dryRun = false, identityFile, json } = options;
      const { store, stateDir, configFile } = await placeOf(options);
      const progress = progressLine(process.stderr);
      const report = await restore({
        ...{ store, stateDir, configFile, which, identityFile, merge, skipDamaged, dryRun },
        onProgress: (done, all) => progress.show(`${Math.floor((done / all) * 100)} % of ${Math.ceil(all / 1e6)} MB`),
      }).finally(() => progress.clear());
      process.stdout.write(json ? `${JSON.stringify(report, undefined, 2)}\n` : restoreText(report));
    });
}

/** Where from and where to: the configuration says it, or on a new machine the command line. */
async function placeOf(
  options: RestoreCommandOptions,
): Promise<{ store: StoreConfig; stateDir: string | undefined; configFile: string | undefined }> {
  const { config, from, store: name } = options;
  if (from === undefined) {
    const { configured } = await import('../backup/configured.ts');
    const { storeOf } = await import('../backup/place.ts');
    const { backup, stateDir } = configured(config);
    return { store: storeOf(backup, name), stateDir: options.stateDir ?? stateDir, configFile: undefined };
  }
  return { store: storeFrom(options, from), stateDir: options.stateDir, configFile: config };
}

function storeFrom({ sasFile, connectionStringFile }: RestoreCommandOptions, from: string): StoreConfig {
  const common = { writeOnly: true };
  if (!/^https?:/.test(from)) return { directory: resolve(from), ...common };
  const azure = from.replace(/\/+$/, '');
  if (sasFile !== undefined) return { azure, sasFile: resolve(sasFile), ...common };
  if (connectionStringFile !== undefined)
    return { azure, connectionStringFile: resolve(connectionStringFile), ...common };
  throw new AgentError('usage', `${from.replace(/\?.*/s, '')} needs a credential`, {
    hint: 'write its SAS into a file (mode 0600) and name it with --sas-file',
  });
}
