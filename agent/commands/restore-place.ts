import { resolve } from 'node:path';
import { type Command, Option } from 'commander';
import type { StoreConfig } from '../config/backup-schema.ts';
import { AgentError } from '../system/errors.ts';

/** Where a backup is, and what opens it. */
export interface PlaceOptions {
  config: string;
  stateDir?: string;
  store?: string;
  from?: string;
  sasFile?: string;
  connectionStringFile?: string;
  identityFile?: string;
}

export function fromPlace(command: Command): Command {
  return command
    .option('--from <place>', 'a directory, or the URL of a container: on a machine that has no configuration yet')
    .option('--sas-file <file>', 'the SAS of that container')
    .addOption(new Option('--connection-string-file <file>', 'or its connection string').conflicts('sasFile'))
    .option('--store <name>', 'the store of this name in the configuration')
    .option('--identity-file <file>', 'the recovery key');
}

/** Where from and where to: the configuration says it, or on a new machine the command line. */
export async function placeOf(
  options: PlaceOptions,
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

function storeFrom({ sasFile, connectionStringFile }: PlaceOptions, from: string): StoreConfig {
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

/** The same place, for another command. */
export function placeArguments({
  config,
  store,
  from,
  sasFile,
  connectionStringFile,
  identityFile,
}: PlaceOptions): string {
  const given = {
    '--from': from,
    '--sas-file': sasFile,
    '--connection-string-file': connectionStringFile,
    '--store': store,
    '--identity-file': identityFile,
    '--config': config,
  };
  return Object.entries(given)
    .flatMap(([option, value]) => (value === undefined ? [] : [option, shellWord(value)]))
    .join(' ');
}

const shellWord = (text: string): string =>
  /^[\w@%+=:,./-]+$/.test(text) ? text : `'${text.replaceAll("'", "'\\''")}'`;
