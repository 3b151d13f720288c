import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import type { Page } from 'playwright-core';
import { expect, test, vi } from 'vitest';
import { hashPassword } from '../../../agent/web/http/password.ts';
import { openTab, PATIENCE } from '../../support/browser.ts';
import { keepUp } from '../../support/history.ts';
import { HOUSE, startPage } from '../../support/page.ts';
import { livedThrough, reading, tell } from '../../support/page-house.ts';
import { temporaryDirectory } from '../../support/temporary.ts';

const AXE = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');
const BERLIN = { timeZone: 'Europe/Berlin' };
const VIEWS = ['now', 'day', 'history', 'health'];
const SCHEMES = ['light', 'dark'] as const;
const PHONE = { width: 360, height: 740 };

async function house(options: Partial<Parameters<typeof startPage>[0]> = {}) {
  const stateDir = temporaryDirectory();
  const nowMs = Math.floor(Date.now() / 1000) * 1000;
  livedThrough(stateDir, nowMs - 40 * 3_600_000, nowMs, { stepMs: 60_000 });
  keepUp(stateDir, BERLIN);
  const page = await startPage({ stateDir, ...BERLIN, ...options });
  tell(page.feed, reading(nowMs));
  return page;
}

/** What of a view shows that it is there as a whole. */
const READY: Record<string, string> = {
  now: '.health-line .mark',
  day: '.bar-column',
  history: '.bar-column',
  health: '.facts',
};

/** Of its tables, or of what stands in their place. */
const ROWS: Record<string, string> = {
  now: '.data tbody tr',
  day: 'bar-chart tbody tr',
  history: '.data tbody tr',
  health: '.facts',
};

async function go(tab: Page, view: string): Promise<void> {
  await tab.evaluate((name) => {
    location.hash = `#/${name}`;
  }, view);
  await tab.locator(`${view}-view ${READY[view]}`).first().waitFor();
  // Tables are a part of it.
  await tab.locator('details.data').evaluateAll((all) => {
    for (const details of all) details.setAttribute('open', '');
  });
  await tab.locator(`${view}-view ${ROWS[view]}`).first().waitFor();
}

interface Violation {
  id: string;
  impact: string;
  nodes: { html: string }[];
}

/** What axe finds of serious and critical. */
async function violations(tab: Page): Promise<string[]> {
  // Not as a script of the page, which its policy forbids.
  const found = (await tab.evaluate(`${AXE}; axe.run(document, { resultTypes: ['violations'] })`)) as {
    violations: Violation[];
  };
  return found.violations
    .filter(({ impact }) => ['serious', 'critical'].includes(impact))
    .map(({ id, nodes }) => `${id}: ${nodes.map(({ html }) => html.slice(0, 120)).join(' | ')}`);
}

for (const colorScheme of SCHEMES) {
  test(`${colorScheme}: axe finds nothing serious in any view, and a phone scrolls none of them sideways`, async (context) => {
    const { url } = await house({ meters: [HOUSE, { ...HOUSE, name: 'garage-and-workshop' }] });
    const { page: tab, complaints } = await openTab(context, url, { colorScheme, viewport: PHONE });
    for (const view of VIEWS) {
      await go(tab, view);
      expect(await violations(tab), view).toEqual([]);
      const hidden = await tab.evaluate(
        () => document.documentElement.scrollWidth - document.documentElement.clientWidth,
      );
      expect(hidden, view).toBe(0);
    }
    expect(complaints).toEqual([]);
  });
}

test('all can be reached and read with keys alone', async (context) => {
  const { url } = await house();
  const { page: tab } = await openTab(context, url);
  await tab.locator('now-view .plot').waitFor();
  const focused = () => tab.evaluate(() => document.activeElement?.textContent?.trim() ?? '');
  const label = () => tab.evaluate(() => document.activeElement?.getAttribute('aria-label') ?? '');
  await tab.keyboard.press('Tab');
  expect(await focused()).toBe('Skip to the readings');
  const names: string[] = [];
  for (let n = 0; n < 4; n++) {
    await tab.keyboard.press('Tab');
    names.push(await focused());
  }
  expect(names).toEqual(['Now', 'Day', 'History', 'Health']);
  await tab.keyboard.press('Shift+Tab');
  await tab.keyboard.press('Shift+Tab');
  await tab.keyboard.press('Enter');
  await tab.locator('day-view .bar-column').first().waitFor();
  await tab.getByRole('button', { name: 'Day before' }).press('Enter');
  await vi.waitFor(async () => {
    await tab.locator('day-view .plot').focus();
    await tab.keyboard.press('Home');
    expect(await tab.locator('day-view [aria-live]').textContent()).toMatch(/^00:00 · \d+ W/);
  }, PATIENCE);
  await tab.keyboard.press('ArrowRight');
  expect(await tab.locator('day-view [aria-live]').textContent()).toMatch(/^00:01 · /);
  // One stop for all bars; within them the arrows go.
  await tab.locator('day-view .bar-column').first().focus();
  await tab.keyboard.press('ArrowRight');
  expect(await label()).toMatch(/^01:00–/);
  await tab.keyboard.press('End');
  expect(await label()).toMatch(/^23:00–00:00/);
  const outline = await tab.evaluate(() => getComputedStyle(document.activeElement as Element).outlineStyle);
  expect(outline).toBe('solid');
});

test('the password is asked for, a wrong one is told, the right one opens the view that was wanted', async (context) => {
  const page = await house({ web: { passwordHash: hashPassword('a long enough one') } });
  const { page: tab, complaints } = await openTab(context, `${page.url}/#/health`);
  await tab.locator('#password').waitFor();
  expect(await violations(tab)).toEqual([]);
  expect(complaints).toEqual([]);
  await tab.fill('#password', 'something else');
  await tab.keyboard.press('Enter');
  await vi.waitFor(
    async () =>
      expect(await tab.locator('login-form [role=alert]').textContent()).toBe('This is not the password; try again.'),
    PATIENCE,
  );
  await tab.fill('#password', 'a long enough one');
  await tab.keyboard.press('Enter');
  await tab.locator('health-view .facts').first().waitFor();
  await tab.getByRole('button', { name: 'Sign out' }).click();
  await tab.locator('#password').waitFor();
});

test('of several meters one is chosen, and stays chosen', async (context) => {
  const { url } = await house({ meters: [HOUSE, { ...HOUSE, name: 'garage' }] });
  const { page: tab } = await openTab(context, url);
  await tab.locator('now-view').waitFor();
  expect(await tab.locator('.hero-label').textContent()).toContain('house');
  await tab.selectOption('#meter', 'garage');
  await vi.waitFor(async () => expect(await tab.locator('.hero-label').textContent()).toContain('garage'), PATIENCE);
  expect(await tab.locator('#power').textContent()).toBe('–');
  await tab.reload();
  await vi.waitFor(async () => expect(await tab.locator('.hero-label').textContent()).toContain('garage'), PATIENCE);
});
