import { writeSync } from 'node:fs';
import { DirectoryStore } from '../../agent/backup/directory-store.ts';
import { snapshotInflux } from '../../agent/backup/restore/influxdb2.ts';
import { SnapshotReader } from '../../agent/backup/snapshot-reader.ts';
import { restoreBucket } from '../../agent/influxdb/restore/restore-bucket.ts';
import { RestoreServer } from '../../agent/influxdb/restore/restore-server.ts';
import { openRepository } from './backups.ts';
import { silentLog } from './silent-log.ts';

/** Restores bucket `energy` as `restored` in a process of its own; says when it begins; to be killed, or measured. */
const [place = '', url = '', token = ''] = process.argv.slice(2);
const repository = await openRepository(await DirectoryStore.open(place));
const name = (await repository.names()).at(-1) ?? '';
const backup = await snapshotInflux(await SnapshotReader.open(repository, name), 'influxdb');
const server = new RestoreServer({ address: { url, token }, timeoutMs: 60_000, patienceMs: 30_000, log: silentLog });
writeSync(1, 'restoring\n');
const startedMs = performance.now();
const { bytes } = await restoreBucket({ server, backup, from: { bucket: 'energy' }, to: { bucket: 'restored' } });
const seconds = (performance.now() - startedMs) / 1000;
const peakMb = process.resourceUsage().maxRSS / 1024;
writeSync(1, `restored ${JSON.stringify({ bytes, seconds, mbPerS: bytes / 1e6 / seconds, peakMb })}\n`);
