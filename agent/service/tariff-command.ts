import { hexAddress } from '../meters/description.ts';
import type { Entry } from '../meters/service/bytes.ts';
import { type Digits, partWords } from '../meters/service/tables.ts';
import { type Print, withSession } from './commands.ts';
import { type Ask, confirm } from './confirm.ts';
import type { Target } from './target.ts';
import { diffText, tariffYaml } from './tariff-text.ts';
import { resultError, resultText, writeTariffs } from './tariff-write.ts';
import { changesOf, readTariffs, tariffParts } from './tariffs.ts';

export interface TariffCommandOptions {
  /** What is to be written; undefined: the schedule is shown. */
  wanted: ReadonlyMap<string, readonly Entry[]> | undefined;
  isDryRun: boolean;
  /** How dates lie, where a person says so. */
  dates: Digits | undefined;
  /** Undefined: it was confirmed beforehand. */
  ask: Ask | undefined;
  print: Print;
  /** For what is said on the way. */
  say: Print;
  /** Resolves when somebody wants it to end; called when writing begins. */
  stop: () => Promise<void>;
}

/**
 * `meter tariffs`: shows the schedule, or compares it with the wanted one and writes what differs.
 * @throws AgentError when it cannot be read, was not confirmed, or is not as a whole what was wanted
 */
export async function tariffCommand(target: Target, options: TariffCommandOptions): Promise<void> {
  const { wanted, isDryRun, dates, ask, print, say, stop } = options;
  const parts = tariffParts(target);
  await withSession(target, async (session) => {
    const held = await readTariffs(session, parts, dates);
    if (!wanted) return print(tariffYaml(target.model.name, held));
    const changes = changesOf(held, wanted);
    print(diffText(changes));
    if (isDryRun || changes.length === 0) return;
    await confirm(ask, 'The meter counts by this schedule from then on.', 'yes');
    let isStopped = false;
    void stop().then(() => {
      isStopped = true;
    });
    const results = await writeTariffs(session, changes, {
      onPart: (part) => say(`writing ${part.key}: ${partWords(part)} registers at ${hexAddress(part.address)}\n`),
      isStopped: () => isStopped,
    });
    print(resultText(results));
    const error = resultError(results);
    if (error) throw error;
  });
}
