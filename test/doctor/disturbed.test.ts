import { expect, test } from 'vitest';
import { examine } from '../../agent/doctor/examine.ts';
import { Line } from '../../agent/doctor/line.ts';
import { findingsOf } from '../../agent/doctor/verdict.ts';
import { virtualLine, WIRE_9600 } from '../support/virtual-line.ts';

const NEVER = new AbortController().signal;

test('bytes that trickle in while nobody answers are noise, also where they are as many as a reply has', async () => {
  const { line: virtual } = virtualLine({ temper: { isMute: true, straysPerSecond: 40 } });
  const line = await Line.openSerial(virtual.linkPath, NEVER);
  const kinds = new Set<string>();
  let asLongAsReplies = 0;
  for (let i = 0; i < 20; i++) {
    const { kind, raw } = await line.ask({ unit: 1, functionCode: 3, address: 0x0110, count: 2 }, 150);
    kinds.add(kind);
    if (Math.abs(raw.length - 9) <= 1) asLongAsReplies++;
  }
  await line.close();
  expect(asLongAsReplies).toBeGreaterThan(0);
  expect([...kinds]).toEqual(['noise']);
});

test("a break after each request is the adapter's, where a meter answers at other settings", async () => {
  const set = { baudRate: 4800, parity: 'odd', stopBits: 1 } as const;
  const { line } = virtualLine({ temper: { hasBreaks: true, set }, wire: WIRE_9600 });
  const evidence = await examine({ kind: 'serial', path: line.linkPath }, { measureMs: 0, signal: NEVER });
  expect(evidence.found).toMatchObject({ settings: set, unit: 1 });
  expect(findingsOf(evidence).map(({ cause }) => cause)).not.toContain('swapped');
});
