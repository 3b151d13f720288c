import { describe, expect, test } from 'vitest';
import { FAULTS, type FaultRates, TCP_FAULTS } from '../../agent/simulator/fault-names.ts';
import { type FastRun, type FastRunOptions, fastRun, SPEED_UP, wrongValues } from '../support/fast-line.ts';

const STEP_MS = 1000 / SPEED_UP;

/** Each fault alone at 10 %, all at once at 10 % each, and no fault. */
function faultSets(transport: FastRunOptions['transport']): [string, FaultRates][] {
  const faults = transport === 'tcp' ? TCP_FAULTS : FAULTS;
  const each = (rate: number) => Object.fromEntries(faults.map((fault) => [fault, rate]));
  return [
    ['no fault', {}],
    ...faults.map((fault): [string, FaultRates] => [`${fault} at 10 %`, { [fault]: 0.1 }]),
    ['every fault at 10 %', each(0.1)],
    ['every fault at 2 %', each(0.02)],
  ];
}

/** Grid points between the first and the last that are neither a reading nor a gap, or are both. */
function unaccounted({ readings, gaps }: FastRun): number[] {
  const seen = new Map<number, number>();
  const count = (timeMs: number) => seen.set(timeMs, (seen.get(timeMs) ?? 0) + 1);
  for (const reading of readings) count(reading.timeMs);
  for (const gap of gaps) for (let timeMs = gap.fromMs; timeMs <= gap.toMs; timeMs += STEP_MS) count(timeMs);
  const times = [...seen.keys()];
  const wrong: number[] = [];
  for (let timeMs = Math.min(...times); timeMs <= Math.max(...times); timeMs += STEP_MS) {
    if (seen.get(timeMs) !== 1) wrong.push(timeMs);
  }
  return wrong;
}

/** One test for each set of faults: every grid point is right or a gap. */
export function describeLineFaults(transport: FastRunOptions['transport'], ticks: number, seed: number): void {
  describe.concurrent(`a line over ${transport} with faults, ${ticks} ticks, seed ${seed}`, () => {
    test.for(faultSets(transport))('%s: each second right or a gap', async ([name, faults]) => {
      const run = await fastRun({ seed, ticks, faults, transport });
      expect(wrongValues(run)).toEqual([]);
      expect(unaccounted(run)).toEqual([]);
      if (name !== 'no fault') expect(run.struck).toBeGreaterThan(0);
      // Faults cost some seconds, never all: a line that gives nothing would pass the checks above. To open a port again
      // takes real time, which is many of these short seconds on a busy machine.
      const least = name === 'every fault at 10 %' ? 0.02 : name.startsWith('unplug') ? 0.1 : 0.3;
      expect(run.readings.length).toBeGreaterThan(ticks * least);
    });
  });
}
