import { once } from 'node:events';

import { afterEach, describe, expect, it } from '@jest/globals';
import {
  Agent,
  defineGuardrail,
  defineHook,
  InputCheckError,
  ProviderError,
  step,
  Team,
  Workflow,
  type PreHookContext,
} from 'nestjs-agentos';

import { inBackground } from '../support/background-hook.js';
import { namesOf, parseFrames, runJson, runSse } from '../support/http-client.js';
import { readAnswer, sendRaw, type RawAnswer } from '../support/raw-client.js';
import { ADAPTERS, closeApps, startApp } from '../support/test-app.js';

afterEach(closeApps);

async function stream(port: number, path: string, message: string): Promise<RawAnswer> {
  const body = new URLSearchParams({ message, stream: 'true' }).toString();
  const headers = { 'content-type': 'application/x-www-form-urlencoded' };
  return readAnswer(await sendRaw(port, `${path}/runs`, headers, body));
}

/** Ids and times made equal, so that every byte of a stream can be compared. */
function withoutChance(body: string): string {
  return body
    .replaceAll(/"created_at":\d{10}\b/g, '"created_at":0')
    .replaceAll(/"(run_id|session_id)":"[0-9a-f-]{36}"/g, '"$1":"…"')
    .replaceAll(/^id: [0-9a-f-]{36}:/gm, 'id: …:')
    .replaceAll(/"(time_to_first_token|duration)":[\d.e-]+/g, '"$1":0');
}

/** Resolves once a number has stayed the same for many turns of the event loop. */
async function standstill(read: () => number): Promise<void> {
  for (let last = -1, turns = 0; turns < 1_000; turns++) {
    await new Promise((resolve) => setImmediate(resolve));
    if (read() !== last) [last, turns] = [read(), 0];
  }
}

describe.each(ADAPTERS)('An event stream on %s', (adapter) => {
  it('is framed byte by byte as the protocol says', async () => {
    const writer = new Agent({
      id: 'writer',
      name: 'Writer',
      engine: function* ({ input }) {
        yield 'Ä "quoted"\r\nline\n\n';
        yield `data: ${input} 👋`;
      },
    });
    const { port } = await startApp({ adapter, agentOs: { agents: [writer] } });
    const { statusLine, headers, body } = await stream(port, '/agents/writer', 'hi');
    expect([
      statusLine,
      headers['content-type'],
      headers['cache-control'],
      headers['x-accel-buffering'],
    ]).toEqual([
      'HTTP/1.1 200 OK',
      'text/event-stream; charset=utf-8',
      'no-cache, no-transform, no-store',
      'no',
    ]);
    const common = '"agent_id":"writer","agent_name":"Writer","run_id":"…","session_id":"…","nested_depth":0';
    const piece = '"content_type":"str","reasoning_content":"","workflow_agent":false';
    let index = 0;
    const frame = (event: string, fields = ''): string =>
      `event: ${event}\ndata: {"created_at":0,"event":"${event}",${common}${fields}}\nid: …:${index++}\n\n`;
    expect(withoutChance(body)).toBe(
      frame('RunStarted') +
        frame('RunContent', String.raw`,"content":"Ä \"quoted\"\r\nline\n\n",${piece}`) +
        frame('RunContent', `,"content":"data: hi 👋",${piece}`) +
        frame('RunContentCompleted') +
        frame(
          'RunCompleted',
          String.raw`,"content":"Ä \"quoted\"\r\nline\n\ndata: hi 👋","content_type":"str","session_state":{},"metrics":{"time_to_first_token":0,"duration":0}`,
        ),
    );
  });

  it('contains only frames, for teams and workflows too', async () => {
    const echo = new Agent({ id: 'echo', engine: ({ input }) => input });
    const desk = new Team({
      id: 'desk',
      members: [echo],
      engine: ({ delegate }) => delegate('echo', 'line\nline'),
    });
    const flow = new Workflow({
      id: 'flow',
      steps: [step('ask', desk), step('shout', ({ input }) => `${input}!`)],
    });
    const { port } = await startApp({
      adapter,
      agentOs: { agents: [echo], teams: [desk], workflows: [flow] },
    });
    for (const path of ['/agents/echo', '/teams/desk', '/workflows/flow']) {
      const { body } = await stream(port, path, 'hi');
      const frames = parseFrames(body);
      const runId = String(frames[0]?.data['run_id']);
      const whole = frames.map(
        ({ event, data }, index) =>
          `event: ${event}\ndata: ${JSON.stringify(data)}\nid: ${runId}:${index}\n\n`,
      );
      expect(whole.join('')).toBe(body);
      expect(frames.every(({ event, data }) => data['event'] === event && !('data' in data))).toBe(true);
    }
  });

  it('slows the engine down to the pace of its reader, who gets everything in the end', async () => {
    const PIECES = 512;
    const piece = 'x'.repeat(64 * 1024);
    let yields = 0;
    const talker = new Agent({
      id: 'talker',
      engine: function* () {
        for (yields = 0; yields < PIECES; yields++) yield piece;
      },
    });
    const { port } = await startApp({ adapter, agentOs: { agents: [talker] } });
    const headers = { 'content-type': 'application/x-www-form-urlencoded' };
    const socket = await sendRaw(port, '/agents/talker/runs', headers, 'message=hi');
    await once(socket, 'readable');
    await standstill(() => yields);
    expect(yields).toBeLessThan(PIECES / 2);
    const contents = parseFrames((await readAnswer(socket)).body).filter(
      ({ event }) => event === 'RunContent',
    );
    expect(contents.length).toBe(PIECES);
    expect(contents.every(({ data }) => data['content'] === piece)).toBe(true);
  });
});

