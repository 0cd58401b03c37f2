import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';

import { afterAll, beforeAll, expect, it, jest } from '@jest/globals';
import { Agent, defineHook, InMemoryEvalStore, step, Team, Workflow } from 'nestjs-agentos';
import { createGate } from 'nestjs-agentos/testing';
import type { Browser, Page } from 'playwright-core';

import { inBackground } from '../support/background-hook.js';
import { openBrowser } from '../support/browser.js';
import { runJson } from '../support/http-client.js';
import { raise } from '../support/raise.js';
import { evaluationOf } from '../support/stored-data.js';
import { closeApps, startApp, type TestApp } from '../support/test-app.js';
import { describeWherePossible } from '../support/where-possible.js';

/** Where a Chromium is. */
const CHROMIUM = process.env['CHROMIUM'];
const AXE = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');
const VIEWS = ['now', 'runs', 'hooks', 'evaluations', 'try'];
const KEY = 'the key';

// A browser starts in seconds, but not on every machine.
jest.setTimeout(120_000);

describeWherePossible(
  CHROMIUM !== undefined || process.env['CI'] !== undefined,
  'The dashboard in a browser',
  'install a Chromium, and set CHROMIUM to its path',
  testDashboard,
);

function testDashboard(): void {
  const slow = createGate();
  const writing = createGate();
  let app: TestApp;
  let browser: Browser;
  let page: Page;
  const problems: string[] = [];

  beforeAll(async () => {
    if (CHROMIUM === undefined) throw new Error('CHROMIUM is not set: the path of a Chromium.');
    const member = new Agent({
      id: 'member',
      name: 'Researcher',
      engine: () => 'The member’s answer',
      postHooks: [inBackground('audit', () => undefined)],
    });
    const team = new Team({
      id: 'desk',
      name: 'Help desk',
      members: [member],
      engine: ({ delegate }) => delegate('member', 'a task'),
      preHooks: [defineHook(() => undefined, { name: 'check', runInBackground: false })],
      postHooks: [
        inBackground('notify', () => undefined),
        inBackground('broken', () => raise(new TypeError('no'))),
      ],
    });
    const waiting = new Agent({
      id: 'waiting',
      name: 'Waiting',
      engine: () => slow.opened.then(() => 'done'),
    });
    const writer = new Agent({
      id: 'writer',
      name: 'Slow writer',
      async *engine() {
        yield 'The first half';
        await writing.opened;
        yield ', and the second';
      },
      postHooks: [inBackground('notify', () => undefined)],
    });
    const finder = new Agent({
      id: 'finder',
      name: 'Finder',
      async *engine() {
        await Promise.resolve();
        yield { type: 'model-request-started' };
        yield { type: 'tool-call', id: 'call-1', name: 'search', arguments: {} };
        yield { type: 'tool-result', id: 'call-1', result: 'found' };
        yield 'found it';
      },
    });
    const flow = new Workflow({ id: 'flow', name: 'Survey', steps: [step('look it up', finder)] });
    const evalStore = new InMemoryEvalStore();
    const judged = { name: 'strict judge', scoring: 'numeric', threshold: 7 } as const;
    await evalStore.save(evaluationOf({ ...judged, id: 'good', score: 9, passed: true, createdAt: 1_000 }));
    await evalStore.save(
      evaluationOf({
        ...judged,
        id: 'bad',
        score: 2,
        passed: false,
        createdAt: 2_000,
        output: `a bad answer${', line by line'.repeat(100)}`,
      }),
    );
    app = await startApp({
      agentOs: {
        evalStore,
        agents: [waiting, writer],
        teams: [team],
        workflows: [flow],
        http: { dashboard: true, securityKey: KEY },
      },
    });
    for (const path of ['/workflows/flow', '/teams/desk'])
      await runJson(app.url, path, 'A question', {}, { authorization: `Bearer ${KEY}` });
    await app.agentOs.drain();
    browser = await openBrowser(CHROMIUM);
    page = await browser.newPage();
    page.on('console', (message) => {
      // The first request has no key yet, and one test refuses sessions.
      if (message.type() === 'error' && !/40[13]/.test(message.text())) problems.push(message.text());
    });
    page.on('pageerror', (error) => problems.push(error.message));
    page.on('request', (request) => {
      if (!request.url().startsWith(app.url)) problems.push(`loads ${request.url()}`);
    });
  });
  afterAll(async () => {
    slow.open();
    writing.open();
    await browser?.close();
    await closeApps();
  });

  async function show(view: string): Promise<void> {
    await page.goto(`${app.url}/dashboard#/${view}`);
    await page.getByRole('main').waitFor();
  }

  it('asks for the key, refuses a wrong one, and keeps the right one for the tab', async () => {
    await page.goto(`${app.url}/dashboard`);
    await page.getByLabel('Security key').fill('wrong');
    await page.getByRole('button', { name: 'Open' }).click();
    await page.getByText('The server did not accept the key.').waitFor();
    await page.getByLabel('Security key').fill(KEY);
    await page.getByRole('button', { name: 'Open' }).click();
    await page.getByRole('heading', { name: 'Now' }).waitFor();
    await page.reload();
    await page.getByRole('heading', { name: 'Now' }).waitFor();
    await page.getByText('live', { exact: true }).waitFor();
  });

  it('shows a run in flight as soon as it starts, and cancels it', async () => {
    await show('now');
    const answer = runJson(app.url, '/agents/waiting', 'Wait', {}, { authorization: `Bearer ${KEY}` });
    const row = page.getByRole('row', { name: /Waiting/ });
    await row.getByRole('button', { name: /^Cancel/ }).click();
    await row.waitFor({ state: 'detached' });
    expect((await answer).body).toMatchObject({ status: 'CANCELLED' });
  });

  it('lists runs, and shows one as a timeline: its tree, the end of its response, and inline and background hooks', async () => {
    await show('runs');
    await page.getByLabel('Component').selectOption({ label: 'Help desk' });
    await page
      .getByRole('row', { name: /Help desk/ })
      .getByRole('link')
      .click();
    const timeline = page.getByRole('region', { name: 'Timeline of the run' });
    await timeline.waitFor();
    const texts = await timeline.getByRole('rowheader').allInnerTexts();
    const names = texts.map((text) => text.replaceAll(/\s+/g, ' ').trim());
    expect(names.slice(0, 4)).toEqual([
      expect.stringMatching(/^Help desk team completed/),
      expect.stringMatching(/^check pre-hook, inline succeeded/),
      expect.stringMatching(/^attempt/),
      expect.stringMatching(/^Researcher agent completed/),
    ]);
    expect(names).toEqual(
      expect.arrayContaining([
        expect.stringMatching(/^audit post-hook, background succeeded/),
        expect.stringMatching(/^notify post-hook, background succeeded/),
        expect.stringMatching(/^broken post-hook, background, TypeError failed/),
      ]),
    );

    // The background hooks begin right of the line where the response has closed, the inline hook ends left of it.
    const edge = async (selector: string, side: 'left' | 'right'): Promise<number> =>
      timeline
        .locator(selector)
        .first()
        .evaluate((element, name) => element.getBoundingClientRect()[name], side);
    const closed = await edge('.closed', 'left');
    expect(await edge('.box.background', 'left')).toBeGreaterThanOrEqual(closed - 1);
    expect(await edge('.box.inline', 'left')).toBeLessThanOrEqual(closed);
  });

  it('shows the steps of a workflow in a timeline, and the model requests and tools of their agents', async () => {
    await show('runs');
    await page
      .getByRole('row', { name: /Survey/ })
      .getByRole('link')
      .click();
    const timeline = page.getByRole('region', { name: 'Timeline of the run' });
    await timeline.getByRole('rowheader', { name: /^look it up step/ }).waitFor();
    for (const name of [/^Finder agent completed/, /^model request/, /^search tool/])
      expect(await timeline.getByRole('rowheader', { name }).count()).toBe(1);
  });

  it('prints a timeline on white, without its controls, whose inline and background hooks differ in their lines', async () => {
    await show('runs');
    await page
      .getByRole('row', { name: /Help desk/ })
      .first()
      .getByRole('link')
      .click();
    await page.getByRole('region', { name: 'Timeline of the run' }).waitFor();
    await page.emulateMedia({ media: 'print', colorScheme: 'dark' });
    const styleOf = (selector: string, property: string): Promise<string> =>
      page.evaluate(
        `getComputedStyle(document.querySelector('${selector}')).getPropertyValue('${property}')`,
      );

    expect(await styleOf('header', 'display')).toBe('none');
    expect(await styleOf('body', 'background-color')).toBe('rgb(255, 255, 255)');
    for (const [kind, line] of [
      ['inline', 'solid'],
      ['background', 'dashed'],
    ])
      for (const place of ['.line', '.legend'])
        expect([
          await styleOf(`${place} .box.${kind}`, 'border-left-style'),
          await styleOf(`${place} .box.${kind}`, 'print-color-adjust'),
        ]).toEqual([line, 'exact']);
    expect((await page.pdf()).subarray(0, 5).toString()).toBe('%PDF-');
    await page.emulateMedia({ media: null, colorScheme: null });
  });

  it('shows the mode of every hook with its reason, and runs a failed hook again', async () => {
    await show('hooks');
    const hooks = page.getByRole('region', { name: 'Hooks' });
    await hooks
      .getByRole('row', { name: /^notify Help desk team post background its decorator 1/ })
      .waitFor();
    await hooks.getByRole('row', { name: /^broken .* 100 %$/ }).waitFor();
    const failure = page.getByRole('region', { name: 'Failures' }).getByRole('row', { name: /broken/ });
    await failure.and(page.getByRole('row', { name: /broken Help desk team failed TypeError 1/ })).waitFor();
    await failure.getByRole('button', { name: /^Run again/ }).click();
    await failure.and(page.getByRole('row', { name: /broken Help desk team failed TypeError 2/ })).waitFor();
  });

  it('lets people try a component, with the timeline of the run beside the answer', async () => {
    await show('try');
    await page.getByLabel('Component').selectOption({ label: 'Help desk (team)' });
    await page.getByLabel('Message').fill('A question');
    await page.getByRole('button', { name: 'Send' }).click();
    await page.getByRole('log').getByText('The member’s answer').waitFor();
    await page.getByRole('rowheader', { name: /notify .*succeeded/ }).waitFor();
  });

  it('shows an answer and its timeline as they grow', async () => {
    await show('try');
    await page.getByLabel('Component').selectOption({ label: 'Slow writer (agent)' });
    await page.getByLabel('Message').fill('A question');
    await page.getByRole('button', { name: 'Send' }).click();
    await page
      .getByRole('log')
      .getByText(/The first half$/)
      .waitFor();
    await page.getByRole('rowheader', { name: /^Slow writer agent running/ }).waitFor();
    expect(await page.getByRole('rowheader', { name: /notify/ }).count()).toBe(0);
    writing.open();
    await page.getByRole('log').getByText('The first half, and the second').waitFor();
    await page.getByRole('rowheader', { name: /^notify .*succeeded/ }).waitFor();
  });

  it('shows evaluations: the scores and the pass rate of a judge, and the worst answers', async () => {
    await show('evaluations');
    await page.getByText('strict judge').first().waitFor();
    await page.getByText('2 evaluations, 50 % passed').waitFor();
    await page
      .getByRole('img', { name: 'Scores of strict judge, the oldest first: 9 of 10, 2 of 10' })
      .waitFor();
    const worst = page.getByRole('region', { name: 'The worst of these answers' });
    await worst.getByRole('row').nth(1).getByText('a bad answer').waitFor();
  });

  it('shows no answers to clients that may not read sessions', async () => {
    await page.route('**/sessions?*', (route) =>
      route.fulfill({ status: 403, json: { detail: 'Forbidden' } }),
    );
    await show('now');
    await show('evaluations');
    await page.getByText('The answers are shown to those who may read sessions.').waitFor();
    await page.getByText('2 evaluations, 50 % passed').waitFor();
    expect(await page.getByText('a bad answer').count()).toBe(0);
    await page.unroute('**/sessions?*');
  });

  it('shows the boxes of a timeline on the width of a phone, and of a part the run that it belongs to', async () => {
    await page.setViewportSize({ width: 390, height: 800 });
    await show('runs');
    await page
      .getByRole('row', { name: /Researcher/ })
      .first()
      .getByRole('link')
      .click();
    const timeline = page.getByRole('region', { name: 'Timeline of the run' });
    await timeline.getByRole('rowheader', { name: /^audit post-hook, background succeeded/ }).waitFor();
    expect(await page.getByText('none, or still open').count()).toBe(0);
    await page.getByRole('link', { name: 'another run' }).click();
    await timeline.getByRole('rowheader', { name: /^Help desk team completed/ }).waitFor();
    const edges = await timeline
      .locator('.box')
      .evaluateAll((boxes) => boxes.map((box) => box.getBoundingClientRect().right));
    expect(edges.length).toBeGreaterThan(3);
    expect(Math.max(...edges)).toBeLessThan(390);
    await page.setViewportSize({ width: 1280, height: 720 });
  });

  it.each([...VIEWS, 'run'])(
    'shows axe no barrier in the view "%s", light and dark, wide and narrow',
    async (view) => {
      for (const colorScheme of ['light', 'dark'] as const) {
        await page.emulateMedia({ colorScheme });
        await page.setViewportSize(
          colorScheme === 'dark' ? { width: 390, height: 800 } : { width: 1280, height: 900 },
        );
        await show(view === 'run' ? 'runs' : view);
        if (view === 'run') {
          const row = page.getByRole('row', { name: /Help desk/ }).first();
          await row.getByRole('link').click();
          await page.getByRole('region', { name: 'Timeline of the run' }).waitFor();
        }
        await page.getByText('Loading…').waitFor({ state: 'detached' });
        // Not as a script of the page, which its policy would refuse.
        await page.evaluate(AXE);
        const found = await page.evaluate(async () => {
          const { axe } = globalThis as unknown as {
            axe: { run(): Promise<{ violations: { id: string; nodes: { html: string }[] }[] }> };
          };
          const { violations } = await axe.run();
          return violations.map(({ id, nodes }) => `${id}: ${nodes.map(({ html }) => html).join(' | ')}`);
        });
        expect(found).toEqual([]);
        const isTooWide = await page.evaluate(
          'document.documentElement.scrollWidth > document.documentElement.clientWidth',
        );
        expect(isTooWide).toBe(false);
      }
    },
  );

  it('can be used with the keyboard alone', async () => {
    /** Presses Tab until the element with this text has the focus. */
    const tabTo = async (text: RegExp): Promise<void> => {
      for (let presses = 0; presses < 50; presses++) {
        await page.keyboard.press('Tab');
        if (text.test(String(await page.evaluate('document.activeElement.textContent')))) return;
      }
      throw new Error(`The key Tab does not lead to ${text}.`);
    };
    await show('now');
    await tabTo(/^Runs$/);
    await page.keyboard.press('Enter');
    await page.getByRole('heading', { name: 'Runs' }).waitFor();
    expect(await page.evaluate('document.activeElement.tagName')).toBe('H1');
    await tabTo(/^[0-9a-f]{8}$/);
    await page.keyboard.press('Enter');
    await page.getByRole('region', { name: 'Timeline of the run' }).waitFor();
    await tabTo(/^All runs$/);
  });

  it('loads nothing from other hosts, and logs no error', () => {
    expect(problems).toEqual([]);
  });
}
