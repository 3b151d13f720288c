import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { RawColumns } from '../../../agent/web/api/raw-columns.ts';
import { rawSteps } from '../../../agent/web/api/raw-steps.ts';
import { tableOf } from '../../../agent/web/api/steps.ts';

const NOON_MS = Date.parse('2026-09-20T10:00Z');

/** Readings on a grid of seconds, some of them missing. */
const readings = fc.record({
  offsetS: fc.integer({ min: 0, max: 5000 }),
  intervalS: fc.constantFrom(1, 2, 10, 60),
  values: fc.array(fc.option(fc.integer({ min: -20_000, max: 20_000 }), { nil: undefined, freq: 5 }), {
    minLength: 1,
    maxLength: 800,
    size: 'max',
  }),
  points: fc.integer({ min: 10, max: 300 }),
});

function columnsOf(found: readonly { timeMs: number; value: number }[]): RawColumns {
  const times = found.map(({ timeMs }) => timeMs);
  return { times, series: times.map(() => 0), values: [found.map(({ value }) => value)], steps: [1], peakW: 0 };
}

test('steps keep each extreme, lose no reading, and are no more than was asked for', () => {
  fc.assert(
    fc.property(readings, ({ offsetS, intervalS, values, points }) => {
      const intervalMs = intervalS * 1000;
      const fromMs = NOON_MS + offsetS * 1000;
      const toMs = fromMs + values.length * intervalMs;
      const found = values.flatMap((value, i) => {
        const timeMs = Math.ceil(fromMs / intervalMs) * intervalMs + i * intervalMs;
        return value === undefined || timeMs >= toMs ? [] : [{ timeMs, value }];
      });
      const names = ['active_power'];
      const { stepMs, steps, isHole } = rawSteps(columnsOf(found), { fromMs, toMs, names, points, intervalMs });
      expect(steps.length).toBeLessThanOrEqual(points);
      expect(stepMs % 1000).toBe(0);
      for (const { fromMs: startMs, toMs: endMs, cells } of steps) {
        expect(startMs % stepMs).toBe(0);
        const own = found.filter(({ timeMs }) => timeMs >= startMs && timeMs < endMs).map(({ value }) => value);
        const mean = own.reduce((sum, value) => sum + value, 0) / own.length;
        expect(cells.get('active_power')).toEqual({ mean, min: Math.min(...own), max: Math.max(...own) });
      }
      const starts = new Set(found.map(({ timeMs }) => Math.floor(timeMs / stepMs) * stepMs));
      expect(steps.map((step) => step.fromMs)).toEqual([...starts]);
      const { timesMs, quantities } = tableOf(steps, names, isHole);
      expect(timesMs).toEqual([...new Set(timesMs)].sort((a, b) => a - b));
      const all = found.map(({ value }) => value);
      const shown = (name: string) =>
        (quantities.active_power?.[name] as (number | null)[]).filter((one) => one !== null);
      if (all.length === 0) return;
      expect([Math.min(...shown('min')), Math.max(...shown('max'))]).toEqual([Math.min(...all), Math.max(...all)]);
    }),
    { seed: 9, numRuns: 200 },
  );
});

test('where more than three of four are there, each step without a reading breaks the line', () => {
  fc.assert(
    fc.property(readings, ({ offsetS, values, points }) => {
      const fromMs = NOON_MS + offsetS * 1000;
      const found = values.flatMap((value, i) => (value === undefined ? [] : [{ timeMs: fromMs + i * 1000, value }]));
      fc.pre(found.length > 20 && found.length > 0.75 * values.length);
      const toMs = fromMs + values.length * 1000;
      const names = ['active_power'];
      const { stepMs, steps, isHole } = rawSteps(columnsOf(found), { fromMs, toMs, names, points, intervalMs: 1000 });
      const { timesMs } = tableOf(steps, names, isHole);
      for (const [i, timeMs] of timesMs.entries()) {
        const before = timesMs[i - 1];
        const isStep = (at: number) => steps.some((step) => step.fromMs === at);
        if (before !== undefined && timeMs - before > stepMs)
          expect([isStep(before), isStep(timeMs)]).toEqual([false, false]);
      }
    }),
    { seed: 9, numRuns: 200 },
  );
});
