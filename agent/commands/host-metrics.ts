import { join } from 'node:path';
import type { Command } from 'commander';
import { configOption, stateDirOf, stateDirOption } from './options.ts';

interface HostMetricsOptions {
  config: string;
  stateDir?: string;
  print?: boolean;
  json?: boolean;
}

export function addHostMetrics(root: Command): void {
  root
    .command('host-metrics')
    .description('put how this machine is (CPU, temperature, power, memory, disk, network, services) into the journal')
    .option('--print', 'show it instead')
    .option('--json', 'show it instead, for programs')
    .addOption(configOption())
    .addOption(stateDirOption())
    .action(async (options: HostMetricsOptions) => {
      const { plainStateDir } = await import('../config/state-dir.ts');
      const { gatherHost } = await import('../host/host-metrics.ts');
      const stateDir = options.stateDir ?? plainStateDir(options.config) ?? (await stateDirOf(options));
      if (options.print || options.json) {
        const { hostText } = await import('../host/text.ts');
        const { reading } = await gatherHost({ stateDir });
        const { series, timeMs, values } = reading;
        const report = { time: new Date(timeMs).toISOString(), host: series.meter, model: series.model, values };
        process.stdout.write(options.json ? `${JSON.stringify(report, undefined, 2)}\n` : hostText(reading));
        return;
      }
      const { ensureStateDir } = await import('../journal/database.ts');
      const { deliver } = await import('../journal/inbox.ts');
      const { runtimeDirectory } = await import('../journal/runtime-directory.ts');
      ensureStateDir(stateDir);
      // Not below systemd's own RuntimeDirectory, which goes when a one-shot ends.
      const { path, inMemory } = runtimeDirectory(stateDir, {});
      const memory = inMemory ? { cpuCountersPath: join(path, 'host-cpu.json') } : {};
      const { reading, decimals } = await gatherHost({ stateDir, ...memory });
      deliver(stateDir, [{ kind: 'reading', reading, decimals }]);
    });
}
