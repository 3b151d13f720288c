import { expect, test } from 'vitest';
import { readForwardingStatus } from '../../agent/forwarding/forward-status.ts';
import { fillJournal, forward, secondsFrom, sinkConfig } from '../support/forwarding.ts';
import { requireMounts } from '../support/requires.ts';
import { SmallDisk } from '../support/small-disk.ts';
import { temporaryDirectory } from '../support/temporary.ts';
import { expectEverything } from './promises.ts';
import { type StartServer, startInfluxDb, startVictoriaMetrics } from './servers.ts';

const WEEK_S = 604_800;

function testFullDisk(name: string, startServer: StartServer, problem: RegExp): void {
  test(`${name} on a full disk: readings wait, and all are there once it has room again`, async (context) => {
    requireMounts(context);
    const disk = await SmallDisk.mount(200);
    const server = await startServer(context, disk);
    const stateDir = temporaryDirectory();
    const runtimeDirectory = temporaryDirectory();
    fillJournal(stateDir, secondsFrom(1_700_000_000, 100));
    forward(stateDir, [sinkConfig({ ...server.entry, url: server.url })], { runtimeDirectory });
    await expectEverything(server, stateDir);
    disk.fill();
    let next = 1_700_000_000 + WEEK_S;
    const trouble = () => {
      // Another week: the server needs new files for it.
      fillJournal(stateDir, secondsFrom(next, 100));
      next += 100;
      const said = readForwardingStatus(runtimeDirectory)?.sinks[0]?.problem;
      return `${said?.message} (${said?.hint})`;
    };
    await expect.poll(trouble, { timeout: 30_000, interval: 200 }).toMatch(problem);
    disk.free();
    await server.end('SIGKILL');
    await server.start();
    await expectEverything(server, stateDir);
  });
}

// VictoriaMetrics ends itself when it cannot write.
testFullDisk('VictoriaMetrics', startVictoriaMetrics, /ECONNREFUSED/);
testFullDisk('InfluxDB 2', startInfluxDb, /no space left.*restart it/);
