import type { Command } from 'commander';
import { configOption, stateDirOf, stateDirOption } from './options.ts';

export function addStatus(root: Command): void {
  root
    .command('status')
    .description('tell how the collector and its meters are')
    .option('--json', 'for programs')
    .addOption(configOption())
    .addOption(stateDirOption())
    .action(async (options: { config: string; stateDir?: string; json?: boolean }) => {
      const { gatherStatus, statusText } = await import('../collector/status-report.ts');
      const report = gatherStatus(await stateDirOf(options));
      process.stdout.write(options.json ? `${JSON.stringify(report, undefined, 2)}\n` : statusText(report, Date.now()));
    });
}
