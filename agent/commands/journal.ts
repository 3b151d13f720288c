import { resolve } from 'node:path';
import type { Command } from 'commander';
import { EXIT_CODES } from '../system/errors.ts';
import { addHeld } from './journal-held.ts';
import { configOption, stateDirOf, stateDirOption } from './options.ts';

interface JournalCommandOptions {
  config: string;
  stateDir?: string;
  json?: boolean;
}

export function addJournal(root: Command): void {
  const journal = root.command('journal').description('look after the journal').exitOverride();
  const add = (name: string, description: string) =>
    journal.command(name).description(description).addOption(configOption()).addOption(stateDirOption());
  add('check', 'look at each page and each reading, and name what is damaged (exit code 74)')
    .option('--json', 'for programs')
    .action(check);
  add('stats', 'tell how large it is, what is in it, and what the retention will do')
    .option('--json', 'for programs')
    .action(stats);
  add('compact', 'write it anew without what is free in it; not while a collector runs').action(compact);
  add('salvage <file>', 'bring what can be read of a damaged journal into the journal, as a collector does by itself')
    .option('--json', 'for programs')
    .action(salvage);
  addHeld(journal);
  for (const command of journal.commands) command.exitOverride();
}

async function check(options: JournalCommandOptions): Promise<void> {
  const { checkJournal, checkText } = await import('../journal/check.ts');
  const { progressLine } = await import('../system/progress-line.ts');
  const { giveWay } = await import('../system/priority.ts');
  giveWay();
  const stateDir = await stateDirOf(options);
  const line = progressLine(process.stderr);
  const result = checkJournal(stateDir, (readings) => line.show(`${readings} readings`));
  line.clear();
  if (result.problems.length > 0) process.exitCode = EXIT_CODES.storage;
  process.stdout.write(options.json ? `${JSON.stringify(result, undefined, 2)}\n` : checkText(result));
}

async function stats(options: JournalCommandOptions): Promise<void> {
  const { journalStats, statsText } = await import('../journal/stats.ts');
  const { loadConfig } = await import('../config/load.ts');
  // A state directory that is named alone has no limits.
  const config = options.stateDir === undefined ? loadConfig(options.config) : undefined;
  const limits = { maxAgeMs: config?.journal.retention, maxBytes: config?.journal.maxSize };
  const result = journalStats(config?.stateDir ?? (await stateDirOf(options)), limits);
  process.stdout.write(options.json ? `${JSON.stringify(result, undefined, 2)}\n` : statsText(result));
}

async function compact(options: JournalCommandOptions): Promise<void> {
  const { compact: compactJournal, compactionText } = await import('../journal/compaction.ts');
  process.stdout.write(compactionText(compactJournal(await stateDirOf(options))));
}

async function salvage(file: string, options: JournalCommandOptions): Promise<void> {
  const { salvageFile, salvageText } = await import('../journal/salvage/command.ts');
  const { progressLine } = await import('../system/progress-line.ts');
  const { giveWay } = await import('../system/priority.ts');
  giveWay();
  const line = progressLine(process.stderr);
  const onProgress = ({ done, images }: { done: number; images: number }) => line.show(`${done} of ${images} pages`);
  const result = await salvageFile(await stateDirOf(options), resolve(file), onProgress);
  line.clear();
  process.stdout.write(options.json ? `${JSON.stringify(result, undefined, 2)}\n` : salvageText(result));
}
