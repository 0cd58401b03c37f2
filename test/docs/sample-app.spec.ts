import { execFileSync } from 'node:child_process';
import type { AddressInfo } from 'node:net';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import type { NestExpressApplication } from '@nestjs/platform-express';
import { Test } from '@nestjs/testing';
import { AgentOsService } from 'nestjs-agentos';
import { createGate, type Gate } from 'nestjs-agentos/testing';

import { AppModule } from '../../sample-app/app.module.js';
import { Notifications } from '../../sample-app/background-hooks/background-task-agent.js';
import { takeLargeBodies } from '../../sample-app/body-size.js';
import { examples } from '../../sample-app/examples.js';
import { serveOpenApi } from '../../sample-app/open-api.js';
import { createHookExecutor, describeHookQueue, roleOfServer } from '../../sample-app/storage/hook-queue.js';
import { describeStorage } from '../../sample-app/storage/storage.module.js';
import { summarize } from '../../sample-app/summary.js';
import { readDocument } from '../support/documents.js';
import { namesOf, runJson, runSse } from '../support/http-client.js';
import { createPglite } from '../support/pglite.js';

/** Sends when the test lets it. */
class GatedNotifications {
  gate: Gate = createGate();
  readonly sent: string[] = [];

  async send(text: string): Promise<void> {
    await this.gate.opened;
    this.sent.push(text);
  }
}

interface Sample {
  readonly app: NestExpressApplication;
  readonly url: string;
  readonly port: number;
  readonly agentOs: AgentOsService;
  readonly notifications: GatedNotifications;
}

// The database is in memory: a test leaves no folder behind.
process.env['DATA_FOLDER'] = 'memory://';

