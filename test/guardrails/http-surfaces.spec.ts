import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import { Agent, defineHook, step, Team, Workflow } from 'nestjs-agentos';
import type { EngineRequest } from 'nestjs-agentos/engine';
import { piiGuardrail } from 'nestjs-agentos/guardrails';

import { closeApps, startApp, type TestApp } from '../support/test-app.js';
import { uploadOf } from '../support/upload-form.js';
import { userId } from '../support/users.js';

const CARD = '4111111111111111';
const PATHS = ['/agents/agent', '/teams/team', '/workflows/workflow'] as const;
const TRANSPORTS = ['json', 'sse', 'background'] as const;

/** All that engines have been asked with. */
let asked: string[] = [];
/** All that a background hook has seen. */
let seen: string[] = [];

const remember = (request: EngineRequest): void => {
  const { context, input, files, messages } = request;
  const texts = files.map(({ name, content = '' }) => [name, Buffer.from(content, 'base64').toString()]);
  const { metadata, dependencies, sessionState } = context;
  asked.push(JSON.stringify({ input, texts, messages, metadata, dependencies, sessionState }));
};

const audit = defineHook((context: object) => void seen.push(JSON.stringify(context)), {
  name: 'audit',
  runInBackground: true,
});
const mask = piiGuardrail({ strategy: 'mask' });
const detect = piiGuardrail();

const member = new Agent({
  id: 'member',
  engine: (request) => {
    remember(request);
    return `You said: ${request.input}`;
  },
});

/** With this guardrail before the run, and one after it that refuses. */
const before = { preHooks: [mask], postHooks: [audit] };
const agent = new Agent({ id: 'agent', engine: (request) => (remember(request), request.input), ...before });
const team = new Team({
  id: 'team',
  members: [member],
  engine: async (request) => {
    remember(request);
    return request.delegate('member', request.input);
  },
  ...before,
});
const workflow = new Workflow({
  id: 'workflow',
  steps: [step('ask', member), step('again', team)],
  ...before,
});

/** Components whose answers a guardrail looks at; the question holds an address and stays out of it. */
const fine = new Agent({ id: 'fine', engine: () => 'fine' });
const careful = {
  agents: [new Agent({ id: 'careful-agent', engine: () => 'fine', postHooks: [detect] })],
  teams: [
    new Team({
      id: 'careful-team',
      members: [fine],
      postHooks: [detect],
      engine: async function* ({ delegate, input }) {
        yield { type: 'tool-call', id: '1', name: 'look', arguments: { n: 1 } } as const;
        yield { type: 'tool-result', id: '1', result: 'ok' } as const;
        await delegate('fine', input);
        yield { content: 'fine' };
      },
    }),
    new Team({
      id: 'careful-all',
      mode: 'broadcast',
      members: [fine],
      engine: () => 'fine',
      postHooks: [detect],
    }),
    new Team({
      id: 'careful-route',
      mode: 'route',
      members: [fine],
      engine: ({ delegate, input }) => delegate('fine', input),
      postHooks: [detect],
    }),
  ],
  workflows: [
    new Workflow({ id: 'careful-workflow', steps: [step('a', fine), step('b', fine)], postHooks: [detect] }),
  ],
};

/** Answers that hold a card in one place only. */
const LEAKS = {
  content: { content: CARD },
  'a number of data': { content: 'fine', data: { card: Number(CARD) } },
  'a key of data': { content: 'fine', data: { [CARD]: true } },
  metadata: { content: 'fine', metadata: { note: { card: Number(CARD) } } },
  'a number in tool arguments': {
    content: 'fine',
    tools: [{ id: '1', name: 'pay', arguments: { list: [{ card: Number(CARD) }] } }],
  },
  'a key in tool arguments': { content: 'fine', tools: [{ id: '1', name: 'pay', arguments: { [CARD]: 1 } }] },
  'a tool result': {
    content: 'fine',
    tools: [{ id: '1', name: 'pay', arguments: {}, result: `card ${CARD}` }],
  },
} as const;
type Leak = keyof typeof LEAKS;

const leaky = (guard: 'mask' | 'detect'): Agent =>
  new Agent({
    id: `leaky-${guard}`,
    engine: ({ input }) => LEAKS[input as Leak],
    postHooks: [piiGuardrail({ strategy: guard }), audit],
  });
const source = new Agent({ id: 'leaky', engine: ({ input }) => LEAKS[input as Leak] });
const leakyTeam = (guard: 'mask' | 'detect'): Team =>
  new Team({
    id: `leaky-team-${guard}`,
    members: [source],
    engine: async ({ delegate, input }) => {
      await delegate('leaky', input);
      return 'fine';
    },
    postHooks: [piiGuardrail({ strategy: guard }), audit],
  });
