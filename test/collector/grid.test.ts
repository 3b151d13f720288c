import { expect, test } from 'vitest';
import { Grid, type Tick } from '../../agent/collector/grid.ts';
import { FakeClock } from '../support/fake-clock.ts';

/** What a tick says of its point. */
const point = ({ offsetMs, ...rest }: Tick) => rest;

async function ticks(grid: Grid, clock: FakeClock, count: number, workMs = 0): Promise<Tick[]> {
  const result: Tick[] = [];
  for (let i = 0; i < count; i++) {
    result.push(await grid.next());
    clock.pass(workMs);
  }
  return result;
}

test('ticks are whole seconds, each once, without drift, however late timers are', async () => {
  const clock = new FakeClock(10_800);
  clock.lateMs = 3;
  const seen = await ticks(new Grid(1000, clock), clock, 1000, 217);
  expect(seen.map((tick) => tick.timeMs)).toEqual(Array.from({ length: 1000 }, (_, i) => 11_000 + i * 1000));
  expect(seen.some((tick) => tick.missed)).toBe(false);
});

test('a start early in a second serves that second; a later one the next; one that was served is not served again', async () => {
  const first = async (wall: number, served?: number) =>
    (await new Grid(1000, new FakeClock(wall), served).next()).timeMs;
  expect(await first(10_300)).toBe(10_000);
  expect(await first(10_770)).toBe(11_000);
  expect(await first(10_300, 10_000)).toBe(11_000);
});

test('a meter that takes half a second is not asked for a second that has less left', async () => {
  const first = async (wall: number, sampleMs: number) =>
    (await new Grid(1000, new FakeClock(wall), undefined, sampleMs).next()).timeMs;
  expect(await first(10_400, 530)).toBe(10_000);
  expect(await first(10_500, 530)).toBe(11_000);
  expect(await first(10_001, 2000)).toBe(11_000);
});

test('after a stall nothing bunches: what was missed is told, the present second is served if its first half is not over', async () => {
  const clock = new FakeClock(10_900);
  const grid = new Grid(1000, clock);
  await grid.next();
  clock.pass(4300);
  expect(point(await grid.next())).toEqual({
    timeMs: 15_000,
    missed: { fromMs: 12_000, toMs: 14_000, cause: 'stalled' },
  });
  clock.pass(2700);
  expect(point(await grid.next())).toEqual({
    timeMs: 18_000,
    missed: { fromMs: 16_000, toMs: 17_000, cause: 'stalled' },
  });
  expect(point(await grid.next())).toEqual({ timeMs: 19_000 });
});

test('a short overrun costs no second', async () => {
  const clock = new FakeClock(10_900);
  const grid = new Grid(1000, clock);
  await grid.next();
  clock.pass(1400);
  expect(point(await grid.next())).toEqual({ timeMs: 12_000 });
  expect(clock.wall).toBe(12_400);
});

test('a clock that is set forward is told from a stall', async () => {
  const clock = new FakeClock(10_900);
  const grid = new Grid(1000, clock);
  await grid.next();
  clock.wall += 3_600_000;
  const tick = await grid.next();
  expect(tick.timeMs).toBeGreaterThanOrEqual(3_611_000);
  expect(tick.missed).toMatchObject({ fromMs: 12_000, cause: 'clock' });
});

test('a clock that is set back goes on at once, on the new second', async () => {
  const clock = new FakeClock(100_900);
  const grid = new Grid(1000, clock);
  await grid.next();
  clock.wall -= 60_000;
  expect(point(await grid.next())).toEqual({ timeMs: 42_000 });
  expect(point(await grid.next())).toEqual({ timeMs: 43_000 });
});

test('a slow slew of the clock is followed, second by second', async () => {
  const clock = new FakeClock(10_900);
  const grid = new Grid(1000, clock);
  const seen: number[] = [];
  for (let i = 0; i < 300; i++) {
    seen.push((await grid.next()).timeMs);
    clock.wall += i % 2 === 0 ? 4 : -3;
  }
  expect(seen).toEqual(Array.from({ length: 300 }, (_, i) => 11_000 + i * 1000));
});

test('an interval of 10 s is aligned to its multiples', async () => {
  const clock = new FakeClock(17_700);
  expect((await ticks(new Grid(10_000, clock), clock, 3)).map((tick) => tick.timeMs)).toEqual([20_000, 30_000, 40_000]);
});
