import fc from 'fast-check';
import { expect, test } from 'vitest';
import { withCrc } from '../../agent/modbus/crc.ts';
import { newLineStats } from '../../agent/modbus/line-stats.ts';
import { rtuFraming } from '../../agent/modbus/rtu-framing.ts';

/** Read 2 registers at 0x0130 of unit 1, and the reply 50.01 Hz, 230.15 V. Checksums as on the wire. */
const REQUEST = Buffer.from('010301300002c5f8', 'hex');
const REPLY = Buffer.from('010304138959e7', 'hex');
const FRAME = withCrc(REPLY);
const EXCEPTION = Buffer.from('018302c0f1', 'hex');

function receive(chunks: readonly Buffer[], request = REQUEST) {
  const stats = newLineStats();
  const replies: string[] = [];
  const { bytes, receiver } = rtuFraming.begin(request, (frame) => void replies.push(frame.toString('hex')), stats);
  expect(bytes).toEqual(request);
  for (const chunk of chunks) receiver.push(chunk);
  return { replies, stats, receiver };
}

test('the literal frames have the right checksums', () => {
  expect(withCrc(REQUEST.subarray(0, 6)).toString('hex')).toBe(REQUEST.toString('hex'));
  expect(withCrc(EXCEPTION.subarray(0, 3)).toString('hex')).toBe(EXCEPTION.toString('hex'));
});

const hex = (text: string) => Buffer.from(text, 'hex');
const OTHER_LENGTH = withCrc(hex('010302abcd'));

test.for([
  ['a reply', [FRAME], [FRAME], 0, 0],
  ['an exception', [EXCEPTION], [EXCEPTION], 0, 0],
  ['a leading zero', [hex('00'), FRAME], [FRAME], 1, 0],
  ['noise before the reply', [hex('ffee0103'), FRAME], [FRAME], 4, 0],
  [
    'noise that looks like our header',
    [hex('010304'), FRAME],
    [Buffer.concat([hex('010304'), FRAME.subarray(0, 6)])],
    3,
    0,
  ],
  ['our echo before the reply', [REQUEST, FRAME], [FRAME], 0, 1],
  ['a late reply of another length before ours', [OTHER_LENGTH, FRAME], [FRAME], 7, 0],
  ['a reply of another unit before ours', [withCrc(hex('020304138959e7')), FRAME], [FRAME], 9, 0],
  ['a doubled reply', [FRAME, FRAME], [FRAME], 9, 0],
  ['a damaged exception before the reply', [hex('018302c0f2'), FRAME], [FRAME], 5, 0],
] as const)('%s', ([, chunks, expected, strayBytes, echoes]) => {
  const { replies, stats } = receive([Buffer.concat(chunks)]);
  expect(replies).toEqual(expected.map((frame) => frame.toString('hex')));
  expect(stats).toMatchObject({ strayBytes, echoes });
});

test('a reply that breaks off is told from bytes that are none', () => {
  const torn = receive([FRAME.subarray(0, 6)]);
  expect([torn.replies, torn.receiver.partial, torn.receiver.stalled()]).toEqual([[], true, 'truncated']);
  const noise = receive([hex('ffffff')]);
  expect([noise.replies, noise.receiver.partial, noise.receiver.stalled()]).toEqual([[], true, 'noise']);
});

test('after our echo alone the meter still has its time', () => {
  const { replies, receiver } = receive([REQUEST]);
  expect([replies, receiver.partial]).toEqual([[], false]);
});

test('however the bytes are cut into chunks, the result is the same', () => {
  const line = Buffer.concat([hex('00ff'), REQUEST, OTHER_LENGTH, FRAME]);
  fc.assert(
    fc.property(fc.array(fc.integer({ min: 1, max: line.length }), { maxLength: 12 }), (cuts) => {
      const bounds = [0, ...[...new Set(cuts)].sort((a, b) => a - b), line.length];
      const chunks = bounds.slice(1).map((end, i) => line.subarray(bounds[i], end));
      const { replies, stats } = receive(chunks);
      expect(replies).toEqual([FRAME.toString('hex')]);
      expect(stats).toMatchObject({ strayBytes: 9, echoes: 1 });
    }),
    { seed: 7, numRuns: 300 },
  );
});

test('random bytes never yield a frame of the wrong length, and never throw', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 60 }), (bytes) => {
      for (const frame of receive([Buffer.from(bytes)]).replies) expect([5, 9]).toContain(frame.length / 2);
    }),
    { seed: 8, numRuns: 1000 },
  );
});
