/** @jest-environment node */
import { afterEach, expect, it, jest } from '@jest/globals';
import { Agent } from 'nestjs-agentos';

import { inBackground } from '../support/background-hook.js';
import { politeJudge } from '../support/judge.js';
import { ask } from '../support/surfaces.js';
import { closeApps, startApp } from '../support/test-app.js';

let asked = 0;
jest.unstable_mockModule('@opentelemetry/api', () => {
  asked += 1;
  throw Object.assign(new Error("Cannot find package '@opentelemetry/api' imported from here"), {
    code: 'ERR_MODULE_NOT_FOUND',
  });
});

afterEach(async () => {
  await closeApps();
  asked = 0;
});

const writer = new Agent({
  id: 'writer',
  engine: () => 'the answer',
  postHooks: [politeJudge({ name: 'judge' }), inBackground('notify', () => undefined)],
});

it('An application without @opentelemetry/api asks for it once, when it starts, and works without it', async () => {
  const { url, agentOs, log } = await startApp({ agentOs: { agents: [writer] } });
  for (let run = 0; run < 3; run++) expect((await ask(url, '/agents/writer', 'hi', 'json')).status).toBe(200);
  await agentOs.drain();
  expect(asked).toBe(1);
  expect(log.entries.filter((entry) => JSON.stringify(entry).includes('elemetry'))).toEqual([]);
});

it('An application that has switched telemetry off does not even ask for it', async () => {
  const { url } = await startApp({ agentOs: { agents: [writer], telemetry: { enabled: false } } });
  expect((await ask(url, '/agents/writer', 'hi', 'json')).status).toBe(200);
  expect(asked).toBe(0);
});
