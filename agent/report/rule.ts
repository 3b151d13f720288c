import type { Facts } from './facts.ts';
import { COLLECTOR_UNIT } from './units.ts';

/** `critical`: readings are lost as long as it lasts. `warning`: nothing is lost yet. */
export type Severity = 'warning' | 'critical';

/** What a person has to look after. */
export interface Problem {
  /** Stays the same in each version, for programs. */
  id: string;
  severity: Severity;
  /** One sentence: what, and where. */
  message: string;
  /** What to do. */
  remedy: string;
}

export interface Rule {
  id: string;
  severity: Severity;
  /** What speaks for it, one for each place; none where all is well. */
  find: (facts: Facts) => Pick<Problem, 'message' | 'remedy'>[];
}

export const MINUTE_MS = 60_000;
export const HOUR_MS = 3_600_000;
export const DAY_MS = 86_400_000;

/** Is the collector a unit of this machine? */
export const isInstalled = ({ units }: Facts): boolean => units?.some(({ name }) => name === COLLECTOR_UNIT) ?? false;

/** The option that names the place to a command that the person is to call. */
export const placeOption = ({ expected, stateDir }: Facts): string =>
  expected?.file === undefined ? `--state-dir ${stateDir}` : `--config ${expected.file}`;
