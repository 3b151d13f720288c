import { expect, test } from 'vitest';
import { Transfer } from '../../agent/system/transfer.ts';

test('share, rate and time left', () => {
  const transfer = new Transfer();
  expect(transfer.text(0, 200e6, 1000)).toBe('0 % of 200 MB');
  expect(transfer.text(10e6, 200e6, 2000)).toBe('5 % of 200 MB, 10.0 MB/s, 19 s left');
  expect(transfer.text(199.9e6, 200e6, 21_000)).toBe('99 % of 200 MB, 10.0 MB/s, 1 s left');
});

test('the rate is that of the last seconds, and begins anew when something is sent again', () => {
  const transfer = new Transfer();
  for (let second = 0; second <= 60; second++) transfer.text(second * 10e6, 20e9, second * 1000);
  for (let second = 61; second <= 75; second++) transfer.text(600e6 + (second - 60) * 1e6, 20e9, second * 1000);
  expect(transfer.text(616e6, 20e9, 76_000)).toBe('3 % of 20000 MB, 1.0 MB/s, 6 h left');
  expect(transfer.text(300e6, 20e9, 77_000)).toBe('1 % of 20000 MB');
  expect(transfer.text(302e6, 20e9, 78_000)).toBe('1 % of 20000 MB, 2.0 MB/s, 3 h left');
});

test('nothing to move is all of it', () => {
  expect(new Transfer().text(0, 0, 0)).toBe('100 % of 0 MB');
});
