import { createServer } from 'node:net';
import { expect, onTestFinished, test } from 'vitest';
import { Bus, type BusTiming, DEFAULT_TIMING } from '../../agent/modbus/bus.ts';
import type { Connector } from '../../agent/modbus/connection.ts';
import { withCrc } from '../../agent/modbus/crc.ts';
import { newLineStats } from '../../agent/modbus/line-stats.ts';
import { serialConnector } from '../../agent/modbus/serial-connection.ts';
import { tcpConnector } from '../../agent/modbus/tcp-connection.ts';
import { Pty } from '../../agent/simulator/pty.ts';
import { WIRE_9600 } from '../support/virtual-line.ts';

const WRITE = { unit: 1, address: 0x8120, registers: Buffer.from('1a0b15163b1e', 'hex') };
const REPLY = withCrc(Buffer.from('011081200003', 'hex'));
const TIMING: BusTiming = { ...DEFAULT_TIMING, responseMs: 80, lateReplyMs: 400 };
const soon = (ms = 900) => performance.now() + ms;

async function busOn(connector: Connector) {
  const bus = await Bus.open(connector, newLineStats(), () => {}, TIMING);
  onTestFinished(() => bus.close());
  return bus;
}

/** A pseudo-terminal that answers each request with the next of these bytes. */
async function answering(...answers: (Buffer | ((request: Buffer) => Buffer))[]) {
  const pty = Pty.open();
  onTestFinished(() => pty.close());
  const requests: string[] = [];
  pty.onData((request) => {
    requests.push(request.toString('hex'));
    const answer = answers.shift() ?? Buffer.alloc(0);
    pty.write(typeof answer === 'function' ? answer(request) : answer);
  });
  return { bus: await busOn(serialConnector(pty.path, WIRE_9600)), pty, requests };
}

test('a write goes out as function 16, once, and its confirmation ends it', async () => {
  const { bus, requests } = await answering(REPLY);
  await bus.write(WRITE, soon());
  expect(requests).toEqual([withCrc(Buffer.from('011081200003061a0b15163b1e', 'hex')).toString('hex')]);
  expect(bus.stats).toMatchObject({ requests: 1, answers: 1, strayBytes: 0 });
});

test.for([
  ['its echo before it', (request: Buffer) => Buffer.concat([request, REPLY]), { echoes: 1, strayBytes: 0 }],
  ['a zero before it', () => Buffer.concat([Buffer.from([0]), REPLY]), { strayBytes: 1 }],
  [
    'the reply to a read before it',
    () => Buffer.concat([withCrc(Buffer.from('0103020000', 'hex')), REPLY]),
    { strayBytes: 7 },
  ],
  [
    'the confirmation of another write before it',
    () => Buffer.concat([withCrc(Buffer.from('011081000010', 'hex')), REPLY]),
    { strayBytes: 8 },
  ],
] as const)('a confirmation is found with %s', async ([, answer, stats]) => {
  const { bus } = await answering(answer);
  await bus.write(WRITE, soon());
  expect(bus.stats).toMatchObject({ answers: 1, ...stats });
});

test.for([
  ['silence', Buffer.alloc(0), 'timeout'],
  ['an echo and no more', (request: Buffer) => request, 'timeout'],
  ['a damaged confirmation', Buffer.from(REPLY.toString('hex').replace(/..$/, '00'), 'hex'), 'crc'],
  ['half a confirmation', REPLY.subarray(0, 7), 'truncated'],
  ['the confirmation of another unit', withCrc(Buffer.from('021081200003', 'hex')), 'noise'],
  ['a refusal', withCrc(Buffer.from('019004', 'hex')), 'exception'],
] as const)('%s leaves the write open, and it is not sent again', async ([, answer, kind]) => {
  const { bus, requests } = await answering(answer);
  await expect(bus.write(WRITE, soon())).rejects.toMatchObject({ kind });
  await expect(bus.write(WRITE, soon(60))).rejects.toMatchObject({ kind: 'busy' });
  expect(requests).toHaveLength(1);
});

test('a late confirmation, or refusal, answers no later write and no read', async () => {
  const { bus, pty, requests } = await answering(Buffer.alloc(0), withCrc(Buffer.from('0103020007', 'hex')), REPLY);
  await expect(bus.write({ ...WRITE, address: 0x8100 }, soon())).rejects.toMatchObject({ kind: 'timeout' });
  pty.write(withCrc(Buffer.from('011081000003', 'hex')));
  expect((await bus.read({ unit: 1, functionCode: 3, address: 0x8100, count: 1 }, soon())).readUInt16BE(0)).toBe(7);
  await expect(bus.write(WRITE, soon(60))).rejects.toMatchObject({ kind: 'busy' });
  await new Promise((resolve) => setTimeout(resolve, TIMING.lateReplyMs));
  await bus.write(WRITE, soon());
  expect(requests).toHaveLength(3);
});

test("a maker's own function is sent, and whatever comes is no answer to the request after it", async () => {
  const { bus, requests } = await answering(Buffer.from('0128fe01', 'hex'), REPLY);
  await bus.sendForeign(Buffer.from('0128fe010002040000', 'hex'), 50, soon());
  await bus.write(WRITE, soon());
  expect(requests[0]).toBe(withCrc(Buffer.from('0128fe010002040000', 'hex')).toString('hex'));
  expect(bus.stats.answers).toBe(1);
});

test('over Modbus TCP a confirmation is known by its transaction', async () => {
  const server = createServer((socket) =>
    socket.on('data', (request) => {
      const answer = (id: number) => Buffer.concat([Buffer.from([0, id, 0, 0, 0, 6]), REPLY.subarray(0, 6)]);
      socket.write(Buffer.concat([answer((request[1] ?? 0) + 1), answer(request[1] ?? 0)]));
    }),
  );
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  onTestFinished(() => void server.close());
  const address = server.address();
  const port = typeof address === 'object' && address !== null ? address.port : 0;
  const bus = await busOn(tcpConnector({ host: '127.0.0.1', port }, 'mbap', WIRE_9600));
  await bus.write(WRITE, soon());
  expect(bus.stats).toMatchObject({ answers: 1, strayBytes: 12 });
});
