import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import {
  Agent,
  defineGuardrail,
  defineHook,
  OutputCheckError,
  step,
  Workflow,
  type Component,
  type PostHookContext,
  type PreHookContext,
} from 'nestjs-agentos';
import type { EngineEvent } from 'nestjs-agentos/engine';

import { raise } from '../support/raise.js';
import { ask, TRANSPORTS, type Transport } from '../support/surfaces.js';
import { closeApps, startApp, type TestApp } from '../support/test-app.js';
import { readText } from '../support/users.js';

type Data = Record<string, unknown>;

const LEVELS = 100_000;

/** What a hook writes: something that leads back to itself, or is deeper than any stack. */
const KINDS: Readonly<Record<string, () => Data>> = {
  circle: () => {
    const value: Data = {};
    value['self'] = value;
    return value;
  },
  abyss: () => {
    let value: Data = {};
    for (let level = 0; level < LEVELS; level++) value = { a: value };
    return value;
  },
};

/** Where it is written to. */
const WRITES: Readonly<Record<string, (context: PostHookContext, value: Data) => void>> = {
  tools: ({ runOutput }, value) =>
    void runOutput.tools.push({ id: 't', name: 't', arguments: value, startedAt: 1 }),
  data: ({ runOutput }, value) => void (runOutput.data = value),
  metadata: ({ runOutput }, value) => void (runOutput.metadata['x'] = value),
  metrics: ({ runOutput }, value) => void Object.assign(runOutput.metrics, { x: value }),
  messages: ({ runOutput }, value) => void Object.assign(runOutput.messages[0] ?? {}, { x: value }),
  contextMetadata: ({ runContext }, value) => void (runContext.metadata['x'] = value),
  dependencies: ({ runContext }, value) => void (runContext.dependencies['x'] = value),
  sessionState: ({ runContext }, value) => void (runContext.sessionState['x'] = value),
  sessionMetadata: ({ session }, value) => void (session.metadata['x'] = value),
};

/** Members inside of members, and steps inside of steps: so many, or without an end. */
const NESTED: Readonly<Record<string, (output: PostHookContext['runOutput'], levels: number) => void>> = {
  memberResponses: (output, levels) => {
    let last = { ...output, memberResponses: [] as (typeof output)[] };
    if (levels === Infinity) return void output.memberResponses.push(output);
    for (let level = 0; level < levels; level++) last = { ...output, memberResponses: [last] };
    output.memberResponses.push(last);
  },
  stepResults: (output, levels) => {
    const base = { stepId: 's', stepName: 's', type: 'step', content: '', success: true } as const;
    let last = { ...base, steps: [] as object[] };
    if (levels === Infinity) last.steps.push(last);
    else for (let level = 0; level < levels; level++) last = { ...base, steps: [last] };
    output.stepResults.push(last as never);
  },
};

const OUTCOMES = ['completed', 'rejected', 'failed'] as const;
const sees = defineHook<PostHookContext>(
  ({ runOutput, runContext, session }) => void [runOutput.runId, runContext.runId, session.id],
  { name: 'sees', runInBackground: true, on: OUTCOMES },
);
const guard = defineGuardrail(() => undefined, { name: 'guard' });

const writing = (id: string, write: (context: PostHookContext) => void, isGuarded: boolean): Agent =>
  new Agent({
    id,
    engine: () => 'fine',
    postHooks: [defineHook<PostHookContext>(write, { name: 'writes' }), ...(isGuarded ? [guard] : []), sees],
  });

