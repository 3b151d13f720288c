import { expect, test } from 'vitest';
import { Panel, styleFor } from '../../agent/live/panel.ts';
import { plainLine } from '../../agent/live/plain-line.ts';
import { goodPercent, type Snapshot } from '../../agent/live/snapshot.ts';

const SNAPSHOT: Snapshot = {
  timeMs: new Date(2026, 10, 21, 12, 0, 5).getTime(),
  title: 'virtual we-515 on a pseudo-terminal at 9600 baud',
  values: {
    active_power: 1234,
    voltage: 230.12,
    current: 5.412,
    frequency: 50.01,
    power_factor: 0.949,
    active_energy: 4231.45,
  },
  gap: undefined,
  held: false,
  good: 99,
  missed: 0,
  lineErrors: 0,
  strayBytes: 0,
  connected: true,
  hint: undefined,
  url: undefined,
  stateDir: '/home/pi/.local/state/energy-monitor/virtual',
};

const GAP: Partial<Snapshot> = {
  values: undefined,
  gap: { cause: 'disconnected', message: 'serial port /dev/ttyUSB0 is not there' },
  hint: 'plug the adapter in',
  missed: 1,
  connected: false,
};

/** Three phases, both directions. */
const THREE: Snapshot = {
  ...SNAPSHOT,
  title: 'virtual sdm630 on a pseudo-terminal at 9600 baud',
  values: {
    active_power: 2766,
    voltage_l1: 230.12,
    voltage_l2: 231.2,
    voltage_l3: 228.94,
    current_l1: 10.004,
    current_l2: 5,
    current_l3: 2.01,
    active_power_l1: 2300,
    active_power_l2: 924,
    active_power_l3: -458,
    power_factor_l1: 1,
    frequency: 50,
    active_energy_import: 4231.456,
    active_energy_export: 1120.7,
  },
};

// biome-ignore lint/suspicious/noControlCharactersInRegex: escape sequences are what is looked for
const ESCAPES = /\x1b\[[0-9;]*[A-Za-z]/g;

test('a plain line is a second', () => {
  expect(plainLine(SNAPSHOT)).toBe('12:00:05   1234 W  230.1 V   5.41 A  4231.45 kWh  100 % good  line ok\n');
  expect(plainLine({ ...SNAPSHOT, lineErrors: 1, strayBytes: 9, missed: 1 })).toMatch(
    / {2}99\.0 % good {2}line: 1 error, 9 stray bytes\n$/,
  );
  expect(plainLine({ ...SNAPSHOT, ...GAP })).toBe(
    '12:00:05  gap (disconnected): serial port /dev/ttyUSB0 is not there  99.0 % good  line down\n',
  );
});

test('a time that is not known yet is said', () => {
  const note = 'held: the time is not known yet';
  expect(plainLine({ ...SNAPSHOT, held: true })).toContain(`line ok  ${note}\n`);
  expect(new Panel(styleFor(false)).draw({ ...SNAPSHOT, held: true }, 100)).toContain(note);
  expect(new Panel(styleFor(false)).draw(SNAPSHOT, 100)).not.toContain(note);
});

test('one missed second in a million is not 100 % good', () => {
  expect(goodPercent({ ...SNAPSHOT, good: 999_999, missed: 1 })).toBe('99.9');
  expect(goodPercent({ ...SNAPSHOT, good: 0, missed: 0 })).toBe('-');
});

test('the panel shows everything, and what to do about a gap', () => {
  const text = new Panel(styleFor(true)).draw(SNAPSHOT, 100).replace(ESCAPES, '');
  for (const part of [
    '12:00:05',
    '1234 W',
    '230.1 V',
    '5.41 A',
    '50.01 Hz',
    '4231.45 kWh',
    '99 good of 99',
    'Ctrl-C ends',
  ])
    expect(text).toContain(part);
  const gap = new Panel(styleFor(true)).draw({ ...SNAPSHOT, ...GAP }, 100).replace(ESCAPES, '');
  for (const part of ['/dev/ttyUSB0 is not there', 'plug the adapter in', 'down']) expect(gap).toContain(part);
});

test('no line of the panel is wider than the terminal, and each draw covers the one before', () => {
  const panel = new Panel(styleFor(true));
  const first = panel.draw(SNAPSHOT, 40);
  for (const line of first.replace(ESCAPES, '').split('\n')) expect(line.length).toBeLessThan(40);
  const lines = first.split('\n').length - 1;
  expect(panel.draw({ ...SNAPSHOT, ...GAP }, 40)).toContain(`\x1b[${lines}A`);
});

test('without colours only the cursor moves', () => {
  const text = new Panel(styleFor(false)).draw(SNAPSHOT, 80);
  expect([...text.matchAll(ESCAPES)].map((match) => match[0])).toEqual(['\x1b[J']);
});

test('a plain line of three phases has each phase, and the energy that came in', () => {
  expect(plainLine(THREE)).toBe(
    '12:00:05   2766 W  230.1/231.2/228.9 V  10.00/5.00/2.01 A  4231.46 kWh  100 % good  line ok\n',
  );
});

test('the panel has a line for each of three phases, also in a gap, and both directions', () => {
  const panel = new Panel(styleFor(false));
  const lines = panel.draw(THREE, 100).split('\n');
  expect(lines).toContain('  L1  230.1 V   10.00 A   2300 W   PF 1.000');
  expect(lines).toContain('  L3  228.9 V   2.01 A   -458 W   PF -');
  expect(lines).toContain('  import 4231.46 kWh   export 1120.70 kWh');
  const gap = panel.draw({ ...THREE, ...GAP }, 100).split('\n');
  expect(gap).toHaveLength(lines.length);
  expect(gap).toContain('  L1  - V   - A   - W   PF -');
});

test('the panel of a meter with one phase has no line for another', () => {
  const lines = new Panel(styleFor(false)).draw(SNAPSHOT, 100).split('\n');
  expect(lines).toContain('  230.1 V   5.41 A   50.01 Hz   PF 0.949');
  expect(lines).toContain('  4231.45 kWh   T1 -  T2 -  T3 -  T4 -');
  expect(lines.join()).not.toContain('L1');
});
