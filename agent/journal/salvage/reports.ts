import type { DatabaseSync } from 'node:sqlite';
import { asideFiles } from '../set-aside.ts';
import { type SalvageProgress, salvageProgress } from './progress.ts';

/** A journal that was set aside. */
export interface AsideReport {
  path: string;
  bytes: number;
  /** Undefined before it begins, and where the journal that takes what is found cannot be read. */
  salvage: Omit<SalvageProgress, 'catalogue' | 'file'> | undefined;
}

/** The journals that were set aside and are still there, oldest first. @param db the journal of now */
export function asideReports(stateDir: string, db: DatabaseSync | undefined): AsideReport[] {
  return asideFiles(stateDir).map(({ path, bytes }) => {
    const { catalogue: _, file: __, ...salvage } = (db && salvageProgress(db, path)) ?? {};
    return { path, bytes, salvage: 'images' in salvage ? salvage : undefined };
  });
}
