import { writeSync } from 'node:fs';
import { Salvage } from '../../agent/journal/salvage/salvage.ts';
import { open } from './open-journal.ts';

/** `open DIR`: a collector meets a damaged journal. `salvage DIR FILE`: step by step. To be killed. */
const [what, stateDir = '', path = ''] = process.argv.slice(2);
writeSync(1, 'ready\n');
if (what === 'open') {
  open(stateDir, { salvage: false }).flush();
} else {
  const salvage = new Salvage(stateDir, path);
  while (salvage.step());
  salvage.close();
}
writeSync(1, 'done\n');
setInterval(() => {}, 1000);
