import { setTimeout as sleep } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { readForwardingStatus } from '../../agent/forwarding/forward-status.ts';
import { seededRandom } from '../../agent/simulator/random.ts';
import { REPOSITORY, runScript } from '../support/child.ts';
import { type Fault, FaultProxy } from '../support/fault-proxy.ts';
import { fillJournal, forward, journalPoints, secondsFrom, sinkConfig } from '../support/forwarding.ts';
import { temporaryDirectory } from '../support/temporary.ts';
import type { StartServer, TestServer } from './servers.ts';

/** Longest wait for a server to have everything; nothing is asserted about the time itself. */
const PATIENCE_MS = 45_000;

/** Waits until the server holds exactly what the journal holds: value for value, none missing, none twice. */
export async function expectEverything(server: TestServer, stateDir: string): Promise<void> {
  const wanted = journalPoints(stateDir);
  const deadline = performance.now() + PATIENCE_MS;
  while (performance.now() < deadline && (await server.points()).size < wanted.size) await sleep(50);
  expect(await server.points()).toEqual(wanted);
}

const FAULTS: Fault[] = [
  { kind: 'reset' },
  { kind: 'half-body' },
  { kind: 'reply-lost' },
  { kind: 'drip', everyMs: 1 },
  { kind: 'answer', status: 401, body: '{"code":"unauthorized","message":"unauthorized access"}' },
  { kind: 'answer', status: 429, headers: { 'retry-after': '0' } },
  { kind: 'answer', status: 500, body: 'panic' },
  { kind: 'answer', status: 503, headers: { 'retry-after': '0' } },
  { kind: 'answer', status: 404, body: '{"code":"not found","message":"bucket \\"energy\\" not found"}' },
  { kind: 'answer', status: 200, body: '<html>Sign in to the hotel</html>' },
  { kind: 'answer', status: 413, body: '{"code":"request too large","message":"too large"}' },
];

export interface Counts {
  /** Readings of the run with faults at random. */
  readings: number;
  seed: number;
}

export interface KillCounts {
  kills: number;
  seed: number;
}

