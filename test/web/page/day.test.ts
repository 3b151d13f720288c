import type { Page } from 'playwright-core';
import { expect, test, vi } from 'vitest';
import { openTab, PATIENCE, tableOf } from '../../support/browser.ts';
import { keepUp } from '../../support/history.ts';
import { startPage } from '../../support/page.ts';
import { livedThrough, wattsAt } from '../../support/page-house.ts';
import { temporaryDirectory } from '../../support/temporary.ts';

const HOUR_MS = 3_600_000;
const BERLIN = { timeZone: 'Europe/Berlin' };
/** Clocks change at 01:00 UTC. */
const LONG_DAY = { date: '2024-10-27', fromMs: Date.parse('2024-10-26T22:00:00Z'), hours: 25 };
const SHORT_DAY = { date: '2024-03-31', fromMs: Date.parse('2024-03-30T23:00:00Z'), hours: 23 };

async function lived({ fromMs, hours }: typeof LONG_DAY, isRead = (_timeMs: number): boolean => true) {
  const stateDir = temporaryDirectory();
  const toMs = fromMs + hours * HOUR_MS;
  livedThrough(stateDir, fromMs - HOUR_MS, toMs + HOUR_MS, { stepMs: 10_000, isRead });
  keepUp(stateDir, BERLIN);
  // Silent for long: still to be looked at.
  const page = await startPage({ stateDir, ...BERLIN, web: { hideAfter: 36_500 * 86_400_000 } });
  return { page, toMs };
}

/** What the house drew in an hour, kWh. */
const drawn = (hourMs: number) => {
  let watts = 0;
  for (let timeMs = hourMs; timeMs < hourMs + HOUR_MS; timeMs += 10_000) watts += wattsAt(timeMs);
  return watts / 360_000;
};

interface Shown {
  timesMs: number[];
  mean: (number | null)[];
  fromMs: number;
  toMs: number;
  stepMs: number;
}

/** What the chart shows. */
function curveIn(tab: Page): Promise<Shown> {
  return tab.evaluate(() => {
    const { timesMs, mean, fromMs, toMs, stepMs } = Reflect.get(document.querySelector('line-chart') ?? {}, 'curve');
    return { timesMs, mean, fromMs, toMs, stepMs } as Shown;
  });
}

for (const day of [LONG_DAY, SHORT_DAY]) {
  test(`a day of ${day.hours} hours has ${day.hours} bars, each what its hour has taken`, async (context) => {
    const { page } = await lived(day);
    const { page: tab, complaints } = await openTab(context, `${page.url}/#/day?date=${day.date}`);
    const rows = await vi.waitFor(async () => {
      const found = await tableOf(tab, 'bar-chart');
      expect(found).toHaveLength(day.hours);
      return found;
    }, PATIENCE);
    expect(await tab.locator('.bar-column').count()).toBe(day.hours);
    for (const [i, [, amount = '']] of rows.entries()) {
      expect(Math.abs(Number(amount) - drawn(day.fromMs + i * HOUR_MS)), rows[i]?.[0]).toBeLessThanOrEqual(0.011);
    }
    const names = rows.map(([name]) => name);
    expect(new Set(names).size).toBe(day.hours);
    if (day === LONG_DAY) expect(names.slice(2, 4)).toEqual(['02:00–02:00 (GMT+2)', '02:00–03:00 (GMT+1)']);
    expect(await tab.locator('h1').textContent()).toMatch(/2024$/);
    expect(complaints).toEqual([]);
  });
}

test('the curve of a day is what was read, in minutes, and broken where nothing was', async (context) => {
  const holeMs = LONG_DAY.fromMs + 12 * HOUR_MS;
  const { page, toMs } = await lived(LONG_DAY, (timeMs) => timeMs < holeMs || timeMs >= holeMs + HOUR_MS);
  const { page: tab, complaints } = await openTab(context, `${page.url}/#/day?date=${LONG_DAY.date}`);
  const curve = () => curveIn(tab);
  await vi.waitFor(async () => expect((await curve()).fromMs).toBe(LONG_DAY.fromMs), PATIENCE);
  const whole = await curve();
  expect(whole).toMatchObject({ toMs, stepMs: 60_000 });
  const known = whole.timesMs.filter((_, i) => whole.mean[i] !== null);
  expect(known).toHaveLength((LONG_DAY.hours - 1) * 60);
  expect(known.some((timeMs) => timeMs >= holeMs && timeMs < holeMs + HOUR_MS)).toBe(false);
  // Broken, not joined.
  expect(whole.mean[whole.timesMs.findIndex((timeMs) => timeMs >= holeMs)]).toBeNull();
  for (const timeMs of known) {
    const mean = [0, 1, 2, 3, 4, 5].reduce((sum, n) => sum + wattsAt(timeMs + n * 10_000), 0) / 6;
    expect(whole.mean[whole.timesMs.indexOf(timeMs)]).toBeCloseTo(mean, 1);
  }
  expect(complaints).toEqual([]);
});

