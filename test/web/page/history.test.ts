import { expect, test, vi } from 'vitest';
import { openTab, PATIENCE, tableOf } from '../../support/browser.ts';
import { keepUp, openHistory } from '../../support/history.ts';
import { startPage } from '../../support/page.ts';
import { livedThrough } from '../../support/page-house.ts';
import { temporaryDirectory } from '../../support/temporary.ts';

const BERLIN = { timeZone: 'Europe/Berlin' };
const berlin = (text: string) => Date.parse(`${text}+01:00`);

/** From the middle of January 2024 to the middle of March, with two days that nothing was read on. */
async function lived() {
  const stateDir = temporaryDirectory();
  const silent = [berlin('2024-02-10T12:00:00'), berlin('2024-02-12T06:00:00')] as const;
  const isRead = (timeMs: number) => timeMs < silent[0] || timeMs >= silent[1];
  livedThrough(stateDir, berlin('2024-01-15T10:00:00'), berlin('2024-03-10T00:00:00'), { stepMs: 300_000, isRead });
  keepUp(stateDir, BERLIN);
  return { stateDir, page: await startPage({ stateDir, ...BERLIN, web: { hideAfter: 36_500 * 86_400_000 } }) };
}

test('days of a month are what the history has; what is guessed is told; a bar leads to its day', async (context) => {
  const { page, stateDir } = await lived();
  const { page: tab, complaints } = await openTab(context, `${page.url}/#/history?by=month&at=2024-02`);
  const rows = await vi.waitFor(async () => {
    const found = await tableOf(tab, 'bar-chart');
    expect(found).toHaveLength(29);
    return found;
  }, PATIENCE);
  const range = { fromMs: berlin('2024-02-01T00:00:00'), toMs: berlin('2024-03-01T00:00:00') };
  const [house] = openHistory(stateDir, BERLIN.timeZone).energy(range, 'day');
  const days = house?.periods ?? [];
  expect(rows.map(([, amount]) => amount)).toEqual(
    days.map(({ energies }) => energies.active_energy?.amount.toFixed(2)),
  );
  const guessed = rows.flatMap(([name = '', , remark]) => (remark === 'partly estimated' ? [name] : []));
  expect(guessed.map((name) => /\d+/.exec(name)?.[0])).toEqual(['10', '11', '12']);
  expect(await tab.locator('.bar.estimated').count()).toBe(3);
  expect(await tab.locator('.bar.ghost').count()).toBeGreaterThan(10);
  expect(await tab.locator('.sentence').textContent()).toMatch(/whole days .* (more|less) than|as much as/);
  await tab.locator('.bar-column').nth(4).click();
  await vi.waitFor(
    async () => expect(await tab.locator('h1').textContent()).toMatch(/^Monday,? 5 February 2024$/),
    PATIENCE,
  );
  expect(complaints).toEqual([]);
});

test('years lead to months, months to days; base load and peak stand beside them', async (context) => {
  const { page } = await lived();
  const { page: tab, complaints } = await openTab(context, `${page.url}/#/history?by=all`);
  const bar = (label: string) => tab.locator('.bar-column', { has: tab.locator(`.bar-label:text-is("${label}")`) });
  await bar('2024').click();
  await vi.waitFor(async () => expect(await tab.locator('h1').textContent()).toBe('2024'), PATIENCE);
  await vi.waitFor(
    async () =>
      expect((await tableOf(tab, 'bar-chart')).map(([, amount]) => amount).slice(3)).toEqual(Array(9).fill('–')),
    PATIENCE,
  );
  await bar('Feb').click();
  await vi.waitFor(async () => expect(await tab.locator('h1').textContent()).toBe('February 2024'), PATIENCE);
  await vi.waitFor(
    async () => expect(await tab.locator('[data-quantity=base] .figure').textContent()).toMatch(/^20\d$/),
    PATIENCE,
  );
  expect(await tab.locator('[data-quantity=peak] .figure').textContent()).toMatch(/^60\d$/);
  await tab.getByRole('button', { name: 'Period before' }).click();
  await vi.waitFor(async () => expect(await tab.locator('h1').textContent()).toBe('January 2024'), PATIENCE);
  expect(complaints).toEqual([]);
});
