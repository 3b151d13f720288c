import { hostname } from 'node:os';
import type { Entry } from '../journal/entry.ts';
import { deliver } from '../journal/inbox.ts';
import { MACHINE_MEASUREMENTS } from '../readings/reading.ts';
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
  good?: { sequence: number; madeMs: number };
  /** Tries since then that failed: the next that succeeds brings all of it. */
  owed: number;
  /** UTC ms when the store's credential ends. */
  expiresMs?: number;
  /** The last `backup verify`. */
  verified?: { madeMs: number; problems: number };
}

export function readOutcomes(stateDir: string): Record<string, Outcome> {
  return readNote(stateDir, NAME) as Record<string, Outcome>;
}

/** What a try says of itself. */
export interface Try {
  label: string;
  triedMs: number;
  problem?: string | undefined;
  sequence?: number | undefined;
  expiresMs?: number | undefined;
}

export function noteTry(
  stateDir: string,
  store: string,
  { label, triedMs, problem, sequence, expiresMs }: Try,
): Outcome {
  const all = readOutcomes(stateDir);
  const before = all[store]?.label === label ? all[store] : undefined;
  const isGood = problem === undefined && sequence !== undefined;
  const good = isGood ? { sequence, madeMs: triedMs } : before?.good;
  const outcome: Outcome = {
    label,
    triedMs,
    owed: isGood ? 0 : (before?.owed ?? 0) + 1,
    ...(problem !== undefined && { problem }),
    ...(good && { good }),
    ...(expiresMs !== undefined && { expiresMs }),
    ...(before?.verified && { verified: before.verified }),
  };
  writeNote(stateDir, NAME, { ...all, [store]: outcome });
  return outcome;
}

export function noteVerification(
  stateDir: string,
  store: string,
  label: string,
  madeMs: number,
  problems: number,
): void {
  const all = readOutcomes(stateDir);
  const before = all[store]?.label === label ? all[store] : { label, triedMs: madeMs, owed: 0 };
  writeNote(stateDir, NAME, { ...all, [store]: { ...before, verified: { madeMs, problems } } });
}

/**
 * Puts what a backup did into the journal: measurement `backup`, one series a store. That it cannot be put there is a
 * warning: the backup is none the worse.
 */
export function recordValues(
  stateDir: string,
  store: string,
  nowMs: number,
  values: Record<string, number | undefined>,
  log: Logger,
): void {
  const known = Object.entries(values).filter((pair): pair is [string, number] => pair[1] !== undefined);
  const series = { measurement: MACHINE_MEASUREMENTS[1], meter: hostname(), model: store };
  const reading = { series, timeMs: nowMs, values: Object.fromEntries(known) };
  const decimals = Object.fromEntries(known.map(([name]) => [name, name.endsWith('_seconds') ? 1 : 0]));
  const entry: Entry = { kind: 'reading', reading, decimals };
  try {
    deliver(stateDir, [entry]);
  } catch (error) {
    log.warn({ reason: messageOf(error) }, 'the journal does not take how the backup went');
  }
}
