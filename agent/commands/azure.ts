import { dirname } from 'node:path';
import { type Command, Option } from 'commander';
import { wholeNumberArgument } from './options.ts';

interface AzureCommandOptions {
  connectionStringFile: string;
  container: string;
  name: string;
  days: number;
  allowDelete?: boolean;
  out: string;
  json?: boolean;
}

const print = (text: string) => void process.stdout.write(text);

export function addAzure(root: Command): void {
  const azure = root
    .command('azure')
    .description('rights of machines on a container for backups: give, renew and revoke them, with the account key')
    .exitOverride();
  onContainer(azure, 'grant', 'let a machine read, create and list there; again for the same one: renew')
    .addOption(nameOption())
    .option('--days <n>', 'how long', wholeNumberArgument(1, 3650), 365)
    .option('--allow-delete', 'let it delete too, for a store without writeOnly that prunes itself')
    .requiredOption('--out <file>', 'where the SAS goes, readable for you alone')
    .action(async ({ name, days, allowDelete = false, out, ...options }: AzureCommandOptions) => {
      const { grant, grantText } = await import('../backup/azure/grant.ts');
      const { prepareDirectory, writePrivateFile } = await import('../system/private-file.ts');
      const place = await placeOf(options);
      // Before anything changes in Azure.
      prepareDirectory(dirname(out));
      const granted = await grant(place, name, { days, mayDelete: allowDelete });
      writePrivateFile(out, granted.sasUrl);
      print(grantText(granted, out));
    });
  onContainer(azure, 'revoke', 'shut a machine out, such as one that was stolen')
    .addOption(nameOption())
    .action(async ({ name, ...options }: AzureCommandOptions) => {
      const { revoke, revokeText } = await import('../backup/azure/grant.ts');
      print(revokeText(name, await revoke(await placeOf(options), name)));
    });
  onContainer(azure, 'list', 'who has which rights, and until when')
    .option('--json', 'for programs')
    .action(async ({ json, ...options }: AzureCommandOptions) => {
      const { grantsText, listGrants } = await import('../backup/azure/grant.ts');
      const grants = await listGrants(await placeOf(options));
      print(json ? `${JSON.stringify(grants, undefined, 2)}\n` : grantsText(grants));
    });
  for (const command of azure.commands) command.exitOverride();
}

const nameOption = () => new Option('--name <machine>', 'such as house').makeOptionMandatory();

function onContainer(azure: Command, name: string, description: string): Command {
  return azure
    .command(name)
    .description(description)
    .requiredOption('--connection-string-file <file>', "the account's, with its key")
    .requiredOption('--container <url>', 'such as https://ACCOUNT.blob.core.windows.net/energy-monitor-house');
}

async function placeOf({
  connectionStringFile,
  container,
}: Pick<AzureCommandOptions, 'connectionStringFile' | 'container'>) {
  const { requirePrivateFile } = await import('../system/private-file.ts');
  return { container, connectionString: requirePrivateFile(connectionStringFile) };
}
