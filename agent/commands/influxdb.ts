import type { Command } from 'commander';
import type { SetupRequest } from '../influxdb/setup/request.ts';
import { configOption } from './options.ts';

export function addInfluxdb(root: Command): void {
  const influxdb = root.command('influxdb').description('look after the server that the readings go to').exitOverride();
  influxdb
    .command('setup')
    .description('make organisation, buckets, tokens and roll-ups; again whenever you like, it keeps what is there')
    .option('--dry-run', 'only tell what it would do')
    .option('--sink <name>', 'the server of this name, when the configuration has several')
    .option('--tokens-dir <dir>', 'where secrets go (default: the directory of the configuration)')
    .option('--operator-token-file <file>', 'operator token of a server that is set up already')
    .option('--admin-password-file <file>', "the first user's password, instead of a generated one")
    .option('--username <name>', 'the first user of an empty server', 'admin')
    .option('--replace', 'make tokens anew whose files hold something that does not fit')
    .addOption(configOption())
    .action(async (request: SetupRequest) => {
      const { sinkAddress } = await import('../config/sink-address.ts');
      const { keptCredential } = await import('../config/secrets.ts');
      const { chosenServer, setupOptions } = await import('../influxdb/setup/request.ts');
      const { setUpServer } = await import('../influxdb/setup/setup.ts');
      const { loadConfig } = await import('../config/load.ts');
      const server = chosenServer(loadConfig(request.config).influxdb, request);
      const address = sinkAddress({ ...server, token: undefined, tokenFile: undefined });
      const print = (line: string) => void process.stdout.write(`${line}\n`);
      const kept = keptCredential(server.tokenFile);
      const places = { tokensDir: kept?.others, ...request, writerFile: kept?.path };
      await setUpServer(setupOptions(server, address, places, print));
    });
  for (const command of influxdb.commands) command.exitOverride();
}