describe('The sample application', () => {
  let sample: Sample;

  beforeAll(async () => {
    sample = await startSample();
  });
  beforeEach(() => {
    sample.notifications.gate = createGate();
    sample.notifications.sent.length = 0;
  });
  afterEach(async () => {
    sample.notifications.gate.open();
    await sample.agentOs.drain();
  });
  afterAll(() => sample.app.close());

  it('answers from its FAQ before the notification is sent', async () => {
    const { url, agentOs, notifications } = sample;
    const { status, body } = await runJson(url, '/agents/background-task-agent', 'I forgot my password');
    expect([status, body['content']]).toEqual([200, expect.stringContaining('"Forgot password?"')]);
    expect(notifications.sent).toEqual([]);
    notifications.gate.open();
    await agentOs.drain();
    expect(notifications.sent).toHaveLength(1);
  });

  it('admits that it does not know an answer', async () => {
    const { url } = sample;
    const { body } = await runJson(url, '/agents/background-task-agent', 'What is the weather in Paris?');
    expect(body['content']).toMatch(/^I do not know\. I am an offline demo/);
  });

  it('runs hooks without a mode inline', () => {
    expect(modesOf(sample)).toEqual({
      ...{ logRequest: 'background', logAnalytics: 'inline', sendNotification: 'background' },
    });
  });

  it('keeps an answer for the staff out of the stream', async () => {
    const { url } = sample;
    const question = 'How does the support staff verify the identity of a caller?';
    const frames = await runSse(url, '/agents/guarded-agent', question);
    expect(frames.at(-1)).toMatchObject({ event: 'RunError', data: { error_type: 'output_check_error' } });
    expect(namesOf(frames)).not.toContain('RunContent');
  });

  it('rejects a question with a card number, whatever stands around it', async () => {
    const { url } = sample;
    const { status, body } = await runJson(
      url,
      '/agents/guarded-agent',
      'My card is 4111 1111 1111 1111 12/27',
    );
    expect([status, body['error_type']]).toEqual([400, 'input_check_error']);
  });

  it('scores right answers well and wrong ones badly', async () => {
    const { url, agentOs } = sample;
    const expected = {
      'How do I reset my password?': [true, 10],
      'I forgot my password': [true, 7],
      'How do I pause my subscription?': [false, 4],
      'How do I change my phone number?': [false, 3],
      'What is the weather in Paris?': [false, 2],
    };
    const questions = Object.keys(expected);
    await Promise.all(questions.map((question) => runJson(url, '/agents/judged-agent', question)));
    await agentOs.drain();
    const response = await fetch(`${url}/evaluations`, { headers: { connection: 'close' } });
    const marks = (await response.json()) as { input: string; passed: boolean; score: number }[];
    expect(Object.fromEntries(marks.map(({ input, passed, score }) => [input, [passed, score]]))).toEqual(
      expected,
    );
  });

  it('names the files that came with a question', async () => {
    const { url } = sample;
    const form = new FormData();
    form.set('message', 'I forgot my password');
    form.set('stream', 'false');
    form.set('files', new Blob(['three']), 'notes.md');
    const init = { method: 'POST', body: form, headers: { connection: 'close' } };
    const response = await fetch(`${url}/agents/background-task-agent/runs`, init);
    expect(await response.json()).toMatchObject({
      content: expect.stringMatching(
        /^Received: notes\.md \(text\/markdown, 5 bytes\)\.[^]*"Forgot password\?"/,
      ),
    });
  });

  it('masks personal data in the input of the guarded agent', async () => {
    const { url } = sample;
    const { body } = await runJson(url, '/agents/guarded-agent', ' I am joe@example.com. Reset my password?');
    expect(body['input']).toEqual({ input_content: 'I am [EMAIL]. Reset my password?' });
  });

  it('passes a question down to the member of the nested team, whose hooks run too', async () => {
    const { url, agentOs } = sample;
    const { body } = await runJson(url, '/teams/help-desk', 'Where do I find my invoices?');
    expect(body).toMatchObject({
      team_id: 'help-desk',
      member_responses: [
        { team_id: 'billing-team', member_responses: [{ agent_id: 'invoices-agent', status: 'COMPLETED' }] },
      ],
    });
    await agentOs.drain();
    const counted = (await agentOs.executions.list({ hook: 'countAnswer', limit: 3 })).reverse();
    expect(counted.map(({ component, state }) => [component.id, state])).toEqual([
      ['invoices-agent', 'succeeded'],
      ['billing-team', 'succeeded'],
      ['help-desk', 'succeeded'],
    ]);
  });

  it('runs the steps of its workflow in order', async () => {
    const { url } = sample;
    const { body } = await runJson(url, '/workflows/support-workflow', 'Hi. How do I cancel my plan?');
    expect(body['step_results']).toMatchObject([
      { step_name: 'find the question', executor_type: 'agent', content: 'How do I cancel my plan?' },
      { step_name: 'answer', executor_type: 'team' },
      { step_name: 'sign', executor_type: 'function', content: body['content'] },
    ]);
  });

  it('takes a file of 10 MiB as text, in JSON and in a form', async () => {
    const { url } = sample;
    const image = { content: 'A'.repeat(13_981_012), mime_type: 'image/png' };
    const fields = { message: 'I forgot my password', stream: 'false', images: JSON.stringify([image]) };
    const headers = { 'content-type': 'application/json' };
    for (const init of [{ body: JSON.stringify(fields), headers }, { body: new URLSearchParams(fields) }]) {
      const response = await fetch(`${url}/agents/background-task-agent/runs`, { method: 'POST', ...init });
      expect([response.status, await response.text()]).toEqual([200, expect.stringContaining('COMPLETED')]);
    }
  });

  it('prints a summary of its components, hooks and stores', () => {
    const { agentOs } = sample;
    const lines = summarize(agentOs, 'http://localhost:7777').split('\n');
    expect(lines).toEqual([
      expect.stringMatching(/Components +3 agents, 2 teams, 2 workflows/),
      expect.stringMatching(/Hooks +\d+ inline, \d+ in the background/),
      expect.stringMatching(/Switch +off/),
      expect.stringMatching(/Data +memory:\/\/, PostgreSQL in this process/),
      expect.stringMatching(/Queue +of background hooks in the same place/),
      expect.stringMatching(/Answers +an offline demo/),
      expect.stringMatching(/Dashboard +http:\/\/localhost:7777\/dashboard/),
      expect.stringMatching(/Routes/),
    ]);
  });

  it('answers unknown routes and malformed JSON with a detail', async () => {
    const { url } = sample;
    const unknown = await fetch(`${url}/nothing`, { headers: { connection: 'close' } });
    const malformed = await fetch(`${url}/agents/guarded-agent/runs`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', connection: 'close' },
      body: '{',
    });
    expect([unknown.status, await unknown.json()]).toEqual([404, { detail: 'Cannot GET /nothing' }]);
    expect([malformed.status, await malformed.json()]).toEqual([400, { detail: expect.any(String) }]);
  });

  it('prints curl lines that succeed', async () => {
    const { port } = sample;
    const lines = examples(port).map(({ curl }) => curl);
    const statuses = await Promise.all(lines.map(statusOf));
    const expected = lines.map((curl) => {
      if (/4111 1111|identity.*stream=false/.test(curl)) return 400;
      return curl.includes('background=true') ? 202 : 200;
    });
    expect(statuses).toEqual(expected);
    expect([400, 202].map((status) => expected.filter((item) => item === status).length)).toEqual([2, 1]);
  });
});

