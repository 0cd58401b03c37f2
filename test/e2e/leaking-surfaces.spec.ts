import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import { trace } from '@opentelemetry/api';
import {
  BasicTracerProvider,
  InMemorySpanExporter,
  SimpleSpanProcessor,
} from '@opentelemetry/sdk-trace-base';
import {
  Agent,
  agentAsJudge,
  defineGuardrail,
  defineHook,
  OutputCheckError,
  step,
  Team,
  Workflow,
  type HookFunction,
  type PostHookContext,
  type RunOutput,
} from 'nestjs-agentos';

import { raise } from '../support/raise.js';
import { ask, TRANSPORTS } from '../support/surfaces.js';
import { closeApps, startApp } from '../support/test-app.js';
import { readText } from '../support/users.js';

const exporter = new InMemorySpanExporter();

beforeAll(() => {
  const spanProcessors = [new SimpleSpanProcessor(exporter)];
  trace.setGlobalTracerProvider(new BasicTracerProvider({ spanProcessors }));
});
afterEach(async () => {
  await closeApps();
  exporter.reset();
});
afterAll(() => trace.disable());

/** One secret for each place where an engine, a member, a tool, a step or a hook may put text of the answer. */
const PLACES = [
  'answer',
  'data',
  'metadata',
  'context metadata',
  'dependencies',
  'tool arguments',
  'tool result',
  'failed tool',
  'member answer',
  'member data',
  'member metadata',
  'member tool',
  'step data',
  'question of a member',
  'session name',
  'session metadata',
  'evaluation',
] as const;
type Place = (typeof PLACES)[number];
const SECRET = 'secret-of-the-';
const secret = (place: Place): string => `<${SECRET}${place}>`;

const member = new Agent({
  id: 'member',
  engine: async function* () {
    yield { type: 'tool-call', id: 'm', name: 'find', arguments: { q: secret('member tool') } } as const;
    yield { type: 'tool-result', id: 'm', result: secret('member tool') } as const;
    yield {
      content: secret('member answer'),
      data: { it: secret('member data') },
      metadata: { it: secret('member metadata') },
    };
  },
  postHooks: [
    defineHook<PostHookContext>(
      ({ session }) => {
        session.name = secret('session name');
        session.metadata['it'] = secret('session metadata');
      },
      { name: 'name' },
    ),
    agentAsJudge({ engine: () => JSON.stringify({ score: 9, reason: secret('evaluation') }), criteria: 'c' }),
  ],
});

function team(id: string, postHooks: HookFunction<PostHookContext>[]): Team {
  return new Team({
    id,
    members: [member],
    postHooks,
    engine: async function* ({ context, delegate }) {
      context.metadata['it'] = secret('context metadata');
      context.dependencies['it'] = secret('dependencies');
      const args = { [secret('tool arguments')]: [{ deep: secret('tool arguments') }] };
      yield { type: 'tool-call', id: 'a', name: 'look', arguments: args } as const;
      yield { type: 'tool-result', id: 'a', result: secret('tool result') } as const;
      yield { type: 'tool-call', id: 'b', name: 'look', arguments: {} } as const;
      yield { type: 'tool-result', id: 'b', result: secret('failed tool'), failed: true } as const;
      await delegate('member', secret('question of a member'));
      yield {
        content: secret('answer'),
        data: { it: secret('data') },
        metadata: { it: secret('metadata') },
      };
    },
  });
}

function workflow(postHooks: HookFunction<PostHookContext>[]): Workflow {
  const inner = team('inner', []);
  const classify = step('classify', () => ({
    content: secret('question of a member'),
    data: { it: secret('step data') },
  }));
  const nested = new Team({
    id: 'nested',
    members: [inner],
    mode: 'route',
    engine: ({ delegate, input }) => delegate('inner', input),
  });
  return new Workflow({ id: 'root', steps: [classify, step('ask', nested)], postHooks });
}

