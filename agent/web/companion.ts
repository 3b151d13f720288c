import { isDeepStrictEqual } from 'node:util';
import type { Companion, StartCompanion } from '../collector/companion.ts';
import type { Config } from '../config/schema.ts';
import type { Logger } from '../system/logging.ts';
import { PageThread, type PageThreadOptions } from './thread.ts';

interface Choice {
  /** @see PageThreadOptions */
  nextPort?: boolean;
  onListening?: (url: string) => void;
}

type Shown = Omit<PageThreadOptions, 'nextPort' | 'log' | 'onListening'>;

/** The page as it goes along with a collector, and anew where the configuration says other things of it. */
export function pageCompanion(log: Logger, { nextPort = false, onListening }: Choice = {}): StartCompanion {
  return (config, runtimeDirectory) => {
    let shown = shownOf(config, runtimeDirectory);
    let thread: PageThread | undefined;
    const begin = () => {
      if (!shown) return;
      thread = new PageThread({ ...shown, nextPort, log, onListening });
      void thread.start();
    };
    const end = async () => {
      const running = thread;
      thread = undefined;
      await running?.end();
    };
    begin();
    const companion: Companion = {
      tell: (series, outcome) => thread?.tell(series, outcome),
      async adopt(wanted) {
        const next = shownOf(wanted, runtimeDirectory);
        if (isDeepStrictEqual(next, shown)) return;
        shown = next;
        await end();
        begin();
      },
      end,
    };
    return companion;
  };
}

/** @returns undefined where there is to be no page */
function shownOf({ stateDir, timeZone, meters, web }: Config, runtimeDirectory: string): Shown | undefined {
  const { listen, ...rest } = web;
  if (listen === 'off') return undefined;
  const shown = meters.map(({ name, model, interval }) => ({ name, model, intervalMs: interval }));
  return { address: listen, runtimeDirectory, stateDir, timeZone, meters: shown, web: rest };
}
