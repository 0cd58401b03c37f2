import { afterAll, beforeAll, describe, expect, it, jest } from '@jest/globals';
import fastifyHelmet from '@fastify/helmet';
import type { INestApplication } from '@nestjs/common';
import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import helmet from 'helmet';
import { Agent } from 'nestjs-agentos';
import type { Browser } from 'playwright-core';

import { inBackground } from '../support/background-hook.js';
import { openBrowser } from '../support/browser.js';
import { ADAPTERS, closeApps, startApp, type TestApp } from '../support/test-app.js';
import { describeWherePossible } from '../support/where-possible.js';

const CHROMIUM = process.env['CHROMIUM'];

jest.setTimeout(120_000);

describeWherePossible(
  CHROMIUM !== undefined || process.env['CI'] !== undefined,
  'The dashboard behind helmet',
  'install a Chromium, and set CHROMIUM to its path',
  () => {
    let browser: Browser;

    beforeAll(async () => {
      if (CHROMIUM === undefined) throw new Error('CHROMIUM is not set: the path of a Chromium.');
      browser = await openBrowser(CHROMIUM);
    });
    afterAll(async () => {
      await browser?.close();
      await closeApps();
    });

    describe.each(ADAPTERS)('on %s', (adapter) => {
      let app: TestApp;

      beforeAll(async () => {
        const agent = new Agent({
          id: 'support',
          name: 'Support',
          engine: () => 'It is in Bonn.',
          postHooks: [inBackground('notify', () => undefined)],
        });
        app = await startApp({
          adapter,
          agentOs: { agents: [agent], http: { dashboard: true } },
          beforeListen: (host) => useHelmet(host, adapter),
        });
      });

      it('has the headers of its defaults on the files and the routes that the page reads', async () => {
        for (const path of ['/dashboard/main.js', '/hooks', '/hooks/stats'])
          expect([...(await fetch(app.url + path)).headers.keys()]).toEqual(
            expect.arrayContaining([
              'content-security-policy',
              'cross-origin-resource-policy',
              'strict-transport-security',
            ]),
          );
      });

      it('loads, asks an agent and shows its timeline, and the browser refuses nothing', async () => {
        const problems: string[] = [];
        const page = await browser.newPage();
        page.on('console', (message) => {
          if (['error', 'warning'].includes(message.type())) problems.push(message.text());
        });
        page.on('pageerror', (error) => problems.push(error.message));
        page.on('requestfailed', (request) => {
          const { errorText = '' } = request.failure() ?? {};
          if (errorText.includes('BLOCKED')) problems.push(`${request.url()}: ${errorText}`);
        });

        await page.goto(`${app.url}/dashboard#/try`);
        await page.getByLabel('Message').fill('Where is my parcel?');
        await page.getByRole('button', { name: 'Send' }).click();
        await page.getByRole('log').getByText('It is in Bonn.').waitFor();
        await page.getByRole('rowheader', { name: /notify .*succeeded/ }).waitFor();
        // The boxes of the timeline have their places: a policy against styles would take them away.
        const left = await page
          .locator('.line .box.background')
          .first()
          .evaluate((box) => box.style.left);
        expect(left).toMatch(/%$/);
        expect(problems).toEqual([]);
        await page.close();
      });
    });
  },
);

function useHelmet(host: INestApplication, adapter: string): void {
  if (adapter === 'express') host.use(helmet());
  else void (host as NestFastifyApplication).register(fastifyHelmet);
}
