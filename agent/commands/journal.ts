import type { Command } from 'commander';
import { addHeld } from './journal-held.ts';

export function addJournal(root: Command): void {
  const journal = root.command('journal').description('look after the journal').exitOverride();
  addHeld(journal);
  for (const command of journal.commands) command.exitOverride();
}
