import { afterAll, beforeAll, expect, it, jest } from '@jest/globals';
import { build } from 'esbuild';
import { Agent, defineGuardrail, InputCheckError, type PreHookContext } from 'nestjs-agentos';
import type { EngineYield } from 'nestjs-agentos/engine';
import { createGate } from 'nestjs-agentos/testing';
import type { Browser, Page } from 'playwright-core';

import { openBrowser } from '../support/browser.js';
import { closeApps, startApp, type TestApp } from '../support/test-app.js';
import { describeWherePossible } from '../support/where-possible.js';

/** Where a Chromium is. */
const CHROMIUM = process.env['CHROMIUM'];

// A browser starts in seconds, but not on every machine.
jest.setTimeout(60_000);

describeWherePossible(
  CHROMIUM !== undefined || process.env['CI'] !== undefined,
  'The React page of the sample application, with useChat()',
  'install a Chromium, and set CHROMIUM to its path',
  testChat,
);

function testChat(): void {
  const gate = createGate();
  let app: TestApp;
  let browser: Browser;
  let script: string;

  beforeAll(async () => {
    if (CHROMIUM === undefined) throw new Error('CHROMIUM is not set: the path of a Chromium.');
    const bundle = await build({
      entryPoints: ['sample-app/web/chat.jsx'],
      bundle: true,
      write: false,
      jsx: 'automatic',
      format: 'esm',
      logLevel: 'error',
    });
    script = bundle.outputFiles[0]?.text ?? '';
    const refuse = defineGuardrail(
      ({ runInput }: PreHookContext) => {
        if (runInput.content.includes('bad')) throw new InputCheckError('Not allowed.');
      },
      { name: 'refuse' },
    );
    async function* weather(): AsyncGenerator<EngineYield> {
      yield { type: 'reasoning', text: 'I look it up.' };
      yield { type: 'tool-call', id: 'c1', name: 'weather', arguments: { city: 'Rome' } };
      yield { type: 'tool-result', id: 'c1', result: '{"degrees":20}' };
      yield '20 degrees.';
      yield { type: 'source', source: { kind: 'url', id: 's', url: 'https://example.com/', title: 'Page' } };
    }
    async function* slow(): AsyncGenerator<EngineYield> {
      yield 'One, ';
      await gate.opened;
      yield 'two.';
    }
    const agents = [
      new Agent({ id: 'weather', engine: weather, preHooks: [refuse] }),
      new Agent({ id: 'slow', engine: slow }),
    ];
    app = await startApp({ agentOs: { agents } });
    browser = await openBrowser(CHROMIUM);
  });
  afterAll(async () => {
    await browser.close();
    await closeApps();
  });

  async function open(query: string, page?: Page): Promise<Page> {
    const opened = page ?? (await browser.newPage());
    const html = `<!doctype html><div id="chat"></div><script type="module">${script.replaceAll('</script', '<\\/script')}</script>`;
    await opened.route('**/page?*', (route) =>
      route.fulfill({ contentType: 'text/html; charset=utf-8', body: html }),
    );
    await opened.goto(`${app.url}/page?${query}`);
    return opened;
  }

  async function ask(page: Page, question: string): Promise<void> {
    await page.getByLabel('Question').fill(question);
    await page.getByText('Send').click();
  }

  it('shows reasoning, tools, text and sources of an answer', async () => {
    const page = await open('agent=weather');
    await ask(page, 'Rome?');
    await page.getByText('20 degrees.').waitFor();
    await page.getByRole('link', { name: 'Page' }).waitFor();
    expect(await page.locator('article.assistant em').innerText()).toBe('I look it up.');
    expect(await page.locator('article.assistant code').innerText()).toBe('tool-weather: {"degrees":20}');
    await page.locator('main[data-status=ready]').waitFor();
    await page.close();
  });

  it('shows why a guardrail has refused a question', async () => {
    const page = await open('agent=weather');
    await ask(page, 'bad');
    expect(await page.getByRole('alert').innerText()).toBe('Not allowed.');
    await page.close();
  });

  it('shows the answer again, and the rest of it, when it is loaded anew', async () => {
    const page = await open('agent=slow&chat=c1');
    await ask(page, 'Count');
    await page.getByText('One,').waitFor();
    await open('agent=slow&chat=c1', page);
    await page.getByText('One,').waitFor();
    gate.open();
    await page.getByText('One, two.').waitFor();
    await page.close();
  });
}
