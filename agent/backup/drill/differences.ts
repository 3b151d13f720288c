import type { Comparison } from '../../influxdb/restore/compare.ts';

/** What a server was sent shortly before its backup can be missing there. */
export const WRITTEN_MS = 2 * 3_600_000;
const LISTED = 5;

/** A sentence for each of the first days of a field on which a restored bucket or database is not as the live one. */
export function differencesIn(name: string, comparison: Comparison | undefined): string[] {
  if (!comparison) return [];
  const { differing, differences } = comparison;
  const sentences = differences.slice(0, LISTED).map(({ measurement, field, day, left, right }) => {
    const [live, restored] = [left?.count ?? 0, right?.count ?? 0];
    const values = live === restored ? `${live} values, others` : `${restored} values in the backup, ${live} live`;
    return `${name}, ${measurement} ${field} of ${day}: ${values}`;
  });
  const rest = differing - sentences.length;
  return rest > 0 ? [...sentences, `and ${rest} more days of fields in ${name} like these`] : sentences;
}
