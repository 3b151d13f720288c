import { NOBODY } from './nobody.ts';
import { open } from './open-journal.ts';
import { recordingLog } from './silent-log.ts';

/** `DIR`: a collector of a user without rights starts and ends, where access(2) asks for the real user. Prints what it says. */
process.setgid?.(NOBODY);
process.setuid?.(NOBODY);
const { log, lines } = recordingLog();
open(process.argv[2] ?? '', { salvage: false, log }).close();
process.stdout.write(JSON.stringify(lines.map(({ msg }) => msg)));
