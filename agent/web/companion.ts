import { isDeepStrictEqual } from 'node:util';
import type { Companion, StartCompanion } from '../collector/companion.ts';
import type { Config } from '../config/schema.ts';
import { configuredBy } from '../report/configured.ts';
import type { Logger } from '../system/logging.ts';
import type { MeterOutcome } from './live-feed.ts';
import { PageThread, type PageThreadOptions } from './thread.ts';

interface Choice {
  /** @see PageThreadOptions */
  nextPort?: boolean;
  /** Where the configuration stands, for who is told to correct it. */
  configFile?: string;
  onListening?: (url: string) => void;
}

type Shown = Omit<PageThreadOptions, 'nextPort' | 'log' | 'onListening' | 'latest'>;

/** The page as it goes along with a collector, and anew where the configuration says other things of it. */
export function pageCompanion(log: Logger, { nextPort = false, configFile, onListening }: Choice = {}): StartCompanion {
  return (config, runtimeDirectory) => {
    const shownBy = (one: Config) => shownOf(one, { configFile, runtimeDirectory });
    let shown = shownBy(config);
    const latest = new Map<string, MeterOutcome>();
    let thread: PageThread | undefined;
    const begin = () => {
      if (!shown) return;
      thread = new PageThread({ ...shown, nextPort, log, onListening, latest });
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
        const next = shownBy(wanted);
        // A certificate that was renewed has the same name.
        if (isDeepStrictEqual(next, shown) && !next?.web.tls) return;
        shown = next;
        for (const [key, { series }] of latest) {
          if (!wanted.meters.some(({ name }) => name === series.meter)) latest.delete(key);
        }
        await end();
        begin();
      },
      end,
    };
    return companion;
  };
}

/** @returns undefined where there is to be no page */
function shownOf(
  config: Config,
  { configFile, runtimeDirectory }: { configFile: string | undefined; runtimeDirectory: string },
): Shown | undefined {
  const { stateDir, timeZone, meters } = config;
  const { listen, ...web } = config.web;
  if (listen === 'off') return undefined;
  const shown = meters.map(({ name, model, interval, intervals }) => ({
    name,
    model,
    intervalMs: interval,
    slowestMs: Math.max(interval, ...Object.values(intervals)),
  }));
  const configured = configuredBy(config, configFile);
  return { address: listen, runtimeDirectory, stateDir, timeZone, meters: shown, web, configured };
}
