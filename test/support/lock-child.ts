import { writeSync } from 'node:fs';
import { DirectoryStore } from '../../agent/backup/directory-store.ts';
import { lockRepository } from '../../agent/backup/lock.ts';

/** Holds the lock of a repository; to be killed. */
const [stateDir = '', place = ''] = process.argv.slice(2);
await lockRepository(stateDir, await DirectoryStore.open(place), Date.now());
writeSync(1, 'locked\n');
setInterval(() => {}, 1000);