const clear = (output: RunOutput): unknown => Object.assign(output, { content: '***' });
const GUARDS: readonly (readonly [string, HookFunction<PostHookContext>])[] = [
  ['refuses', defineGuardrail<PostHookContext>(() => raise(new OutputCheckError('No.')), { name: 'guard' })],
  ['breaks', defineGuardrail<PostHookContext>(() => raise(new Error('broken')), { name: 'guard' })],
  ['masks', defineGuardrail<PostHookContext>(({ runOutput }) => void clear(runOutput), { name: 'guard' })],
];

describe.each(GUARDS)('A guardrail of the root that %s', (_name, guard) => {
  describe.each(['teams', 'workflows'] as const)('of %s', (kind) => {
    it.each([...TRANSPORTS, 'background'] as const)(
      'leaves no secret on any surface that clients read, nor in copies of the root (%s)',
      async (transport) => {
        const copies: unknown[] = [];
        const audit = defineHook<PostHookContext>(
          ({ runOutput, runContext, session }) => void copies.push(runOutput, runContext, session),
          { name: 'audit', runInBackground: true, on: ['completed', 'rejected', 'failed'] },
        );
        const hooks = [guard, audit];
        const served = kind === 'teams' ? { teams: [team('root', hooks)] } : { workflows: [workflow(hooks)] };
        const { url, agentOs, log } = await startApp({
          agentOs: { ...served, telemetry: { content: true } },
        });
        const path = `/${kind}/root`;
        const isBackground = transport === 'background';
        const { text, body } = await ask(url, path, 'hi', isBackground ? 'sse' : transport, {
          session_id: 's',
          ...(isBackground ? { background: 'true' } : {}),
        });
        await agentOs.drain();
        const runId = String(body['run_id']);
        const resumed = await fetch(`${url}${path}/runs/${runId}/resume`, {
          method: 'POST',
          body: new URLSearchParams({ session_id: 's' }),
        });
        const paths = [
          '/sessions',
          '/sessions/s',
          '/sessions/s/runs',
          `/sessions/s/runs/${runId}`,
          `${path}/runs?session_id=s`,
          `${path}/runs/${runId}?session_id=s`,
          '/eval-runs',
          '/hooks',
          '/hooks/executions',
        ];
        const shown: Record<string, string> = { [transport]: text, resume: await resumed.text() };
        for (const each of paths) shown[each] = await readText(url, each);
        shown['copies'] = JSON.stringify(copies);
        shown['log'] = JSON.stringify(log.entries);
        const spans = exporter.getFinishedSpans().map(({ name, attributes, events, status, links }) => ({
          name,
          attributes,
          events,
          status,
          links,
        }));
        shown['spans'] = JSON.stringify(spans);
        expect(spans.length).toBeGreaterThan(2);
        expect(copies).toHaveLength(3);
        const leaks = Object.entries(shown).flatMap(([surface, found]) =>
          PLACES.filter((place) => found.includes(`${SECRET}${place}`)).map(
            (place) => `${place} in ${surface}`,
          ),
        );
        expect(leaks).toEqual([]);
      },
    );
  });
});

describe('Without a guardrail each surface', () => {
  it('shows its secret, so that the test is able to find one', async () => {
    const { url, agentOs } = await startApp({
      agentOs: { workflows: [workflow([])], telemetry: { content: true } },
    });
    const { text } = await ask(url, '/workflows/root', 'hi', 'sse', { session_id: 's' });
    await agentOs.drain();
    const paths = ['/sessions/s', '/sessions/s/runs', '/eval-runs'];
    const all = [text, ...(await Promise.all(paths.map((path) => readText(url, path))))].join();
    // These are for hooks only, in a workflow.
    const hidden: readonly Place[] = ['context metadata', 'dependencies'];
    expect(PLACES.filter((place) => !all.includes(`${SECRET}${place}`))).toEqual(hidden);
  });
});
