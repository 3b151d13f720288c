import { constants, setPriority } from 'node:os';
import { messageOf } from '../system/errors.ts';
import { type PassMessage, type PassOptions, runPass } from './pass.ts';

/** The process of one pass (upkeep.ts): ends when it is done, or when its standard input does. */
setPriority(constants.priority.PRIORITY_LOW);
const stop = new AbortController();
// Ctrl-C and systemd's stop reach it as well as the collector, which ends it when it has ended itself.
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => {});
process.stdin.on('end', () => stop.abort()).on('error', () => stop.abort());
process.stdin.resume();
const say = (message: PassMessage) => void process.stdout.write(`${JSON.stringify(message)}\n`);
try {
  await runPass(JSON.parse(process.argv[2] ?? '') as PassOptions, say, stop.signal);
} catch (error) {
  say({
    level: 'warn',
    details: { reason: messageOf(error) },
    text: 'the history cannot be kept up now; it is tried again',
  });
}
process.stdin.destroy();
