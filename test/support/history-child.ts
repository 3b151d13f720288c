import { writeSync } from 'node:fs';
import { HistoryKeeper } from '../../agent/history/keeper.ts';
import { FOR_EVER } from './history-options.ts';

/** Keeps a history up in small steps, and stays until it is killed. */
const [stateDir = ''] = process.argv.slice(2);
const keeper = new HistoryKeeper({ stateDir, timeZone: 'Europe/Berlin', retention: FOR_EVER, readingsAStep: 20 });
writeSync(1, 'step\n');
while (keeper.step());
setInterval(() => keeper.step(), 1);
