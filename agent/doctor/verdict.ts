import type { ErrorCode } from '../system/errors.ts';
import type { Evidence } from './evidence.ts';
import { FOUND_RULES } from './found-rules.ts';
import { LINE_RULES } from './line-rules.ts';
import { MEASURED_RULES } from './measured-rules.ts';

/**
 * What can be the matter with a line. A fault has to be mended before the meter is read for good; a note is worth knowing.
 */
export type Cause =
  | 'no-adapter'
  | 'no-permission'
  | 'port-busy'
  | 'port-missing'
  | 'gateway-away'
  | 'dead-adapter'
  | 'swapped'
  | 'collision'
  | 'noise'
  | 'no-answer'
  | 'other-master'
  | 'wrong-unit'
  | 'wrong-baud'
  | 'wrong-parity'
  | 'wrong-model'
  | 'unknown-model'
  | 'similar-models'
  | 'any-parity'
  | 'not-factory'
  | 'termination'
  | 'unsteady'
  | 'slow'
  | 'short-reads'
  | 'parity-errors'
  | 'echo'
  | 'stray-bytes'
  | 'healthy';

export interface Finding {
  cause: Cause;
  level: 'fault' | 'note' | 'good';
  /** What was seen, for a person. */
  sentence: string;
  /** What to do, the likeliest first. */
  remedies: readonly string[];
}

/** One row of the table: when it is so, and what to say then. */
export interface Rule {
  cause: Cause;
  level: Finding['level'];
  /** @returns what was seen, or undefined: it is not so */
  seen: (evidence: Evidence) => string | undefined;
  remedies: (evidence: Evidence) => readonly string[];
}

/** Judges what was seen of one line: one fault of the line itself, or all that holds of a meter that was found. */
export function findingsOf(evidence: Evidence): Finding[] {
  const judged = (rules: readonly Rule[]): Finding[] =>
    rules.flatMap(({ cause, level, seen, remedies }) => {
      const sentence = seen(evidence);
      return sentence === undefined ? [] : [{ cause, level, sentence, remedies: remedies(evidence) }];
    });
  if (evidence.isStopped && !evidence.found) return [];
  if (!evidence.found || evidence.failure) {
    // The first that explains it: what comes later in the table is less certain.
    return judged(LINE_RULES).slice(0, 1);
  }
  const findings = judged([...FOUND_RULES, ...MEASURED_RULES]);
  return findings.some(({ level }) => level === 'fault') ? findings.filter(({ level }) => level !== 'good') : findings;
}

/** The code that a command ends with; undefined: nothing has to be mended. */
export function codeOf(findings: readonly Finding[], expected: Evidence['expected']): ErrorCode | undefined {
  const faults = findings.filter(({ level }) => level === 'fault').map(({ cause }) => cause);
  if (faults.length === 0) return undefined;
  if (faults.includes('no-permission')) return 'permission';
  const isSaid =
    expected?.by === 'configuration' && faults.some((cause) => cause.startsWith('wrong-') || cause === 'slow');
  return isSaid ? 'config' : 'unavailable';
}
