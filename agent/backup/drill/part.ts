/** One thing of a backup that was restored on trial. */
export interface DrillPart {
  /** `journal`, `config` or `databases/NAME`. */
  name: string;
  /** What was done with it, for a person. */
  done: string;
  /** A sentence each. */
  problems: string[];
}

/** Told what is being done, and how far it is. */
export type DrillProgress = (
  what: string,
  at: { unit: 'bytes' | 'days' | 'months'; done: number; all: number },
) => void;
