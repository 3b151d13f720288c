import { writeSync } from 'node:fs';
import { runForwarding } from '../../agent/forwarding/run.ts';
import { silentLog } from './silent-log.ts';

/** The forwarding of a collector in a process of its own; says when it begins; to be killed. */
const [stateDir = '', runtimeDirectory = '', sink = ''] = process.argv.slice(2);
writeSync(1, 'forwarding\n');
await runForwarding({ stateDir, runtimeDirectory, sinks: [JSON.parse(sink)] }, silentLog, new AbortController().signal);
