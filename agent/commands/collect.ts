import type { Command } from 'commander';
import { configOption } from './options.ts';

export function addCollect(root: Command): void {
  root
    .command('collect')
    .description('read the meters of a configuration until stopped; SIGHUP reads the configuration again')
    .addOption(configOption())
    .action(async (options: { config: string }) => {
      // Loaded here and not at the top: other commands need neither serialport nor its memory.
      const { loadConfig } = await import('../config/load.ts');
      const { createLogger } = await import('../system/logging.ts');
      const { runCollector } = await import('../collector/run.ts');
      const { stopRequested } = await import('../system/stop-signal.ts');
      const { reloadRequests } = await import('../system/reload-signal.ts');
      const { ServiceManager } = await import('../system/service-manager.ts');
      const { pageCompanion } = await import('../web/companion.ts');
      const requests = reloadRequests();
      const manager = ServiceManager.fromEnvironment();
      const load = () => loadConfig(options.config);
      const reload = { requests, load };
      const log = createLogger();
      const companion = pageCompanion(log, { configFile: options.config });
      await runCollector({ config: load(), log, until: stopRequested(), reload, manager, companion });
      await manager?.told();
      requests.end();
    });
}
