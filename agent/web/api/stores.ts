import { historyError } from '../../history/database.ts';
import { History } from '../../history/history.ts';
import { JournalReader } from '../../journal/reader.ts';
import { AgentError } from '../../system/errors.ts';
import { Problem } from '../http/problem.ts';
import type { Place } from '../place.ts';
import { zoneOf } from './zone.ts';

/**
 * Opens history and journal for one answer, which takes a millisecond: files that were set aside, restored or compacted meanwhile
 * are those that the next answer is made of.
 * @throws Problem 503 when they cannot be read, 400 for what they refuse
 */
export function withHistory<T>(place: Place, read: (history: History) => T): T {
  return telling(place, () => {
    const history = new History(place.stateDir, zoneOf(place).name);
    try {
      return read(history);
    } finally {
      history.close();
    }
  });
}

/** The same with the journal alone. */
export function withJournal<T>(place: Place, read: (reader: JournalReader) => T): T {
  return telling(place, () => {
    const reader = new JournalReader(place.stateDir);
    try {
      return read(reader);
    } finally {
      reader.close();
    }
  });
}

function telling<T>({ stateDir }: Place, read: () => T): T {
  try {
    return read();
  } catch (error) {
    // Damage comes as RangeError or as an error of SQLite's; all else is a mistake of ours.
    const isStored = error instanceof RangeError || (error instanceof Error && 'errcode' in error);
    const said = isStored ? historyError(stateDir, error) : error;
    throw said instanceof AgentError ? problemOf(said) : said;
  }
}

function problemOf({ code, message, hint }: AgentError): Problem {
  const more = hint === undefined ? {} : { hint };
  if (code === 'usage') return new Problem(400, 'Bad Request', message, more);
  return new Problem(503, 'Service Unavailable', message, { ...more, headers: { 'retry-after': '10' } });
}
