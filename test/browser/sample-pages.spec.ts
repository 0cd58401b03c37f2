import type { AddressInfo } from 'node:net';

import { afterAll, beforeAll, expect, it, jest } from '@jest/globals';
import type { INestApplication } from '@nestjs/common';
import { Test } from '@nestjs/testing';
import type { Browser, Locator, Page } from 'playwright-core';

import { AppModule } from '../../sample-app/app.module.js';
import { allowFrontEnds } from '../../sample-app/front-ends.js';
import { serveOpenApi } from '../../sample-app/open-api.js';
import { askAgent } from '../docs/ask-agent.js';
import { openBrowser } from '../support/browser.js';
import { describeWherePossible } from '../support/where-possible.js';

/** Where a Chromium is. */
const CHROMIUM = process.env['CHROMIUM'];
const AGENT = 'background-task-agent';

// A browser starts in seconds, but not on every machine.
jest.setTimeout(60_000);

describeWherePossible(
  CHROMIUM !== undefined || process.env['CI'] !== undefined,
  'The sample application in a browser',
  'install a Chromium, and set CHROMIUM to its path',
  testPages,
);

/** What a page of a chat front end does: asks, and reads the stream as it comes. */
async function askFromPage([url, agent]: readonly [string, string]): Promise<string[]> {
  const form = new FormData();
  form.set('message', 'How do I reset my password?');
  form.set('stream', 'true');
  form.set('session_id', '');
  const response = await fetch(`${url}/agents/${agent}/runs`, {
    method: 'POST',
    body: form,
    headers: { Authorization: 'Bearer key' },
  });
  const text = await response.text();
  return [...text.matchAll(/^event: (.+)$/gm)].map(([, name = '']) => name);
}

function testPages(): void {
  let app: INestApplication;
  let browser: Browser;
  let url: string;

  beforeAll(async () => {
    if (CHROMIUM === undefined) throw new Error('CHROMIUM is not set: the path of a Chromium.');
    // The database is in memory: a test leaves no folder behind.
    process.env['DATA_FOLDER'] = 'memory://';
    const testing = await Test.createTestingModule({ imports: [AppModule] }).compile();
    app = testing.createNestApplication<INestApplication>({ logger: false });
    allowFrontEnds(app);
    serveOpenApi(app);
    await app.listen(0, 'localhost');
    url = `http://localhost:${(app.getHttpServer().address() as AddressInfo).port}`;
    browser = await openBrowser(CHROMIUM);
  });
  afterAll(async () => {
    await browser.close();
    await app.close();
  });

  /** An empty page of this origin. */
  async function pageOf(origin: string): Promise<Page> {
    const page = await browser.newPage();
    await page.route(`${origin}/`, (route) =>
      route.fulfill({ body: '<!doctype html>', contentType: 'text/html' }),
    );
    await page.goto(`${origin}/`);
    return page;
  }

  /** The part of /docs that describes an operation, opened to be tried out. */
  async function tryOut(summary: string): Promise<Locator> {
    const page = await browser.newPage();
    await page.goto(`${url}/docs`);
    const operation = page.locator('.opblock').filter({ has: page.getByText(summary, { exact: true }) });
    await operation.locator('.opblock-summary-control').click();
    await operation.locator('.try-out__btn').click();
    return operation;
  }

  it('shows a page of the documentation that lists every operation of the document', async () => {
    const page = await browser.newPage();
    const problems: string[] = [];
    page.on('pageerror', ({ message }) => problems.push(message));
    await page.goto(`${url}/docs`);
    await page.locator('.opblock').first().waitFor();
    const { paths } = (await (await fetch(`${url}/openapi.json`)).json()) as {
      paths: Record<string, object>;
    };
    const operations = Object.values(paths).flatMap((path) => Object.keys(path));
    expect(operations.length).toBeGreaterThan(40);
    expect(await page.locator('.opblock').count()).toBe(operations.length);
    expect(problems).toEqual([]);
  });

  it('runs an agent from the page of the documentation, with the one type of body that the document has', async () => {
    const operation = await tryOut('Run an agent');
    await operation.locator('.parameters input[placeholder=id]').fill(AGENT);
    expect(await operation.getByLabel('Request content type').locator('option').allInnerTexts()).toEqual([
      'multipart/form-data',
    ]);
    await operation.locator('.execute').click();
    const reply = operation.locator('.live-responses-table');
    await reply.getByText('event: RunCompleted').first().waitFor();
    expect(await reply.innerText()).toContain('event: RunStarted');
  });

  it('streams a run to a chat front end of a known origin', async () => {
    const page = await pageOf('http://localhost:3000');
    const names = await page.evaluate(askFromPage, [url, AGENT] as const);
    expect([names.at(0), names.at(-1)]).toEqual(['RunStarted', 'RunCompleted']);
    expect(names.filter((name) => name === 'RunContent').length).toBeGreaterThan(1);
  });

  it('streams a run to a page of a known origin that reads it with the code of the guide', async () => {
    const page = await pageOf('http://localhost:3000');
    const names = await page.evaluate<string[]>(`(async () => {
      const names = [];
      const readEvents = ${askAgent.toString()};
      await readEvents('${url}/agents/${AGENT}', 'Hello', ({ event }) => names.push(event));
      return names;
    })()`);
    expect([names.at(0), names.at(-1)]).toEqual(['RunStarted', 'RunCompleted']);
  });

  it('lets a page of another origin read nothing', async () => {
    const page = await pageOf('http://localhost:3999');
    const complaint = page.waitForEvent('console', (message) => message.type() === 'error');
    await expect(page.evaluate(askFromPage, [url, AGENT] as const)).rejects.toThrow('Failed to fetch');
    expect((await complaint).text()).toContain("No 'Access-Control-Allow-Origin' header is present");
  });
}
