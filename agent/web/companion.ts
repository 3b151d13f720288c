import { isDeepStrictEqual } from 'node:util';
import type { Companion, StartCompanion } from '../collector/companion.ts';
import type { Config } from '../config/schema.ts';
import type { Logger } from '../system/logging.ts';
import type { PageOptions } from './options.ts';
import { type PageThread, startPage } from './thread.ts';

/** The first reading comes first: starting a thread takes a core for a moment. */
const DELAY_MS = 1000;

interface Choice {
  /** @see PageOptions.nextPort */
  nextPort?: boolean;
  onListening?: (url: string) => void;
}

/** The page as it goes along with a collector: some time after its start, and anew where the configuration says other things of it. */
export function pageCompanion(log: Logger, { nextPort = false, onListening }: Choice = {}): StartCompanion {
  return (config, runtimeDirectory) => {
    const given = { runtimeDirectory, nextPort, logLevel: log.level };
    let options = optionsOf(config, given);
    let thread: PageThread | undefined;
    const begin = () => {
      if (options.web.listen !== 'off') thread = startPage(options, log, onListening ? { onListening } : {});
    };
    let timer = setTimeout(begin, DELAY_MS);
    const end = async () => {
      clearTimeout(timer);
      const running = thread;
      thread = undefined;
      await running?.end();
    };
    const companion: Companion = {
      tell: (series, outcome) => thread?.tell(series, outcome),
      async adopt(wanted) {
        const next = optionsOf(wanted, given);
        if (isDeepStrictEqual(next, options)) return;
        options = next;
        await end();
        timer = setTimeout(begin, 0);
      },
      end,
    };
    return companion;
  };
}

type Given = Pick<PageOptions, 'runtimeDirectory' | 'nextPort' | 'logLevel'>;

function optionsOf({ stateDir, timeZone, meters, web }: Config, given: Given): PageOptions {
  const shown = meters.map(({ name, model, interval }) => ({ name, model, intervalMs: interval }));
  return { ...given, stateDir, timeZone, meters: shown, web };
}
