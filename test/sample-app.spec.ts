import type { AddressInfo } from 'node:net';

import { afterEach, describe, expect, it, jest } from '@jest/globals';
import type { NestExpressApplication } from '@nestjs/platform-express';
import { Test } from '@nestjs/testing';
import { AgentOsService } from 'nestjs-agentos';

import { AppModule } from '../sample-app/app.module.js';
import { Notifications } from '../sample-app/background-hooks/background-task-agent.js';
import { takeLargeBodies } from '../sample-app/body-size.js';
import { examples } from '../sample-app/examples.js';
import { serveOpenApi } from '../sample-app/open-api.js';
import { createGate, type Gate } from './support/gate.js';
import { readDocument } from './support/documents.js';
import { namesOf, runJson, runSse } from './support/http-client.js';

/** Sends when the test lets it. */
class GatedNotifications {
  readonly gate: Gate = createGate();
  readonly sent: string[] = [];

  async send(text: string): Promise<void> {
    await this.gate.opened;
    this.sent.push(text);
  }
}

interface Sample {
  readonly url: string;
  readonly port: number;
  readonly agentOs: AgentOsService;
  readonly notifications: GatedNotifications;
}

// The database is in memory: a test leaves no folder behind.
process.env['DATA_FOLDER'] = 'memory://';

// Each test starts the application with a database inside.
jest.setTimeout(60_000);

