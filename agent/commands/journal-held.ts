import type { Command } from 'commander';
import { configOption, stateDirOf, stateDirOption, timeArgument } from './options.ts';

interface HeldOptions {
  config: string;
  stateDir?: string;
  json?: boolean;
}

/** `journal held`: readings whose time is not known, or whose second has another one. */
export function addHeld(journal: Command): void {
  const held = journal
    .command('held')
    .description('readings whose time is not known, because the clock was wrong')
    .exitOverride();
  held
    .command('list')
    .description('print them in groups, each of one stretch of the clock')
    .option('--json', 'for programs')
    .addOption(configOption())
    .addOption(stateDirOption())
    .action(async (options: HeldOptions) => {
      const { heldText, listHeld } = await import('../journal/held-maintenance.ts');
      const { systemEvidence } = await import('../system/clock-state.ts');
      const groups = listHeld(await stateDirOf(options));
      const text = heldText(groups, systemEvidence().boot);
      process.stdout.write(options.json ? `${JSON.stringify(groups, undefined, 2)}\n` : text);
    });
  held
    .command('place <group>')
    .description('store a group; those whose second has a reading stay aside')
    .requiredOption('--at <time>', 'when its first reading was taken, such as "2026-11-21 12:00"', timeArgument)
    .addOption(configOption())
    .addOption(stateDirOption())
    .action(async (name: string, options: HeldOptions & { at: number }) => {
      const { placeHeld } = await import('../journal/held-maintenance.ts');
      const { systemEvidence } = await import('../system/clock-state.ts');
      const { stored, aside } = placeHeld(await stateDirOf(options), name, options.at, systemEvidence().boot);
      const rest = aside === 0 ? '' : `, ${aside} stay aside: their seconds have a reading`;
      process.stdout.write(`${stored} readings stored${rest}\n`);
    });
  held
    .command('drop <group>')
    .description('forget a group')
    .addOption(configOption())
    .addOption(stateDirOption())
    .action(async (name: string, options: HeldOptions) => {
      const { dropHeld } = await import('../journal/held-maintenance.ts');
      const { systemEvidence } = await import('../system/clock-state.ts');
      const dropped = dropHeld(await stateDirOf(options), name, systemEvidence().boot);
      process.stdout.write(`${dropped} readings dropped\n`);
    });
  for (const command of held.commands) command.exitOverride();
}
