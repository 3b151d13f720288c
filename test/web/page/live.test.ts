import { expect, type TestContext, test, vi } from 'vitest';
import { openTab, PATIENCE, tableOf } from '../../support/browser.ts';
import { startPage } from '../../support/page.ts';
import { livedThrough, missed, reading, tell, tellGap, wattsAt } from '../../support/page-house.ts';
import { afterTest } from '../../support/side-by-side.ts';
import { temporaryDirectory } from '../../support/temporary.ts';

const nowMs = () => Math.floor(Date.now() / 1000) * 1000;
const shownPower = (timeMs: number) => String(wattsAt(timeMs));
/** As the clock is in Berlin. */
const clockOf = (timeMs: number) =>
  new Intl.DateTimeFormat('en-GB', { timeZone: 'Europe/Berlin', timeStyle: 'medium' }).format(timeMs);

async function house(port?: number) {
  const stateDir = temporaryDirectory();
  const endMs = nowMs() - 5000;
  const holeMs = endMs - 120_000;
  const isRead = (timeMs: number) => timeMs < holeMs || timeMs >= holeMs + 30_000;
  livedThrough(stateDir, endMs - 300_000, endMs, { stepMs: 1000, isRead });
  missed(stateDir, holeMs, holeMs + 29_000, 'timeout');
  const options = { stateDir, timeZone: 'Europe/Berlin', ...(port !== undefined && { port }) };
  const page = await startPage(options);
  return { page, options, stateDir, endMs, holeMs };
}

/** A reading each second, as a collector tells it. */
function reads({ page }: Awaited<ReturnType<typeof house>>) {
  const timer = setInterval(() => tell(page.feed, reading(nowMs())), 1000);
  const end = () => clearInterval(timer);
  afterTest(end);
  return end;
}

test('each reading is shown as it comes, large and with its time', async (context: TestContext) => {
  const lived = await house();
  const { page: tab, complaints } = await openTab(context, lived.page.url);
  await vi.waitFor(
    async () => expect(await tab.locator('#state').getAttribute('data-state')).toBe('waiting'),
    PATIENCE,
  );
  const firstMs = nowMs();
  for (const timeMs of [firstMs, firstMs + 1000, firstMs + 2000]) {
    tell(lived.page.feed, reading(timeMs, 1000.5));
    await vi.waitFor(async () => expect(await tab.locator('.hero-time').textContent()).toBe(clockOf(timeMs)), PATIENCE);
    expect(await tab.locator('#power').textContent()).toBe(shownPower(timeMs));
  }
  expect(await tab.locator('#state').textContent()).toBe('Live');
  expect(await tab.locator('[data-quantity=voltage] .figure').textContent()).toBe('230.1');
  expect(await tab.locator('[data-quantity=frequency] .figure').textContent()).toBe('50.02');
  expect(await tab.locator('[data-quantity=counter] .figure').textContent()).toBe('1,000.50');
  expect(complaints).toEqual([]);
});

test('the curve of the last ten minutes is what the journal has, with a gap where nothing was read', async (context) => {
  const { page, endMs, holeMs } = await house();
  const { page: tab, complaints } = await openTab(context, page.url);
  await vi.waitFor(async () => expect((await tableOf(tab, 'line-chart')).length).toBeGreaterThan(200), PATIENCE);
  const rows = new Map((await tableOf(tab, 'line-chart')).map(([time = '', value = '']) => [time, value]));
  for (let timeMs = endMs - 300_000; timeMs < endMs; timeMs += 1000) {
    const isHole = timeMs >= holeMs && timeMs < holeMs + 30_000;
    // Of a hole its ends are enough.
    const found = rows.get(clockOf(timeMs));
    if (isHole) expect(found ?? 'not read', clockOf(timeMs)).toBe('not read');
    else expect(found, clockOf(timeMs)).toBe(shownPower(timeMs));
  }
  expect([...rows.values()].filter((value) => value === 'not read').length).toBeGreaterThan(0);
  expect(await tab.locator('line-chart .words').textContent()).toMatch(/Not read: \d+/);
  expect(complaints).toEqual([]);
});

