import { setImmediate as nextTurn } from 'node:timers/promises';
import { messageOf } from '../system/errors.ts';
import { systemZone } from '../system/zone.ts';
import { isDamage, setAside } from './database.ts';
import { HistoryKeeper } from './keeper.ts';
import type { HistoryRetention } from './retention.ts';

/** What a pass needs; as JSON, the argument of its process. */
export interface PassOptions {
  stateDir: string;
  /** By default the machine's. Looked up here: a collector that never asks ICU takes 8 MB less. */
  timeZone?: string | undefined;
  retention: HistoryRetention;
}

/** Something that a person should know. */
export interface PassMessage {
  level: 'info' | 'warn' | 'error';
  details: Record<string, string | number>;
  text: string;
}

/** Of many rows that cannot be read, each pass names so many. */
const MOST_NAMED = 3;

/**
 * Brings the history up to date with the journal. A damaged history is set aside, and made anew from what the journal has.
 * @returns how many transactions it took
 * @throws AgentError, or what SQLite throws; the next pass goes on from there
 */
export async function runPass(
  options: PassOptions,
  say: (message: PassMessage) => void,
  signal?: AbortSignal,
): Promise<number> {
  try {
    return await takeSteps(options, say, signal);
  } catch (error) {
    if (!isDamage(error)) throw error;
    const aside = setAside(options.stateDir, Date.now());
    say({
      level: 'error',
      details: { reason: messageOf(error), aside },
      text: 'the history is damaged; it is set aside and made anew from what the journal has; restore --merge brings older roll-ups back from a backup',
    });
    return takeSteps(options, say, signal);
  }
}

async function takeSteps(
  options: PassOptions,
  say: (message: PassMessage) => void,
  signal: AbortSignal | undefined,
): Promise<number> {
  let damaged = 0;
  const onDamaged = (key: number, error: unknown) => {
    if (damaged++ < MOST_NAMED) {
      const text = 'a reading in the journal cannot be read; the history is without it';
      say({ level: 'error', details: { key, reason: messageOf(error) }, text });
    }
  };
  const keeper = new HistoryKeeper({ ...options, timeZone: options.timeZone ?? systemZone(), onDamaged });
  try {
    let steps = 1;
    while (keeper.step() && !signal?.aborted) {
      steps++;
      await nextTurn();
    }
    return steps;
  } finally {
    keeper.close();
  }
}
