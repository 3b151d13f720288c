import { expect, test } from 'vitest';
import { frameOf } from '../../agent/doctor/line.ts';
import { framesIn, readReply } from '../../agent/doctor/reply.ts';
import { withCrc } from '../../agent/modbus/crc.ts';

const REQUEST = frameOf({ unit: 1, functionCode: 3, address: 0x0110, count: 2 });
const REPLY = withCrc(Buffer.from([1, 3, 4, 0, 1, 3, 4]));
const LATE = withCrc(Buffer.from([1, 3, 2, 0x13, 0x88]));
const FOREIGN = withCrc(Buffer.from([7, 3, 4, 0, 7, 3, 4]));
const REFUSAL = withCrc(Buffer.from([1, 0x83, 2]));
const GATEWAY = withCrc(Buffer.from([1, 0x83, 11]));
const flipped = (frame: Buffer, at: number) => Buffer.from(frame.map((byte, i) => (i === at ? byte ^ 4 : byte)));
const bytes = (...parts: (Buffer | number)[]) =>
  Buffer.concat(parts.map((part) => (typeof part === 'number' ? Buffer.from([part]) : part)));

test('a request is the eight bytes of the standard', () => {
  expect(REQUEST.toString('hex')).toBe('010301100002c432');
});

test.for([
  ['nothing', bytes(), { kind: 'silent', hasEcho: false, strays: 0 }],
  ['our echo alone', REQUEST, { kind: 'silent', hasEcho: true, strays: 0 }],
  ['the reply', REPLY, { kind: 'answer', unit: 1, hasEcho: false, strays: 0 }],
  ['echo and reply', bytes(REQUEST, REPLY), { kind: 'answer', hasEcho: true, strays: 0 }],
  ['glitches around the reply', bytes(0, REPLY, 0xff, 0), { kind: 'answer', strays: 3 }],
  ['a refusal', REFUSAL, { kind: 'exception', exceptionCode: 2 }],
  ['a gateway that nobody answered', GATEWAY, { kind: 'silent' }],
  ['a late reply of another length', LATE, { kind: 'other-length', unit: 1 }],
  ['another unit', FOREIGN, { kind: 'other-unit', unit: 7 }],
  ['a flipped bit in the data', flipped(REPLY, 4), { kind: 'damaged' }],
  ['a flipped bit in the head', flipped(REPLY, 0), { kind: 'damaged' }],
  ['zeros for what breaks parity', Buffer.alloc(REPLY.length), { kind: 'damaged' }],
  ['a lost byte', REPLY.subarray(0, -1), { kind: 'truncated' }],
  ['half a reply', REPLY.subarray(0, 5), { kind: 'truncated' }],
  ['a break', bytes(0), { kind: 'breaks' }],
  ['breaks', bytes(0, 0), { kind: 'breaks' }],
  ['bytes out of nowhere', bytes(0x5a, 0xe1), { kind: 'noise' }],
] as const)('%s', ([, raw, expected]) => {
  expect(readReply(REQUEST, raw)).toMatchObject(expected);
});

test('the registers of an answer', () => {
  expect(readReply(REQUEST, bytes(0, REPLY)).registers?.toString('hex')).toBe('00010304');
});

test('frames of another master are found, requests and replies', () => {
  const asked = withCrc(Buffer.from([3, 3, 1, 0x30, 0, 1]));
  expect(framesIn(bytes(0x11, asked, 0, FOREIGN, REFUSAL))).toEqual([asked, FOREIGN, REFUSAL]);
  expect(framesIn(Buffer.alloc(40))).toEqual([]);
});
