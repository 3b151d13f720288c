import { AgentError } from '../system/errors.ts';
import { exceptionText, type WriteOutcome } from './session.ts';

/** What the registers hold after a write. */
export type Found = 'new' | 'old' | 'other' | 'unreadable';

/**
 * What became of a write, told by reading back. done: the meter has it, whatever it answered. refused, ignored: it said no, or
 * yes, and has what it had. lost: no answer came, and it has what it had. other: it holds something else. unknown: it cannot
 * be read.
 */
export type VerdictKind = 'done' | 'refused' | 'ignored' | 'lost' | 'other' | 'unknown';

export interface Verdict {
  kind: VerdictKind;
  /** How the meter answered, as a part of a sentence. */
  answer: string;
}

export function judge(outcome: WriteOutcome, found: Found): Verdict {
  const answer = answerText(outcome);
  if (found === 'new') return { kind: 'done', answer };
  if (found === 'unreadable') return { kind: outcome.kind === 'unsent' ? 'lost' : 'unknown', answer };
  if (found === 'other') return { kind: 'other', answer };
  const kinds = { confirmed: 'ignored', refused: 'refused', unanswered: 'lost', unsent: 'lost' } as const;
  return { kind: kinds[outcome.kind], answer };
}

function answerText(outcome: WriteOutcome): string {
  if (outcome.kind === 'confirmed') return 'it confirmed the write';
  if (outcome.kind === 'refused') return `it refused the write (${exceptionText(outcome.code)})`;
  return outcome.kind === 'unanswered' ? `no answer came (${outcome.reason})` : `nothing was sent (${outcome.reason})`;
}

/**
 * The error that ends a command whose write was not done.
 * @param what was to be written, as the sentence begins
 * @param hint what to do, where this was refused or ignored
 */
export function verdictError(what: string, { kind, answer }: Verdict, hint: string): AgentError {
  switch (kind) {
    case 'refused':
      return new AgentError('refused', `${what} was refused: ${answer}, and holds what it held`, { hint });
    case 'ignored':
      return new AgentError('ignored', `${what} was ignored: ${answer}, and holds what it held`, { hint });
    case 'other':
      return new AgentError('partial', `${what} was not written as a whole: ${answer}, and now holds something else`, {
        hint: 'read it again, and write it anew',
      });
    case 'lost':
      return new AgentError('unavailable', `${what} was not written: ${answer}, and the meter holds what it held`, {
        hint: 'nothing has changed; look at the line, and run the command again',
        retryable: true,
      });
    default:
      return new AgentError(
        'unavailable',
        `whether ${what} was written is not known: ${answer}, and the meter cannot be read`,
        {
          hint: 'look at the line, and read the meter before you write again',
        },
      );
  }
}
