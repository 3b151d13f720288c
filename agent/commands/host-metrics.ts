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
    .description(
      'put how this machine is (CPU, temperature, power, memory, disk, network, services, the agent itself) into the journal',
    )
    .option('--print', 'show it instead')
    .option('--json', 'show it instead, for programs')
    .addOption(configOption())
    .addOption(stateDirOption())
    .action(async (options: HostMetricsOptions) => {
      const { plainStateDir } = await import('../config/state-dir.ts');
      const stateDir = options.stateDir ?? plainStateDir(options.config) ?? (await stateDirOf(options));
      const { agentValues } = await import('../collector/agent-values.ts');
      const agent = () => agentValues(stateDir);
      if (options.print || options.json) {
        const { gatherHost } = await import('../host/host-metrics.ts');
        const { hostJson, hostText } = await import('../host/text.ts');
        const { reading } = await gatherHost({ stateDir, agent });
        process.stdout.write(options.json ? hostJson(reading) : hostText(reading));
        return;
      }
      const { recordHost } = await import('../host/record.ts');
      await recordHost(stateDir, agent);
    });
}
