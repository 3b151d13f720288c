import type { Command } from 'commander';
import { EXIT_CODES } from '../system/errors.ts';
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
      const { readOutcomes } = await import('../backup/outcome.ts');
      const { statusText: backupText } = await import('../backup/text.ts');
      const stateDir = await stateDirOf(options);
      const report = { ...gatherStatus(stateDir), backups: readOutcomes(stateDir) };
      const nowMs = Date.now();
      const text = `${statusText(report, nowMs)}${backupText(report.backups, nowMs)}`;
      if (report.journal === null) process.exitCode = EXIT_CODES.storage;
      process.stdout.write(options.json ? `${JSON.stringify(report, undefined, 2)}\n` : text);
    });
}
