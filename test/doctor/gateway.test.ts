import { createServer, type Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { expect, onTestFinished, test } from 'vitest';
import { examine } from '../../agent/doctor/examine.ts';
import { findingsOf } from '../../agent/doctor/verdict.ts';
import { WE_515 } from '../../agent/meters/orno.ts';
import { withCrc } from '../../agent/modbus/crc.ts';
import { Slave } from '../../agent/simulator/slave.ts';
import { VirtualMeter } from '../../agent/simulator/virtual-meter.ts';
import { restlessLoad } from '../support/restless-load.ts';

const STEADY_MS = 86_400_000;
/** Modbus Application Protocol V1.1b3, 7: gateway target device failed to respond. */
const NOBODY = 11;

/** A Modbus TCP gateway with one meter, which waits for each unit in turn before it says that nobody answers. */
async function gateway({ unit, waitMs }: { unit: number; waitMs: number }): Promise<number> {
  const meter = new VirtualMeter({ model: WE_515, load: restlessLoad(1, STEADY_MS), stepMs: STEADY_MS }, Date.now());
  const slave = new Slave(new Map([[unit, meter]]));
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    sockets.add(socket.on('error', () => {}));
    let before = Promise.resolve();
    let buffered = Buffer.alloc(0);
    const serve = async (request: Buffer) => {
      const body = request.subarray(6);
      const reply = slave.answer(withCrc(body), Date.now());
      if (!reply) await sleep(waitMs);
      const answer = reply?.subarray(0, -2) ?? Buffer.from([body.readUInt8(0), body.readUInt8(1) | 0x80, NOBODY]);
      const header = Buffer.from(request.subarray(0, 6));
      header.writeUInt16BE(answer.length, 4);
      if (!socket.destroyed) socket.write(Buffer.concat([header, answer]));
    };
    socket.on('data', (chunk) => {
      buffered = Buffer.concat([buffered, chunk]);
      for (; buffered.length >= 12; buffered = buffered.subarray(12)) {
        const request = Buffer.from(buffered.subarray(0, 12));
        before = before.then(() => serve(request));
      }
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  onTestFinished(() => {
    for (const socket of sockets) socket.destroy();
    server.close();
  });
  const address = server.address();
  return typeof address === 'object' && address !== null ? address.port : 0;
}

const examined = async (port: number) => {
  const options = { measureMs: 0, signal: new AbortController().signal };
  return examine({ kind: 'tcp', host: '127.0.0.1', port }, options);
};

test.for([250, 500])(
  'a gateway that waits %i ms for each unit is given the time',
  { timeout: 60_000 },
  async (waitMs) => {
    const { found } = await examined(await gateway({ unit: 7, waitMs }));
    expect(found).toMatchObject({ unit: 7 });
  },
);

test('a gateway without a meter is told from a line that is silent', { timeout: 60_000 }, async () => {
  const evidence = await examined(await gateway({ unit: 200, waitMs: 210 }));
  const [finding] = findingsOf(evidence);
  expect(finding).toMatchObject({ cause: 'no-answer', sentence: expect.stringContaining('the gateway answers, but') });
  expect(finding?.remedies.join()).toContain('--unit');
});
