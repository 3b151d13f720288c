import { readOutcomes } from '../../backup/outcome.ts';
import type { Families, Family } from './exposition.ts';

const gauge = (name: string, unit: string | undefined, help: string): Omit<Family, 'samples'> => ({
  name: `energy_monitor_backup_${name}${unit === undefined ? '' : `_${unit}`}`,
  type: 'gauge',
  unit,
  help,
});

const SECONDS = 'in seconds since 1970.';

/** How the last backups went, by store. */
export function backupMetrics(families: Families, stateDir: string): void {
  for (const [store, outcome] of Object.entries(readOutcomes(stateDir))) {
    const { triedMs, problem, good, owed, expiresMs, verified, drilled } = outcome;
    const time = (name: string, help: string, timeMs: number | undefined) =>
      families.add(
        gauge(`${name}_timestamp`, 'seconds', `${help}, ${SECONDS}`),
        timeMs === undefined ? undefined : timeMs / 1000,
        { store },
      );
    time('last_try', 'When a backup was last tried', triedMs);
    time('last_success', 'When the last whole backup was made', good?.madeMs);
    time('last_verification', 'When the store was last verified', verified?.madeMs);
    time('last_drill', 'When a backup was last restored on trial', drilled?.madeMs);
    time('credential_expiry', "When the store's credential ends", expiresMs);
    families.add(gauge('last_success_size', 'bytes', 'Size of the last whole backup.'), good?.bytes, { store });
    families.add(gauge('up', undefined, 'Whether the last try gave a whole backup.'), Number(problem === undefined), {
      store,
    });
    families.add(gauge('owed_tries', undefined, 'Tries since the last whole backup.'), owed, { store });
  }
}
