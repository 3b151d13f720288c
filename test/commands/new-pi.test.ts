import { existsSync } from 'node:fs';
import { expect, test } from 'vitest';
import { azuriteForAll } from '../support/azurite.ts';
import { fillJournal, journalPoints, secondsFrom } from '../support/forwarding.ts';
import { house, liveReadings, may, missing, nowS, serverPoints, WAIT, withInflux } from '../support/house.ts';
import { bucketNames } from '../support/influx-snapshots.ts';
import { influxPoints, requireInfluxd, startInfluxd } from '../support/influxd.ts';

const azurite = azuriteForAll();
const HISTORY = 500;
/** Several processes, one after the other, and seconds of readings. */
const LONG = { timeout: 240_000 };

test(
  'the rehearsal: from an empty directory, with the recovery key, the SAS and one command',
  LONG,
  async (context) => {
    requireInfluxd(context);
    const home = await house(azurite());
    const { pi, meter, from, replace } = home;
    const lost = await startInfluxd();
    const access = await withInflux(home, lost.url);
    fillJournal(pi.stateDir, secondsFrom(nowS() - 3 * 86_400, HISTORY));
    // Positions are saved each five minutes, and when the collector ends.
    const first = pi.start('collect', '--config', pi.config);
    await expect.poll(async () => (await influxPoints(access(), 'energy')).size, WAIT).toBeGreaterThan(3 * HISTORY);
    await first.end('SIGTERM');
    const before = pi.start('collect', '--config', pi.config);
    await expect.poll(() => liveReadings(pi), WAIT).toBeGreaterThan(3);
    expect(await pi.run('backup', 'run', '--config', pi.config)).toMatchObject({ code: 0, err: '' });
    const backedUp = liveReadings(pi);
    // What is read from now on is lost with the Pi.
    await expect.poll(() => liveReadings(pi), WAIT).toBeGreaterThan(backedUp + 2);
    await before.end('SIGKILL');
    const lostPoints = journalPoints(pi.stateDir);
    const oldWriter = pi.secret('influxdb.token');
    await lost.end('SIGKILL');
    replace();

    await startInfluxd(undefined, Number(new URL(lost.url).port));
    const restored = await pi.run('restore', '--with-databases', ...from, '--config', pi.config);
    expect(restored).toMatchObject({ code: 0, err: '' });
    expect(restored.out).toMatch(/the server was empty: it is set up/);
    expect(restored.out).toMatch(/it is energy now; the one that was there had no points, and is gone/);
    expect(await bucketNames(access())).toEqual(['energy', 'energy_15m', 'energy_1m', 'host']);
    const writer = pi.secret('influxdb.token');
    expect(await may(lost.url, oldWriter)).toEqual({ reads: false, writes: false });
    expect(await may(lost.url, writer)).toEqual({ reads: false, writes: true });
    expect(await may(lost.url, pi.secret('influxdb-reader.token'))).toEqual({ reads: true, writes: false });

    const after = pi.start('collect', '--config', pi.config);
    const there = liveReadings(pi);
    await expect.poll(() => liveReadings(pi), WAIT).toBeGreaterThan(there + 2);
    await meter.end('SIGTERM');
    const read = journalPoints(pi.stateDir);
    await expect.poll(async () => missing(read, await serverPoints(access())), WAIT).toEqual([]);
    // A server is backed up after the journal: it may have what was read in between, and nothing else.
    expect(missing(await serverPoints(access()), new Map([...lostPoints, ...read]))).toEqual([]);
    const status = await pi.run('forward', 'status', '--json', '--config', pi.config);
    const [sink] = JSON.parse(status.out) as { name: string; live: { written: number } }[];
    expect(sink?.name).toBe('influxdb');
    expect(sink?.live.written).toBeGreaterThan(0);
    // The positions went on: what was long there is not sent again.
    expect(sink?.live.written).toBeLessThan(HISTORY);
    await after.end('SIGTERM');

    const next = await pi.run('backup', 'run', '--config', pi.config);
    expect(next).toMatchObject({ code: 0, err: '', out: expect.stringMatching(/^backup 2 in azure: .* verified\n/) });
    const list = await pi.run('backup', 'list', '--config', pi.config);
    expect(list.out.match(/^ *[12] .*/gm)).toHaveLength(2);
    const verified = await pi.run('backup', 'verify', '--all', '--config', pi.config);
    expect(verified).toMatchObject({ code: 0, out: expect.stringMatching(/^azure: 2 backups, .*whole\n$/) });
  },
);

test(
  'the rehearsal without a database: journal, configuration and backups go on, and the collector with them',
  LONG,
  async () => {
    const { pi, from, configure, replace } = await house(azurite());
    configure({});
    const before = pi.start('collect', '--config', pi.config);
    await expect.poll(() => existsSync(pi.stateDir) && liveReadings(pi), WAIT).toBeGreaterThan(2);
    expect(await pi.run('backup', 'run', '--config', pi.config)).toMatchObject({ code: 0, err: '' });
    await before.end('SIGKILL');
    const lostPoints = journalPoints(pi.stateDir);
    replace();
    const restored = await pi.run('restore', '--with-databases', ...from, '--config', pi.config);
    expect(restored).toMatchObject({ code: 0, err: '' });
    const there = journalPoints(pi.stateDir);
    expect(there.size).toBeGreaterThan(2);
    expect(missing(there, lostPoints)).toEqual([]);
    const after = pi.start('collect', '--config', pi.config);
    const count = liveReadings(pi);
    await expect.poll(() => liveReadings(pi), WAIT).toBeGreaterThan(count + 2);
    await after.end('SIGTERM');
    expect(missing(there, journalPoints(pi.stateDir))).toEqual([]);
    expect(await pi.run('backup', 'run', '--config', pi.config)).toMatchObject({
      code: 0,
      out: expect.stringMatching(/^backup 2 in azure: .* verified\n/),
    });
    expect((await pi.run('backup', 'list', '--config', pi.config)).out.match(/^ *[12] .*/gm)).toHaveLength(2);
  },
);
