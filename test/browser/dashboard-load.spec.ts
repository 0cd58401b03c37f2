import { afterAll, beforeAll, expect, it, jest } from '@jest/globals';
import { Agent } from 'nestjs-agentos';
import type { Browser, CDPSession, Page } from 'playwright-core';

import { inBackground } from '../support/background-hook.js';
import { openBrowser } from '../support/browser.js';
import { runJson } from '../support/http-client.js';
import { EXECUTIONS, fillRecord, RUNS } from '../support/large-record.js';
import { closeApps, startApp, type TestApp } from '../support/test-app.js';
import { describeWherePossible } from '../support/where-possible.js';

const CHROMIUM = process.env['CHROMIUM'];
const VIEWS = ['now', 'runs', 'hooks', 'evaluations', 'try'];
/** More elements than any view has with a few runs, and far fewer than one for each run. */
const MOST_ELEMENTS = 4_000;
const MOST_BYTES = 512 * 1024;

jest.setTimeout(120_000);

describeWherePossible(
  CHROMIUM !== undefined || process.env['CI'] !== undefined,
  'The dashboard with 10,000 runs and 100,000 executions',
  'install a Chromium, and set CHROMIUM to its path',
  testDashboard,
);

function testDashboard(): void {
  let app: TestApp;
  let browser: Browser;
  let page: Page;
  let devTools: CDPSession;
  let latest: string;
  const sizes = new Map<string, number>();

  beforeAll(async () => {
    if (CHROMIUM === undefined) throw new Error('CHROMIUM is not set: the path of a Chromium.');
    const live = new Agent({
      id: 'live',
      name: 'Live',
      engine: () => 'fine',
      postHooks: [inBackground('notify', () => undefined)],
    });
    app = await startApp({ agentOs: { agents: [live], http: { dashboard: true } } });
    latest = fillRecord(app.app);
    browser = await openBrowser(CHROMIUM);
    page = await browser.newPage();
    devTools = await page.context().newCDPSession(page);
    page.on('response', (response) => {
      const { pathname } = new URL(response.url());
      if (!pathname.startsWith('/hooks') || pathname.endsWith('/changes')) return;
      response.body().then(
        (body) => void sizes.set(pathname, Math.max(sizes.get(pathname) ?? 0, body.length)),
        // The page has been left.
        () => undefined,
      );
    });
  });
  afterAll(async () => {
    await browser?.close();
    await closeApps();
  });

  async function show(view: string): Promise<void> {
    await page.goto(`${app.url}/dashboard#/${view}`);
    await page.getByRole('heading', { level: 1 }).waitFor();
    await page.getByText('Loading…').waitFor({ state: 'detached' });
  }

  /** Bytes of the heap after garbage collection. */
  async function heap(): Promise<number> {
    await devTools.send('HeapProfiler.collectGarbage');
    return ((await devTools.send('Runtime.getHeapUsage')) as { usedSize: number }).usedSize;
  }

  it.each([...VIEWS, 'run'])('shows a bounded part of them in the view "%s"', async (view) => {
    await show(view === 'run' ? `runs/${latest}` : view);
    expect(await page.locator('*').count()).toBeLessThan(MOST_ELEMENTS);
  });

  it('leads to the oldest of the runs, page by page', async () => {
    await show('runs');
    await page.getByText(`1 to 100 of ${RUNS.toLocaleString('en')} runs`).waitFor();
    await page.getByRole('row').nth(1).getByText('succeeded × 10').waitFor();
    const earlier = page.getByRole('button', { name: 'Earlier runs' });
    for (let number = 2; number <= RUNS / 100; number++) {
      await earlier.click();
      await page.getByText(new RegExp(`^${((number - 1) * 100 + 1).toLocaleString('en')} to `)).waitFor();
    }
    expect(await earlier.isDisabled()).toBe(true);
    // Its hooks are those of the oldest run, which wait.
    await page.getByRole('row').last().getByText('scheduled × 10').waitFor();
  });

  it('counts all executions', async () => {
    await show('now');
    const waiting = page.locator('.tile', { hasText: 'Hooks waiting' });
    await waiting.getByText((EXECUTIONS - 10_000).toLocaleString('en')).waitFor();
  });

  it('shows new runs while it is used, and keeps its memory', async () => {
    await show('runs');
    const before = await heap();
    for (let round = 0; round < 5; round++) {
      const { body } = await runJson(app.url, '/agents/live', 'Hi');
      await page.getByRole('row', { name: new RegExp(String(body['run_id']).slice(0, 8)) }).waitFor();
      await page.getByLabel('Outcome').selectOption('failed');
      await page.getByText(/ of [12],\d{3} runs$/).waitFor();
      await page.getByLabel('Outcome').selectOption('');
    }
    expect(await heap()).toBeLessThan(before + 8 * 1024 * 1024);
  });

  it('has read no large answer', () => {
    expect([...sizes].filter(([, bytes]) => bytes > MOST_BYTES)).toEqual([]);
    expect(sizes.size).toBeGreaterThanOrEqual(4);
  });
}
