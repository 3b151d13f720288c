import { expect, type TestContext, test, vi } from 'vitest';
import { readOnce } from '../../../agent/journal/reader.ts';
import { openTab, PATIENCE } from '../../support/browser.ts';
import { collectorWithPage } from '../../support/collector-with-page.ts';

const CLOCK = new Intl.DateTimeFormat('en-GB', { timeZone: 'Europe/Berlin', timeStyle: 'medium' });

test('a collector is killed and started again, and the page shows each second that it reads, without a hand', async (context: TestContext) => {
  const { stateDir, url, begin } = await collectorWithPage('Europe/Berlin');
  const first = await begin();
  const { page: tab, complaints } = await openTab(context, url);
  /** Powers by the clock of their second, until so many have been shown. */
  const watch = async (count: number) => {
    const shown = new Map<string, string>();
    await vi.waitFor(
      async () => {
        // Both at once: the next reading may come between.
        const [time = '', power = ''] = await tab.evaluate(() =>
          ['.hero-time', '#power'].map((place) => document.querySelector(place)?.textContent ?? ''),
        );
        if (/^\d\d:\d\d:\d\d$/.test(time)) shown.set(time, power);
        expect(shown.size).toBeGreaterThanOrEqual(count);
      },
      { timeout: 30_000, interval: 50 },
    );
    return shown;
  };
  const before = await watch(5);
  await first.end('SIGKILL');
  await vi.waitFor(async () => expect(await tab.locator('#state').textContent()).toBe('Offline'), PATIENCE);
  await begin();
  await vi.waitFor(async () => expect(await tab.locator('#state').textContent()).toBe('Live'), PATIENCE);
  const after = await watch(4);
  const readings = readOnce(stateDir, (reader) => reader.readings({ fromMs: 0, toMs: Number.MAX_SAFE_INTEGER }));
  const known = new Map(readings.map(({ timeMs, values }) => [CLOCK.format(timeMs), values.active_power]));
  for (const [time, power] of [...before, ...after]) {
    expect(known.get(time)?.toLocaleString('en-GB'), time).toBe(power);
  }
  expect(complaints.filter((text) => !/ERR_(?:CONNECTION|INCOMPLETE|EMPTY)/.test(text))).toEqual([]);
});
