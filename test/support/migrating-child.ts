import { writeSync } from 'node:fs';
import { open } from './open-journal.ts';

/** Opens a journal as the collector does; to be killed. */
writeSync(1, 'opening\n');
open(process.argv[2] ?? '');
setInterval(() => {}, 1000);
