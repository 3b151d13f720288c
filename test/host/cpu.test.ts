import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { type CpuCounters, cpuCounters, cpuFrequency, cpuLoad } from '../../agent/host/cpu.ts';
import { cpuLoadSince } from '../../agent/host/cpu-history.ts';
import { temporaryDirectory } from '../support/temporary.ts';
import { PC, PI } from './fixtures.ts';

/** A machine of one core with these ticks, as a root of its own. */
function machine(busy: number, idle: number, root = temporaryDirectory()): string {
  mkdirSync(join(root, 'proc'), { recursive: true });
  const fields = `${busy} 0 0 ${idle} 0 0 0 0 0 0`;
  writeFileSync(join(root, 'proc/stat'), `cpu  ${fields}\ncpu0 ${fields}\nintr 1 2 3\n`);
  return root;
}

const counters = (busy: number, total: number): CpuCounters => ({ cpu: { busy, total }, cpu0: { busy, total } });

test('counters of each core and of all; guests are not counted twice', () => {
  const { cpu, cpu0, ...rest } = cpuCounters(PI);
  expect(cpu0).toEqual({ busy: 48211 + 103 + 26120 + 2011, total: 48211 + 103 + 26120 + 2011 + 2806012 + 5611 });
  expect(cpu?.total).toBe(184213 + 412 + 96840 + 11240310 + 20811 + 3122);
  expect(Object.keys(rest)).toEqual(['cpu1', 'cpu2', 'cpu3']);
});

test.for([
  ['a quarter', counters(100, 1000), counters(150, 1200), { cpu_load_percent: 25, cpu0_load_percent: 25 }],
  [
    'iowait that ran backwards',
    counters(100, 1000),
    counters(160, 1050),
    { cpu_load_percent: 100, cpu0_load_percent: 100 },
  ],
  ['a reboot', counters(5000, 90_000), counters(10, 200), {}],
  ['a reboot that is longer ago than the one before', counters(5000, 90_000), counters(10, 100_000), {}],
  ['looks too near to each other', counters(100, 1000), counters(101, 1010), {}],
  ['looks too far from each other', counters(100, 1000), counters(101, 200_000), {}],
  ['no earlier look', {}, counters(100, 1000), {}],
  ['a broken earlier look', { cpu: 7 } as unknown as CpuCounters, counters(100, 1000), {}],
  ['no counters at all', {}, {}, {}],
] as const)('load after %s', ([, before, after, expected]) => {
  expect(cpuLoad(before, after)).toEqual(expected);
});

test('a core that came on-line since has no load yet', () => {
  const after = { cpu: { busy: 200, total: 4000 }, cpu0: { busy: 100, total: 2000 }, cpu1: { busy: 100, total: 2000 } };
  expect(Object.keys(cpuLoad(counters(50, 1000), after))).toEqual(['cpu_load_percent', 'cpu0_load_percent']);
});

test('the first run samples for a moment, the next one spans the time since', async () => {
  const path = join(temporaryDirectory(), 'host-cpu.json');
  const root = machine(100, 900);
  setTimeout(() => machine(120, 920, root), 50);
  expect(await cpuLoadSince(root, path)).toEqual({ cpu_load_percent: 50, cpu0_load_percent: 50 });
  machine(180, 1160, root);
  expect(await cpuLoadSince(root, path)).toEqual({ cpu_load_percent: 20, cpu0_load_percent: 20 });
  expect(JSON.parse(readFileSync(path, 'utf8'))).toEqual(counters(180, 1340));
});

test.for([
  '',
  '{',
  'null',
  '[]',
  '{"cpu":{"busy":"x"}}',
])('what is kept is not believed when it is %j', async (kept) => {
  const path = join(temporaryDirectory(), 'host-cpu.json');
  writeFileSync(path, kept);
  const root = machine(100, 900);
  setTimeout(() => machine(110, 930, root), 50);
  expect(await cpuLoadSince(root, path)).toMatchObject({ cpu_load_percent: 25 });
});

test('counters that cannot be kept, or are not there, stop nothing', async () => {
  const root = machine(100, 900);
  setTimeout(() => machine(110, 930, root), 50);
  expect(await cpuLoadSince(root, '/nowhere/host-cpu.json')).toMatchObject({ cpu_load_percent: 25 });
  expect(await cpuLoadSince(temporaryDirectory(), undefined)).toEqual({});
});

test('frequency in hertz; absent where the kernel does not set one', () => {
  expect(cpuFrequency(PI)).toEqual({ cpu_frequency_hertz: 1_500_000_000 });
  expect(cpuFrequency(PC)).toEqual({});
});
