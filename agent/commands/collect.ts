import type { Command } from 'commander';
import { configOption } from './options.ts';

export function addCollect(root: Command): void {
  root
    .command('collect')
    .description('read the meters of a configuration until stopped')
    .addOption(configOption())
    .action(async (options: { config: string }) => {
      // Loaded here and not at the top: other commands need neither serialport nor its memory.
      const { loadConfig } = await import('../config/load.ts');
      const { createLogger } = await import('../system/logging.ts');
      const { runCollector } = await import('../collector/run.ts');
      const { stopRequested } = await import('../system/stop-signal.ts');
      await runCollector({ config: loadConfig(options.config), log: createLogger(), until: stopRequested() });
    });
}
