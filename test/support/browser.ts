import { existsSync } from 'node:fs';
import { type Browser, type BrowserContextOptions, chromium, type Page } from 'playwright-core';
import { afterAll, type TestContext } from 'vitest';
import { CHROMIUM, CHROMIUM_FLAGS } from './chromium.ts';
import { skipOrFail } from './requires.ts';
import { afterTest } from './side-by-side.ts';

/** A machine that does other things as well. */
export const PATIENCE = { timeout: 20_000, interval: 100 };

let browser: Promise<Browser> | undefined;
// One for each file of tests: to start it costs a second.
afterAll(async () => (await browser)?.close());

export interface Tab {
  page: Page;
  /** What the page has done that it should not: errors, and requests to others than its own server. */
  complaints: string[];
}

/** A tab of a browser of its own, in another zone than the meters; skips where there is no Chromium. */
export async function openTab(context: TestContext, url: string, options: BrowserContextOptions = {}): Promise<Tab> {
  if (!existsSync(CHROMIUM)) skipOrFail(context, CHROMIUM);
  browser ??= chromium.launch({ executablePath: CHROMIUM, args: CHROMIUM_FLAGS });
  const own = await (await browser).newContext({
    locale: 'en-GB',
    timezoneId: 'America/New_York',
    viewport: { width: 1200, height: 900 },
    ...options,
  });
  afterTest(() => own.close());
  const page = await own.newPage();
  const complaints: string[] = [];
  page.on('console', (message) => {
    if (['error', 'warning'].includes(message.type())) complaints.push(message.text());
  });
  page.on('pageerror', (error) => complaints.push(String(error)));
  page.on('request', (request) => {
    const { origin, protocol } = new URL(request.url());
    if (protocol.startsWith('http') && origin !== new URL(url).origin) complaints.push(`asked ${request.url()}`);
  });
  await page.goto(url);
  return { page, complaints };
}

/** The rows of the table behind a chart, which is opened for it; without its heads. */
export async function tableOf(page: Page, chart: string): Promise<string[][]> {
  const summary = page.locator(`${chart} details summary`);
  if (!(await page.locator(`${chart} details`).evaluate((element) => element.hasAttribute('open'))))
    await summary.click();
  await page.locator(`${chart} tbody tr`).first().waitFor();
  return page
    .locator(`${chart} tbody tr`)
    .evaluateAll((rows) => rows.map((row) => [...row.children].map((cell) => cell.textContent ?? '')));
}
