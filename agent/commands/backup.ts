import { type Command, InvalidArgumentError } from 'commander';
import packageJson from '../../package.json' with { type: 'json' };
import { AgentError } from '../system/errors.ts';
import { configOption } from './options.ts';

interface BackupCommandOptions {
  config: string;
  json?: boolean;
  all?: boolean;
  sample?: number;
  identityFile?: string;
  dryRun?: boolean;
  new?: boolean;
}

export function addBackup(root: Command): void {
  const backup = root.command('backup').description('keep the journal in a second place, and prove it').exitOverride();
  backup
    .command('keygen')
    .description('make a recovery key: its public half goes into the configuration, the secret one to a safe place')
    .action(async () => {
      const { keygenText } = await import('../backup/keygen.ts');
      process.stdout.write(await keygenText());
    });
  backup
    .command('run')
    .description('back up now, read back what was written, and let go of what the retention does not keep')
    .option('--new', 'begin anew where there was another repository')
    .option('--json', 'the result, for programs')
    .addOption(configOption())
    .action(async ({ config, json, new: anew = false }: BackupCommandOptions) => {
      const { configured, runConfigured, runText } = await import('../backup/command.ts');
      const result = await runConfigured(await configured(config), packageJson.version, anew);
      process.stdout.write(json ? `${JSON.stringify(result, undefined, 2)}\n` : runText(result));
      if (!result.verified)
        throw new AgentError('storage', 'the backup is not whole', { hint: result.problems.slice(0, 3).join('; ') });
    });
  backup
    .command('list')
    .description('the backups that there are, the oldest first')
    .option('--json', 'for programs')
    .addOption(configOption())
    .action(async ({ config, json }: BackupCommandOptions) => {
      const { configured, listConfigured, listText } = await import('../backup/command.ts');
      const list = await listConfigured(await configured(config));
      process.stdout.write(json ? `${JSON.stringify(list, undefined, 2)}\n` : listText(list));
    });
  backup
    .command('verify')
    .description('check that every backup is whole: each object is there, and a sample of them is read back')
    .option('--all', 'read back all of them')
    .option('--sample <percent>', 'how many of them, by chance', percentArgument, 2)
    .option('--identity-file <file>', 'the recovery key: what is read back is opened as well')
    .option('--json', 'for programs')
    .addOption(configOption())
    .action(async ({ config, all, sample = 2, identityFile, json }: BackupCommandOptions) => {
      const { configured, verifyConfigured, verifyText } = await import('../backup/command.ts');
      const result = await verifyConfigured(await configured(config), all ? 1 : sample / 100, identityFile);
      process.stdout.write(json ? `${JSON.stringify(result, undefined, 2)}\n` : verifyText(result));
      if (result.problems.length > 0) throw new AgentError('storage', `${result.problems.length} problems were found`);
    });
  backup
    .command('prune')
    .description('let go of what the retention does not keep')
    .option('--dry-run', 'only tell what would go, and why')
    .option('--json', 'for programs')
    .addOption(configOption())
    .action(async ({ config, dryRun = false, json }: BackupCommandOptions) => {
      const { configured, pruneConfigured, pruneText } = await import('../backup/command.ts');
      const result = await pruneConfigured(await configured(config), dryRun);
      process.stdout.write(json ? `${JSON.stringify(result, undefined, 2)}\n` : pruneText(result, dryRun));
    });
  backup
    .command('unlock')
    .description('after a run on another machine was cut off: let the next one in')
    .addOption(configOption())
    .action(async ({ config }: BackupCommandOptions) => {
      const { configured, unlockConfigured } = await import('../backup/command.ts');
      process.stdout.write(await unlockConfigured(await configured(config)));
    });
  for (const command of backup.commands) command.exitOverride();
}

/** `2` or `2%` */
function percentArgument(text: string): number {
  const percent = Number(/^(\d+(?:\.\d+)?) ?%?$/.exec(text.trim())?.[1] ?? Number.NaN);
  if (!(percent >= 0 && percent <= 100)) throw new InvalidArgumentError('Use a share from 0 to 100, such as 2%.');
  return percent;
}
