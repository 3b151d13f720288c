import type { Config } from '../config/schema.ts';
import type { Series } from '../readings/reading.ts';
import type { Outcome } from './meter-loop.ts';

/** What goes along with a collector and shows what it does, such as the page; nothing it does may hold the collector up. */
export interface Companion {
  /** Of each point of each meter's grid. Never waits, never throws. */
  tell(series: Series, outcome: Outcome): void;
  /** After the configuration was read again. */
  adopt(config: Config): Promise<void>;
  end(): Promise<void>;
}

/** Begins once the journal is there. @param runtimeDirectory where the collector keeps its status */
export type StartCompanion = (config: Config, runtimeDirectory: string) => Companion;
