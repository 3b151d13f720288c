import type { IncomingMessage } from 'node:http';
import { Problem } from './problem.ts';

/** The longest password, 256 characters, as programs escape it (12 bytes for one beyond Unicode's first plane), and its braces. */
const MOST_BYTES = 4096;

/** The password of a body `{"password": "..."}`. @throws Problem 400, 413 or 415 */
export async function readPassword(request: IncomingMessage): Promise<string> {
  if (!/^application\/json\b/.test(request.headers['content-type'] ?? '')) {
    throw new Problem(415, 'Unsupported Media Type', 'send {"password": "..."} as application/json');
  }
  const chunks: Buffer[] = [];
  let length = 0;
  for await (const chunk of request as AsyncIterable<Buffer>) {
    length += chunk.length;
    if (length > MOST_BYTES) throw new Problem(413, 'Content Too Large', `send at most ${MOST_BYTES} bytes`);
    chunks.push(chunk);
  }
  const password = passwordIn(Buffer.concat(chunks).toString());
  if (password === undefined) throw new Problem(400, 'Bad Request', 'send {"password": "..."}');
  return password;
}

function passwordIn(text: string): string | undefined {
  try {
    const { password } = JSON.parse(text) as { password?: unknown };
    return typeof password === 'string' ? password : undefined;
  } catch {
    return undefined;
  }
}
