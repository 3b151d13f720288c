import { createServer, type Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, type TestContext, test } from 'vitest';
import { WE_515 } from '../../agent/meters/orno.ts';
import { withCrc } from '../../agent/modbus/crc.ts';
import { tcpConnector } from '../../agent/modbus/tcp-connection.ts';
import { Slave } from '../../agent/simulator/slave.ts';
import { VirtualMeter } from '../../agent/simulator/virtual-meter.ts';
import { Link } from '../../agent/sources/link.ts';
import { ModbusMeter } from '../../agent/sources/modbus-meter.ts';
import { memoryOf } from '../support/fast-line.ts';
import { restlessLoad } from '../support/restless-load.ts';
import { recordingLog } from '../support/silent-log.ts';
import { WIRE_9600 } from '../support/virtual-line.ts';

const STEADY_MS = 86_400_000;
/** Of these units nobody is there. */
const DEAD = 7;

interface GatewayOptions {
  /** What each request takes on its serial side. */
  requestMs?: number;
  /** How long it waits for a meter that is not there, before it says so; without, it says nothing. */
  givesUpMs?: number;
}

/** A Modbus TCP gateway as they are: one connection at a time, one request after the other, 0x0B for a meter that is silent. */
async function gateway(
  { onTestFinished }: Pick<TestContext, 'onTestFinished'>,
  { requestMs = 5, givesUpMs }: GatewayOptions = {},
) {
  const meters = new Map(
    [1, 2, 3].map((unit) => {
      const load = restlessLoad(unit, STEADY_MS);
      return [unit, new VirtualMeter({ model: WE_515, load, stepMs: STEADY_MS }, Date.now())] as const;
    }),
  );
  const slave = new Slave(meters);
  const seen = { connections: 0, refused: 0, requests: [] as number[] };
  let holder: Socket | undefined;
  const server = createServer({ noDelay: true }, (socket) => {
    socket.on('error', () => {});
    if (holder) {
      seen.refused++;
      socket.destroy();
      return;
    }
    holder = socket;
    seen.connections++;
    socket.on('close', () => {
      holder = undefined;
    });
    let serial = Promise.resolve();
    socket.on('data', (adus: Buffer) => {
      for (let at = 0; at < adus.length; at += 12) {
        const adu = adus.subarray(at, at + 12);
        serial = serial.then(() => serve(socket, adu));
      }
    });
  });
  const serve = async (socket: Socket, adu: Buffer) => {
    const unit = adu.readUInt8(6);
    seen.requests.push(unit);
    const reply = slave.answer(withCrc(adu.subarray(6)), Date.now());
    await sleep(reply ? requestMs : (givesUpMs ?? 0));
    const body = reply?.subarray(0, -2) ?? Buffer.from([unit, 0x83, 0x0b]);
    if (!reply && givesUpMs === undefined) return;
    const header = Buffer.from(adu.subarray(0, 6));
    header.writeUInt16BE(body.length, 4);
    if (!socket.destroyed) socket.write(Buffer.concat([header, body]));
  };
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  const port = typeof address === 'object' && address ? address.port : 0;
  const { log, lines } = recordingLog();
  const link = new Link(tcpConnector({ host: '127.0.0.1', port }, 'mbap', WIRE_9600), log, { retryMs: 50 });
  onTestFinished(async () => {
    await link.stop();
    server.close();
  });
  await link.start();
  const sourceOf = (unit: number, responseMs = 250) => {
    const station = link.join({ intervalMs: 1000, wire: WIRE_9600, responseMs });
    return new ModbusMeter({ name: `unit-${unit}`, model: WE_515, unit, link: station, memory: memoryOf() });
  };
  /** One second of all meters, from its beginning to its deadline. */
  const second = async (sources: ModbusMeter[]) => {
    const startMs = performance.now();
    const samples = await Promise.allSettled(sources.map((source) => source.sample(startMs + 970)));
    await sleep(Math.max(0, startMs + 1000 - performance.now()));
    return samples.map((sample) => (sample.status === 'fulfilled' ? sample.value.values : sample.reason.gapCause));
  };
  return { link, lines, seen, meters, sourceOf, second };
}

const valuesOf = (meters: Map<number, VirtualMeter>, unit: number) => meters.get(unit)?.values();

describe.concurrent('a gateway', () => {
  test('units behind one address share its one connection', async (context) => {
    const { seen, meters, sourceOf, second } = await gateway(context);
    const sources = [1, 2, 3].map((unit) => sourceOf(unit));
    for (let round = 0; round < 2; round++) {
      expect(await second(sources)).toEqual([1, 2, 3].map((unit) => valuesOf(meters, unit)));
    }
    expect(seen).toMatchObject({ connections: 1, refused: 0 });
  });

  test.for([
    ['at once', 0],
    ['after 400 ms, longer than we wait', 400],
    ['after 600 ms, for which it serves nobody', 600],
  ] as const)('a gateway that says %s that a unit does not answer costs the others nothing', async ([
    ,
    givesUpMs,
  ], context) => {
    const { seen, link, meters, sourceOf, second } = await gateway(context, { givesUpMs });
    const sources = [DEAD, 1, 2].map((unit) => sourceOf(unit));
    for (let round = 0; round < 6; round++) {
      const [dead, ...others] = await second(sources);
      // That nobody is there shows with the first request alone, and while it waits the gateway serves nobody.
      if (round === 0 && givesUpMs > 500) continue;
      expect(dead).toBeOneOf(['exception', 'timeout', 'busy']);
      expect(others).toEqual([1, 2].map((unit) => valuesOf(meters, unit)));
    }
    // No hammering: some requests for the dead unit, and the connection was never given up.
    expect(seen.requests.filter((unit) => unit === DEAD).length).toBeLessThan(12);
    expect(seen).toMatchObject({ connections: 1, refused: 0 });
    expect(link.stats.disconnects).toBe(0);
  });

  test('a gateway that keeps silent about a dead unit costs the others nothing either', async (context) => {
    const { meters, sourceOf, second } = await gateway(context);
    const sources = [1, DEAD, 3].map((unit) => sourceOf(unit));
    for (let round = 0; round < 5; round++) {
      expect(await second(sources)).toEqual([valuesOf(meters, 1), 'timeout', valuesOf(meters, 3)]);
    }
  });

  test('a slow gateway is waited for as long as its meters say', async (context) => {
    const { meters, sourceOf, second } = await gateway(context, { requestMs: 150 });
    expect(await second([sourceOf(1, 300)])).toEqual([valuesOf(meters, 1)]);
  });
});
