import { expect, test } from 'vitest';
import type { InfluxBackup } from '../../../agent/influxdb/restore/influx-backup.ts';
import { restoreBucket } from '../../../agent/influxdb/restore/restore-bucket.ts';
import { fill, secondsOf, write } from '../../influxdb/snapshot/filled-server.ts';
import { influxSnapshot, pointsOf, restoreServer } from '../../support/influx-snapshots.ts';
import { requireInfluxd, setUp, startInfluxd } from '../../support/influxd.ts';
import { requireMounts } from '../../support/requires.ts';
import { SmallDisk } from '../../support/small-disk.ts';

test('a server whose disk is full says nothing, and is found out; with room again the next run is whole', async (context) => {
  requireInfluxd(context);
  requireMounts(context);
  const { url } = await startInfluxd();
  const { operator: token } = await fill(url);
  // Numbers that hardly pack: shard 2 does not fit into what is left of a block.
  const lines = secondsOf(1, 40_000).map((s) => `noise value=${Math.sqrt(s * 7)} ${s}`);
  await write(url, token, lines);
  const lost = { url, token, org: 'home' };
  const { backup } = await influxSnapshot(lost);

  const disk = await SmallDisk.mount(200);
  const influxd = await startInfluxd(disk);
  const fresh = await setUp(influxd.url, 'new');
  const restore = (given: InfluxBackup) =>
    restoreBucket({
      server: restoreServer(fresh),
      backup: given,
      from: { bucket: 'energy' },
      to: { bucket: 'energy' },
    });
  let full = false;
  const filling: InfluxBackup = {
    ...backup,
    shard: async (id) => {
      const shard = await backup.shard(id);
      return (
        shard && {
          files: shard.files,
          tar: async function* (files) {
            if (id === 2 && !full) {
              full = true;
              disk.fill();
            }
            yield* shard.tar(files);
          },
        }
      );
    },
  };
  await expect(restore(filling)).rejects.toMatchObject({
    message: expect.stringMatching(/did not keep shard 2|no space left/),
  });
  disk.free();
  // A shard that InfluxDB could not open once it gives up until it is started again.
  await influxd.end();
  await influxd.start();
  expect(await restore(backup)).toMatchObject({ shards: 3, damaged: [], notes: [] });
  expect(await pointsOf(fresh, 'energy')).toEqual(await pointsOf(lost, 'energy'));
});
