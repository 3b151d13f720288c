import { createInterface } from 'node:readline/promises';
import { Writable } from 'node:stream';
import type { ReadStream } from 'node:tty';
import { AgentError } from '../system/errors.ts';

const LEAST_CHARACTERS = 8;
const MOST_CHARACTERS = 256;

/**
 * A new password: typed twice without being shown, or the first line of what is piped in.
 * @throws AgentError `usage` for one that is too short, or differs the second time
 */
export async function askPassword(input: ReadStream | NodeJS.ReadableStream, output: Writable): Promise<string> {
  const isTerminal = 'isTTY' in input && input.isTTY === true;
  const silent = new Writable({ write: (_chunk, _encoding, done) => done() });
  const lines = createInterface({ input, output: silent, terminal: isTerminal });
  // The end of what is piped in, or Ctrl-C.
  const ended = new Promise<string>((resolve) => lines.once('close', () => resolve('')));
  const ask = async (question: string) => {
    if (isTerminal) output.write(question);
    const answer = await Promise.race([lines.question(''), ended]);
    if (isTerminal) output.write('\n');
    return answer;
  };
  try {
    const password = checked(await ask('Password of the page: '));
    if (isTerminal && (await ask('Once more: ')) !== password) {
      throw new AgentError('usage', 'the second one was another', { hint: 'begin again' });
    }
    return password;
  } finally {
    lines.close();
  }
}

function checked(password: string): string {
  const { length } = [...password];
  if (length >= LEAST_CHARACTERS && length <= MOST_CHARACTERS) return password;
  throw new AgentError('usage', `a password of the page has ${LEAST_CHARACTERS} to ${MOST_CHARACTERS} characters`);
}