const both = [false, true];
const POST = Object.entries(KINDS).flatMap(([kind, make]) =>
  Object.entries(WRITES).flatMap(([into, write]) =>
    both.map((isGuarded) =>
      writing(`${kind}-${into}-${String(isGuarded)}`, (context) => write(context, make()), isGuarded),
    ),
  ),
);
const INSIDE = Object.entries(NESTED).flatMap(([into, write]) =>
  [Infinity, LEVELS].flatMap((levels) =>
    both.map((isGuarded) => ({
      into,
      agent: writing(
        `${into}-${levels}-${String(isGuarded)}`,
        ({ runOutput }) => write(runOutput, levels),
        isGuarded,
      ),
    })),
  ),
);
const OTHERS = Object.entries(KINDS).flatMap(([kind, make]): Component[] => [
  new Agent({
    id: `${kind}-input`,
    engine: () => 'fine',
    preHooks: [
      defineHook<PreHookContext>(
        ({ runInput, runContext, session }) => {
          Object.assign(runInput, { x: make(), files: [{ id: 'f', kind: 'file', x: make() }] });
          runContext.metadata['x'] = make();
          session.metadata['x'] = make();
        },
        { name: 'writes' },
      ),
    ],
    postHooks: [sees],
  }),
  new Agent({
    id: `${kind}-engine`,
    engine: async function* ({ context }): AsyncGenerator<EngineEvent> {
      context.metadata['x'] = make();
      yield { type: 'tool-call', id: 't', name: 't', arguments: make() };
      yield { type: 'tool-result', id: 't', result: 'ok' };
      yield { type: 'data', data: make() };
      yield { type: 'text', text: 'fine' };
    },
    postHooks: [sees],
  }),
  new Agent({
    id: `${kind}-refused`,
    engine: () => 'fine',
    postHooks: [
      defineGuardrail(() => raise(new OutputCheckError('No.', { additionalData: make() })), {
        name: 'guard',
      }),
      sees,
    ],
  }),
  new Workflow({
    id: `${kind}-step`,
    steps: [
      step('step', ({ context, session }) => {
        context.sessionState['x'] = make();
        session.metadata['x'] = make();
        return { content: 'fine', data: make() };
      }),
      step('member', new Agent({ id: `${kind}-member`, engine: () => 'fine', postHooks: [sees] })),
    ],
    postHooks: [sees],
  }),
  new Agent({
    id: `${kind}-cause`,
    engine: () => raise(Object.assign(new Error('broken', { cause: make() }), make())),
    postHooks: [sees],
  }),
]);

describe('A run with endless data', () => {
  let served: TestApp;
  beforeAll(async () => {
    const components = [...POST, ...INSIDE.map(({ agent }) => agent), ...OTHERS];
    served = await startApp({
      agentOs: {
        agents: components.filter((component): component is Agent => component.kind === 'agent'),
        workflows: components.filter((component): component is Workflow => component.kind === 'workflow'),
      },
    });
  });
  afterAll(closeApps);

  /** Runs a component, looks at what every run must have, and returns its answers and the log lines about it. */
  const run = async (
    { kind, id }: Component,
    transports: readonly Transport[] = TRANSPORTS,
  ): Promise<{ bodies: Data[]; lines: string[] }> => {
    const { url, agentOs, log } = served;
    const bodies: Data[] = [];
    const before = log.entries.length;
    for (const transport of transports) {
      const sessionId = `${id}-${transport}`;
      const { body } = await ask(url, `/${kind}s/${id}`, 'hi', transport, { session_id: sessionId });
      bodies.push(body);
      await agentOs.drain();
      const runId = String(body['run_id']);
      const runs = JSON.parse(await readText(url, `/sessions/${sessionId}/runs?type=${kind}`)) as Data[];
      expect(runs.map(({ run_id }) => run_id)).toContain(runId);
      for (const { errorName } of await agentOs.executions.list({ runId }))
        expect(errorName).not.toBe('RangeError');
    }
    const lines = log.entries.slice(before).map(({ message }) => message);
    expect(lines.join()).not.toMatch(/call stack|could not be ended/);
    return { bodies, lines };
  };

  it.each(POST.map((agent) => [agent.id, agent] as const))(
    'answers if a hook writes it: %s',
    async (id, agent) => {
      const { bodies, lines } = await run(agent, [id.endsWith('false') ? 'json' : 'sse']);
      for (const { content, error_type } of bodies)
        expect(error_type === 'guardrail_failed' || content !== undefined).toBe(true);
      expect(lines.some((line) => /"(sees|guard)".*(runOutput|runContext|session)/.test(line))).toBe(true);
      if (id.endsWith('false')) expect(bodies[0]).toMatchObject({ status: 'COMPLETED' });
    },
  );

  it.each(INSIDE.map(({ into, agent }) => [agent.id, into, agent] as const))(
    'answers if a hook writes an answer inside itself: %s',
    async (id, into, agent) => {
      const { bodies, lines } = await run(agent, [id.endsWith('false') ? 'json' : 'sse']);
      for (const { content } of bodies) expect(content).toBe('fine');
      expect(lines.some((line) => line.includes('"writes"') && line.includes(`runOutput.${into}[0]`))).toBe(
        true,
      );
    },
  );

  it.each(OTHERS.map((component) => [component.id, component] as const))(
    'answers if other code writes it: %s',
    async (_id, component) => {
      const { bodies } = await run(component);
      for (const { content } of bodies) expect(content).toBeDefined();
    },
  );
});
