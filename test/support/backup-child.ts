import { writeSync } from 'node:fs';
import { openAzureStore } from '../../agent/backup/azure/azure-store.ts';
import { DirectoryStore } from '../../agent/backup/directory-store.ts';
import { prune } from '../../agent/backup/prune.ts';
import { backUp, openRepository } from './backups.ts';

/** Backs up and prunes again and again, in a process of its own; says when it begins; to be killed. */
const [stateDir = '', place = ''] = process.argv.slice(2);
const text = process.env.AZURE_CONNECTION_STRING;
const store = text
  ? await openAzureStore({ url: place, credential: { kind: 'connectionString', text } })
  : await DirectoryStore.open(place);
writeSync(1, 'backing up\n');
for (;;) {
  await backUp(stateDir, store);
  await prune(await openRepository(store), { keepLast: 2 }, { verified: new Set() });
}