test('a meter that no longer answers is said to, with its cause, and comes back by itself', async (context) => {
  const { page } = await house();
  const { page: tab } = await openTab(context, page.url);
  const firstMs = nowMs();
  tell(page.feed, reading(firstMs));
  await vi.waitFor(async () => expect(await tab.locator('#state').textContent()).toBe('Live'), PATIENCE);
  tellGap(page.feed, firstMs + 1000, 'timeout');
  await vi.waitFor(
    async () => expect(await tab.locator('.hero-note').textContent()).toBe('Not read: no answer.'),
    PATIENCE,
  );
  await vi.waitFor(async () => expect(await tab.locator('#state').textContent()).toBe('No readings'), PATIENCE);
  expect(await tab.locator('.hero-note').textContent()).toContain(`The last reading is of ${clockOf(firstMs)}.`);
  tell(page.feed, reading(nowMs() + 1000));
  await vi.waitFor(async () => expect(await tab.locator('#state').textContent()).toBe('Live'), PATIENCE);
});

test('after a restart of the server the page goes on by itself, with what it has missed', async (context) => {
  const lived = await house();
  const { page: tab, complaints } = await openTab(context, lived.page.url);
  const endReads = reads(lived);
  await vi.waitFor(async () => expect(await tab.locator('#state').textContent()).toBe('Live'), PATIENCE);
  endReads();
  await lived.page.stop();
  await vi.waitFor(async () => expect(await tab.locator('#state').textContent()).toBe('Offline'), PATIENCE);
  expect(await tab.locator('.hero-note').textContent()).toContain('No connection to the agent');
  const missedMs = nowMs();
  livedThrough(lived.stateDir, missedMs, missedMs + 1000, { stepMs: 1000 });
  const again = await startPage({ ...lived.options, port: Number(new URL(lived.page.url).port) });
  reads({ ...lived, page: again });
  await vi.waitFor(async () => expect(await tab.locator('#state').textContent()).toBe('Live'), PATIENCE);
  await vi.waitFor(async () => {
    const rows = await tableOf(tab, 'line-chart');
    expect(rows.find(([time]) => time === clockOf(missedMs))?.[1]).toBe(shownPower(missedMs));
  }, PATIENCE);
  // A server that is not there is what the browser itself complains of.
  expect(
    complaints.filter((text) => !/ERR_CONNECTION_REFUSED|ERR_CONNECTION_RESET|ERR_INCOMPLETE|ERR_EMPTY/.test(text)),
  ).toEqual([]);
});

test('a view that the server could not fill is filled once it is there again', async (context) => {
  const lived = await house();
  const { page: tab } = await openTab(context, lived.page.url);
  await vi.waitFor(
    async () => expect(await tab.locator('#state').getAttribute('data-state')).toBe('waiting'),
    PATIENCE,
  );
  await tab.locator('nav [data-view=history]').click();
  await tab.locator('history-view .bar-column').first().waitFor();
  await lived.page.stop();
  await tab.getByRole('button', { name: 'Period before' }).click();
  await vi.waitFor(
    async () => expect(await tab.getByRole('alert').textContent()).toBe('The agent cannot be reached; trying again.'),
    PATIENCE,
  );
  await startPage({ ...lived.options, port: Number(new URL(lived.page.url).port) });
  await tab.getByRole('alert').waitFor({ state: 'hidden' });
  expect(await tab.locator('history-view .words').textContent()).toBe('Nothing was read in this time.');
});

test('nobody looks, nothing is streamed; who looks again finds what was missed', async (context) => {
  const { page, stateDir } = await house();
  const { page: tab } = await openTab(context, page.url);
  const hide = (state: string) =>
    tab.evaluate((value) => {
      Object.defineProperty(document, 'visibilityState', { value, configurable: true });
      document.dispatchEvent(new Event('visibilitychange'));
    }, state);
  tell(page.feed, reading(nowMs()));
  await vi.waitFor(async () => expect(await tab.locator('#state').textContent()).toBe('Live'), PATIENCE);
  const asked: string[] = [];
  tab.on('request', (request) => asked.push(new URL(request.url()).pathname));
  await hide('hidden');
  const hiddenMs = nowMs() + 1000;
  livedThrough(stateDir, hiddenMs, hiddenMs + 1000, { stepMs: 1000 });
  tell(page.feed, reading(hiddenMs + 1000));
  await hide('visible');
  await vi.waitFor(() => expect(asked).toEqual(expect.arrayContaining(['/api/v1/stream', '/api/v1/series'])), PATIENCE);
  await vi.waitFor(async () => {
    const rows = await tableOf(tab, 'line-chart');
    expect(rows.find(([time]) => time === clockOf(hiddenMs))?.[1]).toBe(shownPower(hiddenMs));
  }, PATIENCE);
});
