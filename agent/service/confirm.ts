import { createInterface } from 'node:readline';
import { AgentError } from '../system/errors.ts';

/** Asks a person, and takes one line. */
export type Ask = (question: string) => Promise<string | undefined>;

/** On the terminal, or from what is piped in; undefined at its end. */
export function askAtTerminal(question: string): Promise<string | undefined> {
  const lines = createInterface({ input: process.stdin, terminal: false });
  process.stderr.write(question);
  return new Promise((resolve) => {
    lines.once('line', (line) => {
      resolve(line.trim());
      lines.close();
    });
    lines.once('close', () => resolve(undefined));
  });
}

/**
 * Goes on only when the person has typed what was asked for.
 * @param ask undefined: it was confirmed beforehand (--yes)
 * @throws AgentError when it is anything else: nothing has been written then
 */
export async function confirm(ask: Ask | undefined, question: string, expected: string): Promise<void> {
  if (!ask) return;
  const answer = await ask(`${question} Type ${expected} to go on: `);
  if (answer === expected) return;
  throw new AgentError('usage', 'not confirmed: nothing was written', {
    hint: `type ${expected}, or say --yes where nobody can type`,
  });
}
