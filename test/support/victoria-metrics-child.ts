import { writeSync } from 'node:fs';
import { DirectoryStore } from '../../agent/backup/directory-store.ts';
import { restoreVictoriaMetrics } from '../../agent/backup/restore/victoria-metrics.ts';
import { SnapshotReader } from '../../agent/backup/snapshot-reader.ts';
import { openRepository } from './backups.ts';
import { silentLog } from './silent-log.ts';

/** Restores the VictoriaMetrics of the last snapshot in place, in a process of its own; to be killed, or measured. */
const [place = '', sourceName = '', url = ''] = process.argv.slice(2);
const repository = await openRepository(await DirectoryStore.open(place));
const snapshot = await SnapshotReader.open(repository, (await repository.names()).at(-1) ?? '');
const startedMs = performance.now();
const { samples, bytes, imported } = await restoreVictoriaMetrics({
  snapshot,
  sourceName,
  address: { url },
  timeoutMs: 60_000,
  skipDamaged: false,
  log: silentLog,
});
const seconds = (performance.now() - startedMs) / 1000;
const peakMb = process.resourceUsage().maxRSS / 1024;
writeSync(1, `restored ${JSON.stringify({ samples, imported, bytes, seconds, peakMb })}\n`);
