import { expect, test } from 'vitest';
import { withCrc } from '../../agent/modbus/crc.ts';
import { newLineStats } from '../../agent/modbus/line-stats.ts';
import { mbapFraming } from '../../agent/modbus/mbap-framing.ts';

const REQUEST = Buffer.from('010301300002c5f8', 'hex');
const PDU = '010304138959e7';
const adu = (id: string, body: string) =>
  Buffer.from(`${id}0000${(body.length / 2).toString(16).padStart(4, '0')}${body}`, 'hex');

function begin() {
  const framing = mbapFraming();
  const stats = newLineStats();
  const replies: string[] = [];
  const next = () => framing.begin(REQUEST, (frame) => void replies.push(frame.toString('hex')), stats);
  return { next, replies, stats };
}

test('a request gets a header with a transaction id of its own, and no CRC', () => {
  const { next } = begin();
  expect(next().bytes.toString('hex')).toBe('000100000006010301300002');
  expect(next().bytes.toString('hex')).toBe('000200000006010301300002');
});

test('only the reply with this transaction’s id counts: late and doubled ones are dropped', () => {
  const { next, replies, stats } = begin();
  next();
  const { receiver } = next();
  receiver.push(Buffer.concat([adu('0001', PDU), adu('0002', PDU), adu('0002', PDU)]));
  expect(replies).toEqual([withCrc(Buffer.from(PDU, 'hex')).toString('hex')]);
  expect(stats.strayBytes).toBe(26);
});

test('a reply that is cut anywhere, even across two requests, is put together', () => {
  const { next, replies } = begin();
  const first = next().receiver;
  const late = adu('0001', PDU);
  first.push(late.subarray(0, 4));
  const second = next().receiver;
  second.push(late.subarray(4));
  for (const byte of adu('0002', PDU)) second.push(Buffer.from([byte]));
  expect(replies).toHaveLength(1);
});

test('what is no Modbus TCP is dropped and counted', () => {
  const { next, replies, stats } = begin();
  next().receiver.push(Buffer.from('HTTP/1.1 400 Bad Request\r\n\r\n'));
  expect(replies).toEqual([]);
  expect(stats.strayBytes).toBe(28);
});
