import { basename } from 'node:path';
import type { DatabaseSync } from 'node:sqlite';
import { SALVAGE_PREFIX } from '../own-state.ts';
import { State } from '../state.ts';
import type { OldCatalogue } from './old-catalogue.ts';

/** How far the salvage of a file is, as the journal that takes what is found remembers it. */
export interface SalvageProgress {
  /** Which file it is of: another one can have the same name, such as `journal.db` elsewhere. */
  file?: string;
  /** Images of pages that were looked at, in this pass, and all there are. */
  done: number;
  images: number;
  /** Another pass is made when meanwhile it has come to light what ids stood for. */
  pass: number;
  /** Found, and not in the journal before. */
  readings: number;
  gaps: number;
  /** Pages of which nothing can be read. */
  lostPages: number;
  /** Rows that are damaged. */
  lostRows: number;
  /** Readings whose meter or layout is not known, in this pass. */
  unknown: number;
  /** UTC ms of the end; undefined while there is more. */
  finishedMs?: number | undefined;
  /** What ids stood for, as far as it is known. */
  catalogue: ReturnType<OldCatalogue['toJSON']>;
}

/** How far the salvage of a file is; undefined when it has not begun. */
export function salvageProgress(db: DatabaseSync, path: string): SalvageProgress | undefined {
  return new State(db).load(SALVAGE_PREFIX + basename(path)) as SalvageProgress | undefined;
}
