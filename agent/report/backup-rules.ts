import { type Outcome, WARN_BEFORE_MS } from '../backup/outcome.ts';
import type { Facts } from './facts.ts';
import { DAY_MS, HOUR_MS, placeOption, type Rule } from './rule.ts';
import { age, many } from './words.ts';

/** Three times the rhythm of energy-monitor-backup.timer. */
const OLD_BACKUP_MS = 3 * HOUR_MS;
/** Twice the rhythm of energy-monitor-verify.timer, and a day. */
const OLD_CHECK_MS = 15 * DAY_MS;

const command = (facts: Facts, words: string): string => `energy-monitor backup ${words} ${placeOption(facts)}`;

/** One entry for each store of the configuration, or that has been backed up to. */
function storesOf({ expected, backups }: Facts): { store: string; outcome: Outcome | undefined }[] {
  const names = expected?.stores ?? Object.keys(backups);
  return names.map((store) => ({ store, outcome: backups[store] }));
}

/** On a new machine nothing can have been done yet; one without any reading has just been set up. */
const isNew = ({ journal, nowMs }: Facts, withinMs: number): boolean =>
  journal !== null && nowMs - (journal.fromMs ?? nowMs) <= withinMs;

/** What the backups say; without any that are configured, nothing. */
export const BACKUP_RULES: readonly Rule[] = [
  {
    id: 'backup-failed',
    severity: 'warning',
    find: (facts) =>
      storesOf(facts).flatMap(({ store, outcome }) => {
        if (outcome?.problem === undefined) return [];
        const { problem, owed } = outcome;
        const often = owed > 1 ? ` (${owed} times in a row)` : '';
        return [
          {
            message: `no whole backup in ${store}: ${problem}${often}`,
            remedy: `what it misses comes with the next one; try it: ${command(facts, `run --store ${store}`)}`,
          },
        ];
      }),
  },
  {
    id: 'backup-old',
    severity: 'warning',
    find: (facts) =>
      storesOf(facts).flatMap(({ store, outcome }) => {
        const madeMs = outcome?.good?.madeMs;
        if (madeMs === undefined ? isNew(facts, OLD_BACKUP_MS) : facts.nowMs - madeMs <= OLD_BACKUP_MS) return [];
        return [
          {
            message:
              madeMs === undefined
                ? `there is no backup in ${store} yet`
                : `the last whole backup in ${store} is ${age(facts.nowMs - madeMs)} old`,
            remedy: facts.units
              ? 'see whether the timer runs, and why the last run ended: systemctl status energy-monitor-backup.timer energy-monitor-backup.service'
              : `make one each hour by a timer or cron: ${command(facts, 'run')}`,
          },
        ];
      }),
  },
  {
    id: 'backup-retention-held',
    severity: 'warning',
    find: (facts) =>
      storesOf(facts).flatMap(({ store, outcome }) =>
        outcome?.left === undefined
          ? []
          : [
              {
                message: `no old backup goes from ${store}: ${outcome.left}`,
                remedy: `look at what would go: ${command(facts, `prune --dry-run --store ${store}`)}`,
              },
            ],
      ),
  },
  {
    id: 'verify-failed',
    severity: 'warning',
    find: (facts) =>
      storesOf(facts).flatMap(({ store, outcome }) =>
        (outcome?.verified?.problems ?? 0) > 0
          ? [
              {
                message: `${many(outcome?.verified?.problems ?? 0, 'problem')} found when the backups in ${store} were verified`,
                remedy: `see which, and make a new backup: ${command(facts, `verify --store ${store}`)}`,
              },
            ]
          : [],
      ),
  },
  {
    id: 'verify-old',
    severity: 'warning',
    find: (facts) =>
      storesOf(facts).flatMap(({ store, outcome }) => {
        // Without a backup there is nothing to verify.
        if (!outcome?.good) return [];
        const madeMs = outcome.verified?.madeMs;
        if (madeMs === undefined ? isNew(facts, OLD_CHECK_MS) : facts.nowMs - madeMs <= OLD_CHECK_MS) return [];
        const when =
          madeMs === undefined ? 'never been verified' : `not been verified for ${age(facts.nowMs - madeMs)}`;
        return [
          {
            message: `the backups in ${store} have ${when}`,
            remedy: `verify them: ${command(facts, `verify --store ${store}`)}`,
          },
        ];
      }),
  },
  {
    id: 'drill-failed',
    severity: 'warning',
    find: (facts) =>
      storesOf(facts).flatMap(({ store, outcome }) => {
        const drilled = outcome?.drilled;
        if (!drilled) return [];
        const what =
          'failed' in drilled
            ? `no backup of ${store} could be restored on trial: ${drilled.failed}`
            : `${many(drilled.problems, 'problem')} found when backup ${drilled.sequence} of ${store} was restored on trial`;
        if ('problems' in drilled && drilled.problems === 0) return [];
        return [{ message: what, remedy: `try it again, and see: ${command(facts, `drill --store ${store}`)}` }];
      }),
  },
  {
    id: 'drill-old',
    severity: 'warning',
    find: (facts) => {
      const stores = storesOf(facts);
      // Only where a timer can do it; it takes the stores in turn.
      if (!facts.expected?.drills || !stores.some(({ outcome }) => outcome?.good)) return [];
      const newestMs = Math.max(...stores.map(({ outcome }) => outcome?.drilled?.madeMs ?? 0));
      if (newestMs === 0 ? isNew(facts, OLD_CHECK_MS) : facts.nowMs - newestMs <= OLD_CHECK_MS) return [];
      const when = newestMs === 0 ? 'no backup has ever been' : `for ${age(facts.nowMs - newestMs)} no backup was`;
      return [{ message: `${when} restored on trial`, remedy: `do it now: ${command(facts, 'drill')}` }];
    },
  },
  {
    id: 'sas-ends',
    severity: 'warning',
    find: (facts) =>
      storesOf(facts).flatMap(({ store, outcome }) => {
        const { expiresMs } = outcome ?? {};
        if (expiresMs === undefined || expiresMs - facts.nowMs > WARN_BEFORE_MS) return [];
        const day = new Date(expiresMs).toISOString();
        return [
          {
            message:
              expiresMs <= facts.nowMs
                ? `the credential of ${store} has ended on ${day}`
                : `the credential of ${store} ends in ${age(expiresMs - facts.nowMs)}, on ${day}`,
            remedy: 'make a new one with energy-monitor azure grant, and put it where the configuration names it',
          },
        ];
      }),
  },
];