describe('the sample application', () => {
  let app: NestExpressApplication;
  let notifications: GatedNotifications;

  afterEach(async () => {
    delete process.env['RUN_HOOKS_IN_BACKGROUND'];
    notifications.gate.open();
    await app.close();
  });

  async function startSample(): Promise<Sample> {
    notifications = new GatedNotifications();
    const testing = await Test.createTestingModule({ imports: [AppModule] })
      .overrideProvider(Notifications)
      .useValue(notifications)
      .compile();
    app = testing.createNestApplication<NestExpressApplication>({ logger: false });
    serveOpenApi(app);
    takeLargeBodies(app);
    await app.listen(0, 'localhost');
    const { port } = app.getHttpServer().address() as AddressInfo;
    return { url: `http://localhost:${port}`, port, agentOs: app.get(AgentOsService), notifications };
  }

  it('answers from its FAQ before the notification is sent', async () => {
    const { url, agentOs, notifications } = await startSample();
    const { status, body } = await runJson(url, '/agents/background-task-agent', 'I forgot my password');
    expect([status, body['content']]).toEqual([200, expect.stringContaining('"Forgot password?"')]);
    expect(notifications.sent).toEqual([]);
    notifications.gate.open();
    await agentOs.drain();
    expect(notifications.sent).toHaveLength(1);
  });

  it('says that it does not know', async () => {
    const { url } = await startSample();
    const { body } = await runJson(url, '/agents/background-task-agent', 'What is the weather in Paris?');
    expect(body['content']).toMatch(/^I do not know\. I am an offline demo/);
  });

  it.each([
    [undefined, { logRequest: 'background', logAnalytics: 'inline', sendNotification: 'background' }],
    ['true', { logRequest: 'background', logAnalytics: 'background', sendNotification: 'background' }],
  ])('takes the switch from RUN_HOOKS_IN_BACKGROUND=%s', async (value, expected) => {
    if (value !== undefined) process.env['RUN_HOOKS_IN_BACKGROUND'] = value;
    const { agentOs } = await startSample();
    const ofAgent = agentOs
      .listHooks()
      .filter(({ attachment }) => attachment?.component.id === 'background-task-agent');
    expect(Object.fromEntries(ofAgent.map(({ hook, attachment }) => [hook, attachment?.mode]))).toEqual(
      expected,
    );
  });

  it('keeps an answer for the staff out of the stream', async () => {
    const { url } = await startSample();
    const question = 'How does the support staff verify the identity of a caller?';
    const frames = await runSse(url, '/agents/guarded-agent', question);
    expect(frames.at(-1)).toMatchObject({ event: 'RunError', data: { error_type: 'output_check_error' } });
    expect(namesOf(frames)).not.toContain('RunContent');
  });

  it('masks what the guarded agent is told', async () => {
    const { url } = await startSample();
    const { body } = await runJson(url, '/agents/guarded-agent', 'I am joe@example.com. Reset my password?');
    expect(body['input']).toEqual({ input_content: 'I am [email]. Reset my password?' });
  });

  it('passes a question down to the member of the nested team, whose hooks run too', async () => {
    const { url, agentOs } = await startSample();
    const { body } = await runJson(url, '/teams/help-desk', 'Where do I find my invoices?');
    expect(body).toMatchObject({
      team_id: 'help-desk',
      member_responses: [
        { team_id: 'billing-team', member_responses: [{ agent_id: 'invoices-agent', status: 'COMPLETED' }] },
      ],
    });
    await agentOs.drain();
    const counted = agentOs.executions.list({ hook: 'countAnswer' }).reverse();
    expect(counted.map(({ component, state }) => [component.id, state])).toEqual([
      ['invoices-agent', 'succeeded'],
      ['billing-team', 'succeeded'],
      ['help-desk', 'succeeded'],
    ]);
  });

  it('runs the steps of its workflow in order', async () => {
    const { url } = await startSample();
    const { body } = await runJson(url, '/workflows/support-workflow', 'Hi. How do I cancel my plan?');
    expect(body['step_results']).toMatchObject([
      { step_name: 'find the question', executor_type: 'agent', content: 'How do I cancel my plan?' },
      { step_name: 'answer', executor_type: 'team' },
      { step_name: 'sign', executor_type: 'function', content: body['content'] },
    ]);
  });

  it('takes a file of 10 MiB as text, in JSON and in a form', async () => {
    const { url } = await startSample();
    const image = { content: 'A'.repeat(13_981_012), mime_type: 'image/png' };
    const fields = { message: 'I forgot my password', stream: 'false', images: JSON.stringify([image]) };
    const headers = { 'content-type': 'application/json' };
    for (const init of [{ body: JSON.stringify(fields), headers }, { body: new URLSearchParams(fields) }]) {
      const response = await fetch(`${url}/agents/background-task-agent/runs`, { method: 'POST', ...init });
      expect([response.status, await response.text()]).toEqual([200, expect.stringContaining('COMPLETED')]);
    }
    notifications.gate.open();
  });

  it('answers unknown routes and malformed JSON with a detail', async () => {
    const { url } = await startSample();
    const unknown = await fetch(`${url}/nothing`, { headers: { connection: 'close' } });
    const malformed = await fetch(`${url}/agents/guarded-agent/runs`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', connection: 'close' },
      body: '{',
    });
    expect([unknown.status, await unknown.json()]).toEqual([404, { detail: 'Cannot GET /nothing' }]);
    expect([malformed.status, await malformed.json()]).toEqual([400, { detail: expect.any(String) }]);
  });

  it('prints lines that work', async () => {
    const { port } = await startSample();
    const lines = examples(port).map(({ curl }) => curl);
    const statuses = await Promise.all(lines.map(statusOf));
    const expected = lines.map((curl) => {
      if (/4111|identity.*stream=false/.test(curl)) return 400;
      return curl.includes('background=true') ? 202 : 200;
    });
    expect(statuses).toEqual(expected);
    expect([400, 202].map((status) => expected.filter((item) => item === status).length)).toEqual([2, 1]);
  });
});

/** Sends what a curl line would send. */
async function statusOf(curl: string): Promise<number> {
  const url = /localhost:[^\s"]+/.exec(curl)?.[0] ?? '';
  const form = new FormData();
  for (const [, name = '', value = ''] of curl.matchAll(/-F "(\w+)=([^"]*)"/g)) {
    if (value.startsWith('@')) form.set(name, new Blob([readDocument(value.slice(1))]), value.slice(1));
    else form.set(name, value);
  }
  const request = curl.includes('-X POST') ? { method: 'POST', body: form } : {};
  const response = await fetch(`http://${url}`, { ...request, headers: { connection: 'close' } });
  await response.text();
  return response.status;
}