const leakyWorkflow = (guard: 'mask' | 'detect'): Workflow =>
  new Workflow({
    id: `leaky-workflow-${guard}`,
    steps: [step('leak', source), step('last', () => 'fine')],
    postHooks: [piiGuardrail({ strategy: guard }), audit],
  });

let app: TestApp;
let sessions = 0;

beforeAll(async () => {
  const guards = ['mask', 'detect'] as const;
  app = await startApp({
    agentOs: {
      agents: [agent, ...careful.agents, ...guards.map(leaky)],
      teams: [team, ...careful.teams, ...guards.map(leakyTeam)],
      workflows: [workflow, ...careful.workflows, ...guards.map(leakyWorkflow)],
      http: { userId, acceptClientContext: true },
    },
  });
});
afterAll(closeApps);
afterEach(() => {
  asked = [];
  seen = [];
});

type Transport = (typeof TRANSPORTS)[number];

/** Runs a component, and reads all that a client may read of it afterwards. */
async function runAndRead(
  path: string,
  transport: Transport,
  form: FormData,
  user = 'ann@example.org',
): Promise<{ readonly status: number; readonly answer: string; readonly all: string }> {
  const id = `s${++sessions}`;
  const headers = { 'x-user': user };
  form.set('session_id', id);
  form.set('stream', String(transport === 'sse'));
  if (transport === 'background') form.set('background', 'true');
  const response = await fetch(`${app.url}${path}/runs`, { method: 'POST', body: form, headers });
  const answer = await response.text();
  await app.agentOs.drain();
  const paths = ['/sessions', `/sessions/${id}`, `/sessions/${id}/runs`, `${path}/runs?session_id=${id}`];
  if (transport === 'background') {
    const { run_id: runId } = JSON.parse(answer) as { run_id: string };
    paths.push(`${path}/runs/${runId}?session_id=${id}`);
  }
  const stored = await Promise.all(
    paths.map(async (each) => (await fetch(app.url + each, { headers })).text()),
  );
  return { status: response.status, answer, all: [answer, ...stored].join('\n') };
}

describe.each(PATHS)('piiGuardrail among the pre-hooks of %s', (path) => {
  it.each(TRANSPORTS)(
    'keeps a card in any part of the form from engines and clients (%s)',
    async (transport) => {
      const form = uploadOf([{ name: `${CARD}.csv`, type: 'text/csv', content: `Ann,${CARD}` }], {
        message: `charge ${CARD}`,
        metadata: JSON.stringify({ card: Number(CARD), [CARD]: 1 }),
        dependencies: JSON.stringify({ deep: [{ card: CARD }] }),
        session_state: JSON.stringify({ card: CARD }),
      });
      const { status, all } = await runAndRead(path, transport, form);

      expect(status).toBeLessThan(300);
      expect(asked.length).toBeGreaterThan(0);
      expect(asked.join()).not.toContain(CARD);
      expect(asked[0]).toContain('Ann,[CARD]');
      expect(asked[0]).toContain('charge [CARD]');
      expect(all).not.toContain(CARD);
      expect(seen.length).toBeGreaterThan(0);
      expect(seen.join()).not.toContain(CARD);
      expect(seen.join()).not.toContain(Buffer.from(`Ann,${CARD}`).toString('base64'));
      expect(JSON.stringify(app.log.entries)).not.toContain(CARD);
    },
  );
});

describe('piiGuardrail among the post-hooks', () => {
  const components = [
    '/agents/careful-agent',
    '/teams/careful-team',
    '/teams/careful-all',
    '/teams/careful-route',
    '/workflows/careful-workflow',
  ];

  it.each(
    components.flatMap((path) => (['json', 'sse'] as const).map((transport) => [path, transport] as const)),
  )(
    'lets a user be an e-mail address and a question hold a telephone number (%s, %s)',
    async (path, transport) => {
      const form = uploadOf([], {
        message: 'Call me: +49 30 1234567',
        user_id: 'bob@example.org',
        metadata: JSON.stringify({ owner: 'owner@example.org' }),
      });
      const { status, answer } = await runAndRead(path, transport, form);

      expect(status).toBe(200);
      expect(answer).toContain('fine');
      expect(answer).not.toContain('output_check_error');
    },
  );

  const guarded = ['/agents/leaky-', '/teams/leaky-team-', '/workflows/leaky-workflow-'];
  it.each(guarded.flatMap((path) => TRANSPORTS.map((transport) => [path, transport] as const)))(
    'shows and keeps no card from anywhere in an answer (%s…, %s)',
    async (path, transport) => {
      for (const leak of Object.keys(LEAKS)) {
        for (const guard of ['mask', 'detect']) {
          const { all } = await runAndRead(path + guard, transport, uploadOf([], { message: leak }));
          expect({ leak, guard, isShown: all.includes(CARD) }).toEqual({ leak, guard, isShown: false });
          expect({ leak, guard, isSeen: seen.join().includes(CARD) }).toEqual({ leak, guard, isSeen: false });
        }
      }
    },
  );
});
