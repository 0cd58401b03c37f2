// Takes the pictures of the dashboard in docs/images: node scripts/take-pictures.mjs [URL], while the sample application runs.
// CHROMIUM is the path of a Chromium; the default is /usr/bin/chromium.
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';

import { chromium } from 'playwright-core';

const [url = 'http://localhost:7777'] = process.argv.slice(2);
const folder = join(import.meta.dirname, '../docs/images');
const QUESTION = 'How do I reset my password?';
const COMPONENTS = [
  ...['agents/background-task-agent', 'agents/guarded-agent', 'agents/judged-agent', 'teams/help-desk'],
  ...['workflows/support-workflow', 'agents/background-task-agent'],
];

mkdirSync(folder, { recursive: true });
for (const path of COMPONENTS) {
  const body = new URLSearchParams({ message: QUESTION, stream: 'false' });
  const response = await fetch(`${url}/${path}/runs`, { method: 'POST', body });
  if (!response.ok) throw new Error(`${path} answered ${response.status}`);
}

const browser = await chromium.launch({
  executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium',
  args: ['--no-sandbox'],
});
try {
  const page = await browser.newPage({ viewport: { width: 1100, height: 600 } });
  const take = (name) => page.screenshot({ path: join(folder, `dashboard-${name}.png`) });

  for (const view of ['now', 'hooks', 'evaluations', 'runs']) {
    await page.goto(`${url}/dashboard#/${view}`);
    await page.getByRole('heading', { level: 1 }).waitFor();
    await page.getByText('Loading…').waitFor({ state: 'detached' });
    await page.getByText('live', { exact: true }).waitFor();
    await take(view);
  }
  await page
    .getByRole('row', { name: /Background task agent/ })
    .first()
    .getByRole('link')
    .click();
  // The slow hook has ended.
  await page.getByRole('rowheader', { name: /sendNotification .*succeeded/ }).waitFor();
  await take('run');
  await page.goto(`${url}/dashboard#/try`);
  await page.getByLabel('Message').fill(QUESTION);
  await page.getByRole('button', { name: 'Send' }).click();
  await page.getByRole('rowheader', { name: /sendNotification .*succeeded/ }).waitFor();
  await take('try');
} finally {
  await browser.close();
}