/** The promises of forwarding, against one kind of real server. */
export function testForwarding(name: string, startServer: StartServer, { readings, seed }: Counts): void {
  test(`${name}: every fault at random, and in the end everything is there once`, async (context) => {
    const server = await startServer(context);
    const proxy = await FaultProxy.start(server.url);
    const random = seededRandom(seed);
    const struck = new Map<string, number>();
    proxy.faultFor = () => {
      if (random() > 0.4) return undefined;
      const fault = FAULTS[Math.floor(random() * FAULTS.length)];
      const label = fault?.kind === 'answer' ? String(fault.status) : (fault?.kind ?? '');
      struck.set(label, (struck.get(label) ?? 0) + 1);
      return fault;
    };
    const stateDir = temporaryDirectory();
    fillJournal(stateDir, secondsFrom(1_700_000_000, readings));
    forward(stateDir, [sinkConfig({ ...server.entry, url: proxy.url, batchSize: 20 })]);
    await expectEverything(server, stateDir);
    expect(struck.size).toBe(FAULTS.length);
  });

  test(`${name}: a server that hangs is given up after the time-out`, async (context) => {
    const server = await startServer(context);
    const proxy = await FaultProxy.start(server.url);
    proxy.faultFor = (_path, number) => (number < 2 ? { kind: 'hang' } : undefined);
    const stateDir = temporaryDirectory();
    fillJournal(stateDir, secondsFrom(1_700_000_000, 10));
    forward(stateDir, [{ ...sinkConfig({ ...server.entry, url: proxy.url }), timeout: 200 }]);
    await expectEverything(server, stateDir);
  });

  test(`${name}: an hour without the server, then everything with its own time`, async (context) => {
    const server = await startServer(context);
    const proxy = await FaultProxy.start(server.url);
    await proxy.refuse();
    const stateDir = temporaryDirectory();
    fillJournal(stateDir, secondsFrom(1_700_000_000, 60));
    forward(stateDir, [sinkConfig({ ...server.entry, url: proxy.url })]);
    fillJournal(stateDir, secondsFrom(1_700_000_060, 3540));
    await sleep(200);
    expect((await server.points()).size).toBe(0);
    await proxy.accept();
    await expectEverything(server, stateDir);
  });

  test(`${name}: killed and started again while readings come`, async (context) => {
    const server = await startServer(context);
    const stateDir = temporaryDirectory();
    fillJournal(stateDir, secondsFrom(1_700_000_000, 2000));
    forward(stateDir, [sinkConfig({ ...server.entry, url: server.url, batchSize: 100 })]);
    while ((await server.points()).size === 0) await sleep(5);
    await server.end('SIGKILL');
    fillJournal(stateDir, secondsFrom(1_700_002_000, 500));
    await sleep(100);
    await server.start();
    await expectEverything(server, stateDir);
  });

  test(`${name}: killed and back between two batches, unseen`, async (context) => {
    const server = await startServer(context);
    const stateDir = temporaryDirectory();
    const runtimeDirectory = temporaryDirectory();
    fillJournal(stateDir, secondsFrom(1_700_000_000, 100));
    forward(stateDir, [sinkConfig({ ...server.entry, url: server.url, batchSize: 20 })], { runtimeDirectory });
    // Not asked for at the server: VictoriaMetrics would write its memory out for that.
    while (readForwardingStatus(runtimeDirectory)?.sinks[0]?.written !== 100) await sleep(5);
    await server.end('SIGKILL');
    await server.start();
    fillJournal(stateDir, secondsFrom(1_700_000_100, 10));
    await expectEverything(server, stateDir);
  });

  test(`${name}: wiped, set up again and rewound, it has everything again`, async (context) => {
    const server = await startServer(context);
    const stateDir = temporaryDirectory();
    fillJournal(stateDir, secondsFrom(1_700_000_000, 300));
    const sink = sinkConfig({ ...server.entry, url: server.url });
    const first = forward(stateDir, [sink]);
    await expectEverything(server, stateDir);
    await first.stop();
    await server.wipe();
    const entry = await server.again();
    forward(stateDir, [sinkConfig({ ...entry, url: server.url })]);
    const { rewind } = await import('../../agent/forwarding/maintenance.ts');
    rewind({ stateDir, influxdb: [sink] } as never, sink.name, 0);
    await expectEverything(server, stateDir);
  });

  test(`${name}: two servers, one that is away holds up no other`, async (context) => {
    const server = await startServer(context);
    const stateDir = temporaryDirectory();
    fillJournal(stateDir, secondsFrom(1_700_000_000, 300));
    forward(stateDir, [
      sinkConfig({ name: 'away', url: 'http://127.0.0.1:9' }),
      sinkConfig({ ...server.entry, url: server.url }),
    ]);
    await expectEverything(server, stateDir);
  });

  test(`${name}: what arrives late behind the cursor is sent as well`, async (context) => {
    const server = await startServer(context);
    const stateDir = temporaryDirectory();
    fillJournal(stateDir, [...secondsFrom(1_700_000_000, 100), ...secondsFrom(1_700_000_200, 100)]);
    forward(stateDir, [sinkConfig({ ...server.entry, url: server.url })]);
    await expectEverything(server, stateDir);
    fillJournal(stateDir, secondsFrom(1_700_000_100, 100));
    await expectEverything(server, stateDir);
  });
}

/**
 * The agent is killed `kills` times while it drains, each time about one of its first requests: before the server has it,
 * while it writes, or when its reply is under way. Each fifth time the memory-backed cursor is lost too, as in a power cut.
 */
export function testKills(name: string, startServer: StartServer, { kills, seed }: KillCounts): void {
  test(`${name}: ${kills} times SIGKILL of the agent while it drains, and in the end everything is there once`, async (context) => {
    const server = await startServer(context);
    const proxy = await FaultProxy.start(server.url);
    const random = seededRandom(seed);
    const stateDir = temporaryDirectory();
    let runtime = temporaryDirectory();
    const sink = sinkConfig({ ...server.entry, url: proxy.url, batchSize: 20 });
    for (let kill = 0; kill < kills; kill++) {
      fillJournal(stateDir, secondsFrom(1_700_000_000 + kill * 200, 200));
      if (random() < 0.2) runtime = temporaryDirectory();
      const child = runScript(`${REPOSITORY}/test/support/forward-child.ts`, [stateDir, runtime, JSON.stringify(sink)]);
      const [last, delayMs] = [proxy.requests + Math.floor(random() * 6), random() * 5];
      await new Promise<void>((resolve) => {
        proxy.faultFor = (_path, number) => {
          if (number === last) setTimeout(resolve, delayMs);
          return undefined;
        };
      });
      await child.end('SIGKILL');
    }
    const sent = (await server.points()).size;
    expect(sent).toBeGreaterThan(0);
    expect(sent).toBeLessThan(journalPoints(stateDir).size);
    proxy.faultFor = () => undefined;
    forward(stateDir, [sink], { runtimeDirectory: runtime });
    await expectEverything(server, stateDir);
  });
}
