import { EXIT_CODES } from '../system/errors.ts';
import { BACKUP_RULES } from './backup-rules.ts';
import { COLLECTING_RULES } from './collecting-rules.ts';
import type { Facts } from './facts.ts';
import { FORWARDING_RULES } from './forwarding-rules.ts';
import { KEEPING_RULES } from './keeping-rules.ts';
import { MACHINE_RULES } from './machine-rules.ts';
import type { Problem, Rule } from './rule.ts';

export const RULES: readonly Rule[] = [
  ...COLLECTING_RULES,
  ...KEEPING_RULES,
  ...FORWARDING_RULES,
  ...BACKUP_RULES,
  ...MACHINE_RULES,
];

/** All that a person has to look after, what loses readings first. */
export function problemsIn(facts: Facts): Problem[] {
  const found = RULES.flatMap(({ id, severity, find }) =>
    find(facts).map(({ message, remedy }) => ({
      id,
      severity,
      message: inOneLine(message),
      remedy: inOneLine(remedy),
    })),
  );
  return found.sort((one, other) => Number(other.severity === 'critical') - Number(one.severity === 'critical'));
}

/** Mistakes of a configuration stand below each other. */
function inOneLine(text: string): string {
  return text.replace(/\s*\n\s*/g, ' ');
}

/** What `status` ends with: as checks of Nagios and its like read it, where the journal can be read. */
export function exitCodeOf({ journal }: Pick<Facts, 'journal'>, problems: readonly Problem[]): number {
  if (journal === null) return EXIT_CODES.storage;
  if (problems.some(({ severity }) => severity === 'critical')) return EXIT_CODES.critical;
  return problems.length > 0 ? EXIT_CODES.warning : 0;
}
