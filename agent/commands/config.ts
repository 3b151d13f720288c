import type { Command } from 'commander';
import { configOption } from './options.ts';

export function addConfig(root: Command): void {
  const config = root.command('config').description('check, show or begin a configuration').exitOverride();
  config
    .command('check')
    .description('name every mistake in a configuration')
    .addOption(configOption())
    .action(async (options: { config: string }) => {
      const { loadConfig } = await import('../config/load.ts');
      const { meters } = loadConfig(options.config);
      process.stdout.write(
        `${options.config} is right: ${meters.length === 1 ? '1 meter' : `${meters.length} meters`}\n`,
      );
    });
  config
    .command('show')
    .description('print a configuration with all defaults filled in (durations in ms, sizes in bytes), secrets hidden')
    .addOption(configOption())
    .action(async (options: { config: string }) => {
      const { stringify } = await import('yaml');
      const { loadConfig } = await import('../config/load.ts');
      const { SECRET_KEYS } = await import('../system/scrub.ts');
      const config = loadConfig(options.config);
      // A register table has a file of its own, and a command that shows it.
      const meters = config.meters.map(({ table: _, ...meter }) => meter);
      const hidden = (key: unknown, value: unknown) => (SECRET_KEYS.includes(String(key)) ? '***' : value);
      process.stdout.write(stringify({ ...config, meters }, hidden));
    });
  config
    .command('example')
    .description('print a complete configuration to start from')
    .action(async () => {
      const { EXAMPLE_CONFIG } = await import('../config/example.ts');
      process.stdout.write(EXAMPLE_CONFIG);
    });
  for (const command of config.commands) command.exitOverride();
}
