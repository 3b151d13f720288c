import { writeSync } from 'node:fs';
import { reloadRequests } from '../../agent/system/reload-signal.ts';
import { stopRequested } from '../../agent/system/stop-signal.ts';

/** Writes to the file descriptor 3 what it is asked for, and ends when it is asked to stop. */
const say = (text: string) => void writeSync(3, `${text}\n`);
const requests = reloadRequests();
const keepAlive = setInterval(() => {}, 1000);
say('ready');
setTimeout(() => requests.listen(() => say('reload')), 300);
await stopRequested();
clearInterval(keepAlive);
requests.end();
say('stop');
