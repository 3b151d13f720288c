import type { Facts } from './facts.ts';
import { isInstalled, placeOption, type Rule } from './rule.ts';
import { many, size } from './words.ts';

/** What the journal, the history and the clock say. */
export const KEEPING_RULES: readonly Rule[] = [
  {
    id: 'journal-problem',
    severity: 'critical',
    find: ({ problem, journal, running, collector }) => {
      if (!problem) return [];
      const waiting = (running && collector?.journal?.pending) || 0;
      const wait = waiting > 0 ? `; ${waiting} readings and gaps wait in memory and in the spool` : '';
      const what = journal === null ? 'the journal cannot be read' : 'the journal cannot be written';
      return [
        { message: `${what}: ${problem.message}${wait}`, remedy: problem.hint ?? 'see the log of the collector' },
      ];
    },
  },
  {
    id: 'journal-set-aside',
    severity: 'warning',
    find: (facts) =>
      facts.setAside.map(({ path, bytes, salvage }) => {
        const isDone = salvage?.finishedMs !== undefined;
        return {
          message: `a damaged journal was set aside: ${path}, ${size(bytes)}${isDone ? '; what can be read of it is back' : ''}`,
          remedy: isDone
            ? `restore --merge brings what a backup has of the rest; then remove the file, and watch the card: cards that damage files are at their end`
            : facts.running
              ? 'let the collector go on: it brings back in the background what can be read'
              : 'start the collector: it brings back in the background what can be read',
        };
      }),
  },
  {
    id: 'journal-held',
    severity: 'warning',
    find: (facts) => {
      const readings = heldReadings(facts);
      if (readings === 0 || clockDoubt(facts) !== undefined) return [];
      return [
        {
          message: `${many(readings, 'reading')} wait${readings === 1 ? 's' : ''} without a time of their own`,
          remedy: `look at them, and place or drop them: energy-monitor journal held list ${placeOption(facts)}`,
        },
      ];
    },
  },
  {
    id: 'clock-doubt',
    severity: 'warning',
    find: (facts) => {
      const doubt = clockDoubt(facts);
      return doubt === undefined
        ? []
        : [
            {
              message: `the time is not known: ${doubt}; readings are held until it is`,
              remedy: 'let the machine reach a time server, or set its clock: sudo date -s "2026-11-21 12:00"',
            },
          ];
    },
  },
  {
    id: 'history-damaged',
    severity: 'warning',
    find: (facts) => {
      const { history, journal, running } = facts;
      // Of a journal that cannot be read there is no history either, and that is told.
      if (journal === null || !('problem' in history)) return [];
      return [
        {
          message: `the roll-ups cannot be read: ${history.problem}`,
          remedy: running
            ? 'wait a quarter of an hour: the collector sets a damaged history aside and makes it anew from the journal'
            : `start the collector${isInstalled(facts) ? ' (sudo systemctl start energy-monitor-collector)' : ''}: it makes the history anew from the journal`,
        },
      ];
    },
  },
];

export function heldReadings({ held }: Facts): number {
  return held.reduce((sum, { readings }) => sum + readings, 0);
}

/** Why the running collector does not trust the clock. */
export function clockDoubt({ running, collector }: Facts): string | undefined {
  return running ? collector?.clock?.message : undefined;
}
