import { join } from 'node:path';
import type { TestContext } from 'vitest';
import { runProgram } from './child.ts';
import { PYTHON, requireProgram } from './requires.ts';
import { temporaryDirectory } from './temporary.ts';

/** Node has no Unix datagram sockets. What is not asked for, as the barrier's descriptor, is closed: that ends the barrier. */
const RECEIVER = `
import json, socket, sys
receiver = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
receiver.bind(sys.argv[1])
print('bound', flush=True)
while True:
    message = receiver.recv(65536).decode()
    if message != 'BARRIER=1':
        print(json.dumps(message.split('\\n')), flush=True)
`;

/** A socket as systemd has it, and what came. */
export async function notifyListener(context: TestContext) {
  requireProgram(context, 'systemd-notify');
  const path = join(temporaryDirectory(), 'notify');
  const child = runProgram(PYTHON, ['-c', RECEIVER, path]);
  await child.printed(/bound/);
  const messages = (): string[][] =>
    child
      .output()
      .split('\n')
      .slice(1, -1)
      .map((line): string[] => JSON.parse(line));
  return { path, messages };
}