test('a stretch that is drawn across is shown in seconds; Escape, a double click and an hour lead back and forth', async (context) => {
  const stateDir = temporaryDirectory();
  const noonMs = LONG_DAY.fromMs + 10 * HOUR_MS;
  livedThrough(stateDir, noonMs, noonMs + 2 * HOUR_MS, { stepMs: 1000 });
  const page = await startPage({ stateDir, ...BERLIN, web: { hideAfter: 36_500 * 86_400_000 } });
  const { page: tab, complaints } = await openTab(context, `${page.url}/#/day?date=${LONG_DAY.date}`);
  const curve = () => curveIn(tab);
  await vi.waitFor(async () => expect((await curve()).fromMs).toBe(LONG_DAY.fromMs), PATIENCE);
  const box = await tab.locator('.u-over').boundingBox();
  if (!box) throw new Error('there is no chart');
  await tab.mouse.move(box.x + box.width * 0.44, box.y + 40);
  await tab.mouse.down();
  await tab.mouse.move(box.x + box.width * 0.45, box.y + 50, { steps: 4 });
  await tab.mouse.up();
  await vi.waitFor(async () => expect((await curve()).stepMs).toBe(1000), PATIENCE);
  const zoomed = await curve();
  expect(zoomed.fromMs).toBeGreaterThan(LONG_DAY.fromMs);
  for (const [i, timeMs] of zoomed.timesMs.entries()) {
    expect(zoomed.mean[i]).toBe(wattsAt(timeMs));
  }
  await tab.keyboard.press('Escape');
  await vi.waitFor(async () => expect((await curve()).fromMs).toBe(LONG_DAY.fromMs), PATIENCE);
  // An hour that is chosen as well.
  await tab.locator('.bar-column').nth(3).click();
  await vi.waitFor(
    async () =>
      expect(await curve()).toMatchObject({
        fromMs: LONG_DAY.fromMs + 3 * HOUR_MS,
        toMs: LONG_DAY.fromMs + 4 * HOUR_MS,
      }),
    PATIENCE,
  );
  await tab.locator('.u-over').dblclick();
  await vi.waitFor(async () => expect((await curve()).fromMs).toBe(LONG_DAY.fromMs), PATIENCE);
  expect(complaints).toEqual([]);
});

test('a finger that is drawn across chooses a stretch as well', async (context) => {
  const { page } = await lived(SHORT_DAY);
  const phone = { hasTouch: true, isMobile: true, viewport: { width: 360, height: 740 } };
  const { page: tab } = await openTab(context, `${page.url}/#/day?date=${SHORT_DAY.date}`, phone);
  await vi.waitFor(async () => expect((await curveIn(tab)).fromMs).toBe(SHORT_DAY.fromMs), PATIENCE);
  const box = await tab.locator('.u-over').boundingBox();
  if (!box) throw new Error('there is no chart');
  const finger = await tab.context().newCDPSession(tab);
  const touch = (type: 'touchStart' | 'touchMove' | 'touchEnd', share: number) =>
    finger.send('Input.dispatchTouchEvent', {
      type,
      touchPoints: type === 'touchEnd' ? [] : [{ x: box.x + box.width * share, y: box.y + 40 }],
    });
  await touch('touchStart', 0.25);
  for (const share of [0.3, 0.4, 0.5]) await touch('touchMove', share);
  await touch('touchEnd', 0.5);
  await vi.waitFor(async () => expect((await curveIn(tab)).fromMs).toBeGreaterThan(SHORT_DAY.fromMs), PATIENCE);
  const { fromMs, toMs } = await curveIn(tab);
  const [share, spanMs] = [(fromMs - SHORT_DAY.fromMs) / (SHORT_DAY.hours * HOUR_MS), toMs - fromMs];
  expect(share).toBeCloseTo(0.25, 1);
  expect(spanMs / (SHORT_DAY.hours * HOUR_MS)).toBeCloseTo(0.25, 1);
});

test('tariffs are told by their share', async (context) => {
  const { page } = await lived(SHORT_DAY);
  const { page: tab } = await openTab(context, `${page.url}/#/day?date=${SHORT_DAY.date}`);
  await vi.waitFor(async () => expect(await tab.locator('.legend li').count()).toBe(2), PATIENCE);
  expect(await tab.locator('.legend').innerText()).toMatch(/T1[\s\S]*75\s%[\s\S]*T2[\s\S]*25\s%/);
});
