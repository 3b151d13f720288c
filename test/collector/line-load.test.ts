import { expect, test } from 'vitest';
import { Collector } from '../../agent/collector/collector.ts';
import { overfullText, usedShare } from '../../agent/collector/line-load.ts';
import { parseConfig } from '../../agent/config/load.ts';
import { open } from '../support/open-journal.ts';
import { recordingLog } from '../support/silent-log.ts';
import { temporaryDirectory } from '../support/temporary.ts';
import { virtualLine, WIRE_9600 } from '../support/virtual-line.ts';

const meter = (name: string, needMs: number, intervalMs = 1000, wire: typeof WIRE_9600 | object = {}) => ({
  name,
  needMs,
  intervalMs,
  wire: { ...WIRE_9600, ...wire },
});

test('the share counts each meter by its interval, and the changes of settings', () => {
  expect(usedShare([meter('a', 485)])).toBeCloseTo(0.5);
  expect(usedShare([meter('a', 485), meter('b', 485, 10_000)])).toBeCloseTo(0.55);
  const mixed = usedShare([meter('a', 485), meter('b', 485, 10_000, { baudRate: 2400 })]);
  // Two changes a second, each with two silences of 3.5 characters at 2400 baud and the driver's time.
  expect(mixed).toBeCloseTo(0.55 + (2 * (2 * 16.04 + 5)) / 970, 3);
});

test('a line that carries its meters is not worth a word', () => {
  expect(overfullText('/dev/ttyUSB0', [meter('a', 300), meter('b', 300)])).toBeUndefined();
});

test('a line that does not is said with its figures', () => {
  expect(overfullText('/dev/ttyUSB0', [meter('a', 700), meter('b', 900, 2000)])).toBe(
    '/dev/ttyUSB0 is over-full: one round of its meters takes 1.60 s (a 700 ms each 1 s, b 900 ms each 2 s), ' +
      '119 % of its time; about 16 % of the readings will be missing',
  );
});

test('it is said once at the start, and again when its meters change', async () => {
  const { line } = virtualLine();
  const stateDir = `${temporaryDirectory()}/state`;
  const connection = { serial: line.linkPath, baudRate: 1200 };
  const metersOf = (names: string[]) =>
    parseConfig(
      JSON.stringify({
        stateDir,
        meters: names.map((name, i) => ({ name, model: 'we-515', unit: i + 1, connection })),
      }),
      'test.yaml',
    );
  const journal = open(stateDir);
  const { log, lines } = recordingLog();
  const collector = new Collector({ config: metersOf(['a', 'b']), journal, log });
  collector.start();
  const said = () => lines.filter(({ msg }) => String(msg).includes('is over-full'));
  expect(said()).toEqual([expect.objectContaining({ hint: expect.stringContaining('longer interval') })]);
  await collector.apply(metersOf(['a', 'b']).meters);
  expect(said()).toHaveLength(1);
  await collector.apply(metersOf(['a', 'b', 'c']).meters);
  expect(said()).toHaveLength(2);
  await collector.stop();
  journal.close();
});
