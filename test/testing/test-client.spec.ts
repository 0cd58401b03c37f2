import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { NestFactory } from '@nestjs/core';
import { Agent, AgentOsModule, Team, Workflow } from 'nestjs-agentos';
import type { EngineRequest } from 'nestjs-agentos/engine';
import {
  ClientLeftError,
  createTestAgentOs,
  createTestClient,
  scriptedEngine,
  type TestAgentOs,
} from 'nestjs-agentos/testing';

const engine = ({ input, files, context: { userId = 'nobody' } }: EngineRequest) =>
  [input, userId, ...files.map(({ name = '', content = '' }) => `${name}:${atob(content)}`)].join(' ');
const member = new Agent({ id: 'member', engine });
const failing = new Agent({ id: 'failing', engine: () => Promise.reject(new Error('no')) });
const data = new Agent({ id: 'data', engine: () => ({ content: '{"a":1}', data: { a: 1 } }) });

describe('The test client', () => {
  const pausing = scriptedEngine().text('one ').hang().text('two').repeat();
  let os: TestAgentOs;

  beforeAll(async () => {
    os = await createTestAgentOs({
      agents: [member, failing, data, new Agent({ id: 'pausing', engine: pausing })],
      teams: [new Team({ id: 'desk', members: [member], engine: ({ input }) => `team ${input}` })],
      workflows: [new Workflow({ id: 'flow', steps: [member] })],
      http: { prefix: 'os' },
      logger: false,
    });
  });
  afterAll(() => os.close());

  it('runs agents, teams and workflows by their id', async () => {
    const answers = ['member', 'desk', 'flow'].map((id) => os.client.run(id, 'hi', { userId: 'ann' }));

    expect((await Promise.all(answers)).map(({ content }) => content)).toEqual([
      'hi ann',
      'team hi',
      'hi ann',
    ]);
  });

  it('returns status, ids, body and headers, and does not reject for a failed run', async () => {
    const run = await os.client.run('member', 'hi', { sessionId: 's1' });
    const failed = await os.client.run('failing', 'hi');

    expect(run).toMatchObject({
      status: 200,
      component: 'member',
      sessionId: 's1',
      body: { status: 'COMPLETED' },
    });
    expect(run.runId).toBe(run.body.run_id);
    expect(run.headers['content-type']).toContain('json');
    expect([failed.status, failed.content]).toEqual([500, 'The run failed.']);
    expect((await os.client.run('data', 'hi')).content).toBe('{"a":1}');
  });

  it('sends files and any other field of the form', async () => {
    const files = [{ name: 'a "1".csv', type: 'text/csv', content: 'x,y' }];
    const run = await os.client.run('member', 'hi', { files, fields: { metadata: '{"k":1}' } });

    expect(run.content).toMatch(/^hi nobody a .*1.*\.csv:x,y$/);
    expect(run.body['metadata']).toEqual({ k: 1 });
  });

  it('sends headers of one request, or of all', async () => {
    const seen: unknown[] = [];
    const app = await NestFactory.create(
      AgentOsModule.forRoot({
        agents: [member],
        http: {
          userId: (request: { headers: { user: string } }) => void seen.push(request.headers.user) as never,
        },
      }),
      { logger: false },
    );
    await app.listen(0, '127.0.0.1');
    const client = createTestClient(app, { headers: { user: 'ann' } });

    await client.run('member', 'hi');
    await client.withHeaders({ user: 'bob' }).run('member', 'hi');
    await client.run('member', 'hi', { headers: { user: 'eve' } });

    expect([...new Set(seen)]).toEqual(['ann', 'bob', 'eve']);
    await client.close();
    await app.close();
  });

  it('reads events one by one, up to a given one, or to the end', async () => {
    const names: string[] = [];
    for await (const { event } of os.client.stream('member', 'hi')) names.push(event);
    const stream = os.client.stream('member', 'hi');

    expect(await stream.until('RunContent')).toMatchObject({
      event: 'RunContent',
      content: expect.any(String),
    });
    expect((await stream.rest()).at(-1)?.event).toBe('RunCompleted');
    expect(names.at(0)).toBe('RunStarted');
    const second = await os.client.stream('pausing', 'hi').until(({ content }) => content === 'one ');
    expect(second).toMatchObject({ event: 'RunContent', content: 'one ' });
    pausing.proceed(await pausing.hanging(second.run_id));
    await expect(os.client.stream('member', 'hi').until('Nothing')).rejects.toThrow(
      `The stream has ended without the event "Nothing". Events read: ${names.join(', ')}.`,
    );
  });

  it('shows the answer that came in place of a stream', async () => {
    const stream = os.client.stream('member', ' ');

    await expect(stream.rest()).rejects.toThrow(
      /^The run was answered with 422 instead of a stream: \{"detail"/,
    );
  });

  it('leaves before the answer, and the server notices it', async () => {
    const run = os.client.run('pausing', 'hi');
    const id = await pausing.hanging();

    await run.leave();

    await expect(run).rejects.toThrow(ClientLeftError);
    await expect(run).rejects.toThrow(
      'The client of POST /os/agents/pausing/runs disconnected before its answer was complete.',
    );
    // The run goes on without it.
    expect(os.agentOs.listRuns().map(({ runId }) => runId)).toContain(id);
    pausing.proceed(id);
  });

  it('leaves a stream on request or at the end of the loop that reads it', async () => {
    const stream = os.client.stream('pausing', 'hi');
    const { run_id: first } = await stream.until('RunContent');
    await stream.leave();
    await stream.leave();
    await expect(stream.rest()).rejects.toThrow(ClientLeftError);

    const other = os.client.stream('pausing', 'hi');
    const ids = [first];
    for await (const { event, run_id } of other) {
      if (event !== 'RunContent') continue;
      ids.push(run_id);
      break;
    }
    await expect(other.rest()).rejects.toThrow(ClientLeftError);
    for (const id of ids) pausing.proceed(await pausing.hanging(id));
  });

  it('starts runs in the background, fetches, resumes and cancels them', async () => {
    const run = await os.client.background('pausing', 'hi', { sessionId: 's2' });
    expect(run).toMatchObject({ status: 202, component: 'pausing', sessionId: 's2' });
    await pausing.hanging(run.runId);
    expect(await os.client.get(run)).toMatchObject({ status: 200, body: { status: 'RUNNING' } });

    pausing.proceed();
    const events = await os.client.resume(run).rest();
    expect(events.at(-1)).toMatchObject({ event: 'RunCompleted', content: 'one two' });
    expect((await os.client.resume(run, events.length).rest()).length).toBeLessThan(events.length);
    expect((await os.client.get(run)).content).toBe('one two');

    const other = await os.client.background('pausing', 'hi');
    await pausing.hanging(other.runId);
    expect((await os.client.cancel(other)).status).toBe(200);
    const ended = await os.client.resume(other).rest();
    expect(ended.map(({ event }) => event)).toContain('RunCancelled');
  });

  it('lists, shows and deletes sessions', async () => {
    await os.client.run('member', 'hi', { sessionId: 's3', userId: 'ann' });

    expect(await os.client.sessions.list({ user_id: 'ann', limit: '50' })).toMatchObject({
      status: 200,
      body: { data: expect.arrayContaining([expect.objectContaining({ session_id: 's3' })]) },
    });
    expect((await os.client.sessions.list()).status).toBe(200);
    expect(await os.client.sessions.get('s3')).toMatchObject({ body: { session_id: 's3' } });
    expect((await os.client.sessions.runs('s3')).body).toHaveLength(1);
    expect((await os.client.sessions.delete('s3')).status).toBe(204);
    expect((await os.client.sessions.get('s3')).status).toBe(404);
  });

  it('sends any other request, as JSON or as a form', async () => {
    expect(await os.client.request('GET', 'health')).toMatchObject({ status: 200, body: { status: 'ok' } });
    const created = await os.client.request('POST', '/sessions', { body: { session_id: 's4' } });
    expect(created.status).toBe(201);
    const form = { message: 'hi', stream: 'false' };
    expect((await os.client.request('POST', '/agents/member/runs', { form })).status).toBe(200);
  });

  it('names the served components if an unknown one is requested', () => {
    expect(() => os.client.run('suport', 'hi')).toThrow(
      'No component "suport" is served. Served: "member", "failing", "data", "pausing", "desk", "flow".',
    );
  });

  it('refuses an application that does not listen, or has no routes', async () => {
    const app = await NestFactory.create(AgentOsModule.forRoot({ http: false }), { logger: false });
    expect(() => createTestClient(app)).toThrow('the application does not listen. Call app.listen(0) first.');
    await app.listen(0, '127.0.0.1');
    expect(() => createTestClient(app)).toThrow('AgentOsModule has no routes (http: false)');
    await app.close();
  });
});
