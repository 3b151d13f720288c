import type { Command } from 'commander';
import { stringify } from 'yaml';
import { EXAMPLE_CONFIG } from '../config/example.ts';
import { loadConfig } from '../config/load.ts';
import { configOption } from './options.ts';

export function addConfig(root: Command): void {
  const config = root.command('config').description('check, show or begin a configuration').exitOverride();
  config
    .command('check')
    .description('name every mistake in a configuration')
    .addOption(configOption())
    .action((options: { config: string }) => {
      const { meters } = loadConfig(options.config);
      process.stdout.write(
        `${options.config} is right: ${meters.length === 1 ? '1 meter' : `${meters.length} meters`}\n`,
      );
    });
  config
    .command('show')
    .description('print a configuration with all defaults filled in (durations in ms, sizes in bytes), secrets hidden')
    .addOption(configOption())
    .action((options: { config: string }) => {
      const config = loadConfig(options.config);
      const influxdb = config.influxdb.map((sink) => (sink.token === undefined ? sink : { ...sink, token: '***' }));
      process.stdout.write(stringify({ ...config, influxdb }));
    });
  config
    .command('example')
    .description('print a complete configuration to start from')
    .action(() => {
      process.stdout.write(EXAMPLE_CONFIG);
    });
  for (const command of config.commands) command.exitOverride();
}
