import { openAzureStore } from '../../agent/backup/azure/azure-store.ts';
import { DirectoryStore } from '../../agent/backup/directory-store.ts';

/**
 * Puts objects into a store (`azure URL CONNECTION_STRING`, or `directory PATH`), and prints its memory in KiB: before, at its
 * most after, and the milliseconds that were taken.
 */
const [kind = '', place = '', text = '', count = '1', bytes = '1000'] = process.argv.slice(2);
const beforeKiB = process.resourceUsage().maxRSS;
const startMs = performance.now();
const store =
  kind === 'azure'
    ? await openAzureStore({ url: place, credential: { kind: 'connectionString', text } })
    : await DirectoryStore.open(place);
const openedMs = performance.now() - startMs;
const openedKiB = process.resourceUsage().maxRSS;
for (let n = 0; n < Number(count); n++) {
  const data = Buffer.alloc(Number(bytes), n);
  if (!(await store.put(`objects/${n}`, data))) throw new Error(`objects/${n} is there`);
}
for await (const { bytes: found } of store.list('objects/')) if (found !== Number(bytes)) throw new Error('cut');
const mostKiB = process.resourceUsage().maxRSS;
process.stdout.write(
  `${JSON.stringify({ beforeKiB, openedKiB, mostKiB, openedMs, ms: performance.now() - startMs })}\n`,
);
