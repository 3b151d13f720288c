import { join } from 'node:path';
import { runCommand } from './child.ts';
import { temporaryDirectory } from './temporary.ts';

/** A virtual meter of the command line on a pseudo-terminal; its path. */
export async function simulated(...args: string[]): Promise<string> {
  const link = join(temporaryDirectory(), 'meter');
  const child = runCommand(['simulate', '--link', link, ...args]);
  await child.printed(/^virtual /);
  return link;
}

/** The command line as a person calls it, to its end. */
export async function doctor(...args: string[]) {
  const child = runCommand(['doctor', ...args]);
  const code = await child.ended;
  return { code, out: child.output(), err: child.errors() };
}
