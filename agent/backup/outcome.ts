import { messageOf } from '../system/errors.ts';
import type { Logger } from '../system/logging.ts';
import { readNote, writeNote } from './notes.ts';

const NAME = 'outcomes';
const DAY_MS = 86_400_000;
/** Of a credential that ends, so long before it is warned. */
export const WARN_BEFORE_MS = 30 * DAY_MS;

/** How the last backup into a store went, for `status`; by the store's name. */
export interface Outcome {
  label: string;
  /** UTC ms of the last try. */
  triedMs: number;
  /** Why the last try gave no whole backup; absent when it did. */
  problem?: string;
  /** The last backup that was whole. */
  good?: { sequence: number; madeMs: number /** Absent of an older version. */; bytes?: number };
  /** Tries since then that failed: the next that succeeds brings all of it. */
  owed: number;
  /** Why no old backup goes, where one might. */
  left?: string;
  /** Backups since objects were looked through that no snapshot needs any more. */
  sinceCollected?: number;
  /** UTC ms when the store's credential ends. */
  expiresMs?: number;
  /** The last `backup verify`. */
  verified?: { madeMs: number; problems: number };
  /** The last `backup drill`: which backup was restored on trial, or why none could be. */
  drilled?: { madeMs: number; sequence: number; problems: number } | { madeMs: number; failed: string };
}

/** What cannot be read is as if there were none: it is only told. */
export function readOutcomes(stateDir: string, log?: Logger): Record<string, Outcome> {
  try {
    return readNote(stateDir, NAME) as Record<string, Outcome>;
  } catch (error) {
    log?.warn({ reason: messageOf(error) }, 'how the last backups went cannot be read');
    return {};
  }
}

/** What a try says of itself. */
export interface Try {
  label: string;
  triedMs: number;
  problem: string | undefined;
  left: string | undefined;
  sequence: number | undefined;
  /** Of the whole backup. */
  bytes: number | undefined;
  expiresMs: number | undefined;
  sinceCollected: number;
}

export function noteTry(stateDir: string, store: string, one: Try, log: Logger): Outcome {
  const { label, triedMs, problem, left, sequence, bytes, expiresMs, sinceCollected } = one;
  const all = readOutcomes(stateDir);
  const before = all[store]?.label === label ? all[store] : undefined;
  const isGood = problem === undefined && sequence !== undefined;
  const good = isGood ? { sequence, madeMs: triedMs, ...(bytes !== undefined && { bytes }) } : before?.good;
  const outcome: Outcome = {
    label,
    triedMs,
    owed: isGood ? 0 : (before?.owed ?? 0) + 1,
    sinceCollected,
    ...(problem !== undefined && { problem }),
    ...(left !== undefined && { left }),
    ...(good && { good }),
    ...(expiresMs !== undefined && { expiresMs }),
    ...(before?.verified && { verified: before.verified }),
    ...(before?.drilled && { drilled: before.drilled }),
  };
  write(stateDir, { ...all, [store]: outcome }, log);
  return outcome;
}

/** Notes what `backup verify` or `backup drill` found in a store. */
export function noteFinding(
  stateDir: string,
  store: string,
  label: string,
  finding: Pick<Outcome, 'verified'> | Pick<Outcome, 'drilled'>,
  log: Logger,
): void {
  const all = readOutcomes(stateDir);
  const triedMs = Date.now();
  const before = all[store]?.label === label ? all[store] : { label, triedMs, owed: 0 };
  write(stateDir, { ...all, [store]: { ...before, ...finding } }, log);
}

/** Stores that are no longer in the configuration are forgotten. */
export function keepOutcomes(stateDir: string, stores: readonly string[], log: Logger): void {
  const all = Object.entries(readOutcomes(stateDir));
  const kept = all.filter(([store]) => stores.includes(store));
  if (kept.length < all.length) write(stateDir, Object.fromEntries(kept), log);
}

/** A backup is none the worse when this cannot be noted. */
function write(stateDir: string, outcomes: Record<string, Outcome>, log: Logger): void {
  try {
    writeNote(stateDir, NAME, outcomes);
  } catch (error) {
    log.warn({ reason: messageOf(error) }, 'how the backup went cannot be noted');
  }
}