describe.each(ADAPTERS)('Where it differs from the original protocol on purpose, on %s,', (adapter) => {
  const fussy = new Agent({
    id: 'fussy',
    engine: () => 'never asked',
    preHooks: [
      defineGuardrail(function refuse() {
        throw new InputCheckError('Not here.', { trigger: 'off_topic' });
      }),
    ],
  });

  it('a workflow whose step was rejected has the status ERROR, and one event for it', async () => {
    const flow = new Workflow({ id: 'flow', steps: [fussy] });
    const { url } = await startApp({ adapter, agentOs: { workflows: [flow] } });
    const problem = { error_type: 'input_check_error', error_id: 'off_topic' };
    expect(await runJson(url, '/workflows/flow', 'hi')).toMatchObject({
      status: 400,
      body: { status: 'ERROR', detail: 'Not here.', ...problem },
    });
    const frames = await runSse(url, '/workflows/flow', 'hi');
    expect(frames.filter(({ event }) => event === 'WorkflowError')).toMatchObject([
      { data: { error: 'Not here.', ...problem } },
    ]);
    expect(frames.at(-1)?.event).toBe('WorkflowError');
  });

  it('a team reports its start before its pre-hooks run, and shows no input before they have ended', async () => {
    const mask = ({ runInput }: PreHookContext): void => {
      runInput.content = 'masked';
    };
    const desk = new Team({ id: 'desk', members: [fussy], engine: ({ input }) => input, preHooks: [mask] });
    const { url } = await startApp({ adapter, agentOs: { teams: [desk] } });
    const frames = await runSse(url, '/teams/desk', 'my secret');
    expect(namesOf(frames)).toEqual([
      'TeamRunStarted',
      'TeamPreHookStarted',
      'TeamPreHookCompleted',
      'TeamRunContent',
      'TeamRunContentCompleted',
      'TeamRunCompleted',
    ]);
    expect(JSON.stringify(frames)).not.toContain('secret');
  });

  it('an inline hook that fails has ended too, with an error, while a background hook has no events', async () => {
    const fail = defineHook(
      function fail() {
        throw new Error('the database password is 1234');
      },
      { onError: 'continue' },
    );
    const agent = new Agent({
      id: 'agent',
      engine: () => 'answer',
      preHooks: [inBackground('later', () => undefined)],
      postHooks: [fail, inBackground('after', () => undefined)],
    });
    const { url } = await startApp({ adapter, agentOs: { agents: [agent] } });
    const frames = await runSse(url, '/agents/agent', 'hi');
    expect(frames.filter(({ event }) => event.includes('Hook'))).toMatchObject([
      { event: 'PostHookStarted', data: { post_hook_name: 'fail' } },
      { event: 'PostHookCompleted', data: { post_hook_name: 'fail', error: 'The hook failed.' } },
    ]);
  });

  it('the failure of a provider is 502, and any other failure of the engine 500', async () => {
    const agents = [
      new Agent({
        id: 'provider',
        engine: () => {
          throw new ProviderError('overloaded', new Error('key sk-1234 is over its limit'));
        },
      }),
      new Agent({
        id: 'engine',
        engine: () => {
          throw new Error('key sk-1234 is over its limit');
        },
      }),
    ];
    const { url } = await startApp({ adapter, agentOs: { agents } });
    const answers = [
      await runJson(url, '/agents/provider', 'hi'),
      await runJson(url, '/agents/engine', 'hi'),
    ];
    expect(answers).toMatchObject([
      {
        status: 502,
        body: { detail: 'The model provider failed.', error_type: 'provider_error', status: 'ERROR' },
      },
      { status: 500, body: { detail: 'The run failed.', error_type: 'run_failed', status: 'ERROR' } },
    ]);
    expect(JSON.stringify(answers)).not.toContain('sk-1234');
  });

  it('a cancelled run is answered with its output so far: 200, CANCELLED', async () => {
    const agent = new Agent({
      id: 'agent',
      engine: async function* ({ context, signal }) {
        yield 'half an answer';
        agentOs.cancel(context.runId);
        signal.throwIfAborted();
      },
    });
    const { url, agentOs } = await startApp({ adapter, agentOs: { agents: [agent] } });
    expect(await runJson(url, '/agents/agent', 'hi')).toMatchObject({
      status: 200,
      body: { status: 'CANCELLED', content: 'half an answer' },
    });
    const frames = await runSse(url, '/agents/agent', 'hi');
    const { run_id } = frames[0]?.data ?? {};
    expect(frames.slice(-2)).toMatchObject([
      {
        event: 'RunCancelled',
        data: { content: 'half an answer', reason: `Run ${String(run_id)} was cancelled` },
      },
      { event: 'RunCompleted', data: { content: 'half an answer' } },
    ]);
  });
});