describe('The summary of the sample application', () => {
  afterEach(() => {
    for (const name of ['DATABASE_URL', 'REDIS_URL', 'EXECUTOR', 'ROLE']) delete process.env[name];
  });

  it('names the server and the database of DATABASE_URL, not the password', () => {
    process.env['DATABASE_URL'] = 'postgres://me:secret@db.example:5433/chats?sslmode=require';
    expect(describeStorage()).toBe('PostgreSQL server db.example:5433/chats');
    process.env['DATABASE_URL'] = 'host=db.example password=secret';
    expect(describeStorage()).toBe('PostgreSQL server of DATABASE_URL');
  });

  it('names the Redis server of REDIS_URL, not the password', () => {
    process.env['REDIS_URL'] = 'redis://:secret@redis.example:6380';
    expect(describeHookQueue()).toBe('Redis server redis.example:6380');
  });

  it('says that EXECUTOR=in-process loses hooks, and refuses an unknown EXECUTOR', () => {
    process.env['EXECUTOR'] = 'in-process';
    expect(describeHookQueue()).toMatch(/^in memory, a crash loses them/);
    expect(createHookExecutor({ folder: 'memory://' })).toBeUndefined();
    process.env['EXECUTOR'] = 'bull';
    expect(describeHookQueue).toThrow('EXECUTOR is "bull", expected one of bullmq and in-process.');
  });

  it('leaves the hooks of the server to workers with ROLE=server, if workers can reach the queue', () => {
    expect(roleOfServer()).toBe('both');
    process.env['ROLE'] = 'server';
    expect(roleOfServer).toThrow(
      'ROLE=server leaves hooks to workers, which needs DATABASE_URL or REDIS_URL.',
    );
    process.env['REDIS_URL'] = 'redis://redis.example';
    expect(roleOfServer()).toBe('server');
    process.env['EXECUTOR'] = 'in-process';
    expect(roleOfServer).toThrow('ROLE=server leaves hooks to workers');
    process.env['ROLE'] = 'worker';
    expect(roleOfServer).toThrow('ROLE is "worker", expected one of both and server.');
  });
});

describe('The sample application with RUN_HOOKS_IN_BACKGROUND=true', () => {
  it('runs hooks without a mode in the background', async () => {
    // That it starts without a database is shown above: this one is copied.
    const folder = await mkdtemp(join(tmpdir(), 'agent-os-sample-'));
    await (await createPglite(folder)).close();
    process.env['RUN_HOOKS_IN_BACKGROUND'] = 'true';
    process.env['DATA_FOLDER'] = folder;
    try {
      const sample = await startSample();
      expect(modesOf(sample)).toEqual({
        ...{ logRequest: 'background', logAnalytics: 'background', sendNotification: 'background' },
      });
      await sample.app.close();
    } finally {
      delete process.env['RUN_HOOKS_IN_BACKGROUND'];
      process.env['DATA_FOLDER'] = 'memory://';
      await rm(folder, { recursive: true });
    }
  });
});

async function startSample(): Promise<Sample> {
  const notifications = new GatedNotifications();
  const testing = await Test.createTestingModule({ imports: [AppModule] })
    .overrideProvider(Notifications)
    .useValue(notifications)
    .compile();
  const app = testing.createNestApplication<NestExpressApplication>({ logger: false });
  serveOpenApi(app);
  takeLargeBodies(app);
  await app.listen(0, 'localhost');
  const { port } = app.getHttpServer().address() as AddressInfo;
  return { app, url: `http://localhost:${port}`, port, agentOs: app.get(AgentOsService), notifications };
}

function modesOf({ agentOs }: Sample): Record<string, unknown> {
  const ofAgent = agentOs
    .listHooks()
    .filter(({ attachment }) => attachment?.component.id === 'background-task-agent');
  return Object.fromEntries(ofAgent.map(({ hook, attachment }) => [hook, attachment?.mode]));
}

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

describe('The command npm start', () => {
  it('says that it compiles before it loads the compiler, and needs no particular shell', () => {
    const { scripts } = JSON.parse(readDocument('package.json')) as { scripts: Record<string, string> };
    expect([scripts['start'], scripts['start:dev'], scripts['start:worker']]).toEqual([
      'node scripts/start.js',
      'node scripts/start.js --watch',
      'node scripts/start.js worker',
    ]);
    const script = join(import.meta.dirname, '../../scripts/start.js');
    const said = execFileSync(process.execPath, [script, '--help'], { encoding: 'utf8' });
    expect(said).toMatch(/^Compiling the sample application, .*\nUsage: \w+ start/);
  });
});
