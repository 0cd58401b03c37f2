import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import { HttpException, Logger } from '@nestjs/common';
import {
  Agent,
  condition,
  defineGuardrail,
  defineHook,
  InputCheckError,
  loop,
  OutputCheckError,
  parallel,
  router,
  step,
  Team,
  Workflow,
  type AgentRunError,
  type PreHookContext,
} from 'nestjs-agentos';
import type { EngineFunction } from 'nestjs-agentos/engine';
import type { StepLike } from 'nestjs-agentos/workflow';

import { raise } from '../support/raise.js';
import { ask, TRANSPORTS } from '../support/surfaces.js';
import { closeApps, startApp } from '../support/test-app.js';
import { readText } from '../support/users.js';

// Direct runs log to the console what they do not tell their callers.
beforeAll(() => Logger.overrideLogger(false));
afterAll(() => Logger.overrideLogger(true));
afterEach(closeApps);

const SECRET = 'the launch code';
const OPTIONAL = { onError: 'continue' } as const;

function guarded(thrown: unknown, engine: EngineFunction = () => 'never'): Agent {
  const guard = defineGuardrail<PreHookContext>(() => raise(thrown), { name: 'guard' });
  return new Agent({ id: 'guarded', engine, preHooks: [guard] });
}

const refused = (): Agent => guarded(new InputCheckError('Not that.'));
const broken = (): Agent => guarded(new Error('The list of words is gone.'));
const failing = (): Promise<never> => Promise.reject(new Error('disk full'));
const next = (): Agent => new Agent({ id: 'next', engine: ({ input }) => `next got: ${input}` });

/** Runs a workflow of these steps, then one that says what it got. */
async function errorOf(...steps: StepLike[]): Promise<AgentRunError> {
  const flow = new Workflow({ id: 'flow', steps: [...steps, next()] });
  return flow.run(SECRET).then(
    ({ content }) => raise(new Error(`It completed: ${content}`)),
    (error: AgentRunError) => error,
  );
}

describe("A refusal in a step with onError: 'continue'", () => {
  const nested = (...steps: StepLike[]): Workflow => new Workflow({ id: 'nested', steps });
  const optional = (executor: Agent | Team | Workflow): StepLike => step('optional', executor, OPTIONAL);

  it.each<[string, () => StepLike[]]>([
    ['an agent', () => [optional(refused())]],
    [
      'a function that throws a check error',
      () => [step('f', () => raise(new InputCheckError('Not that.')), OPTIONAL)],
    ],
    [
      'a function that runs an agent',
      () => [step('f', async () => (await refused().run('x')).content, OPTIONAL)],
    ],
    ['a step of a parallel', () => [parallel('p', [step('ok', () => 'ok'), optional(refused())])]],
    [
      'a step of a parallel whose first step has failed',
      () => [optional(nested(parallel('p', [step('first', failing), refused()])))],
    ],
    ['a step of a condition', () => [condition('c', { when: () => true, then: [optional(refused())] })]],
    ['a step of a loop', () => [loop('l', { steps: [optional(refused())], maxIterations: 2 })]],
    ['a step of a router', () => [router('r', { choose: () => 'optional', routes: [optional(refused())] })]],
    ['a nested workflow', () => [optional(nested(refused()))]],
    ['a nested workflow whose step may fail', () => [optional(nested(optional(refused())))]],
    [
      'a team whose leader passes the error on',
      () => [
        optional(
          new Team({ id: 't', members: [refused()], engine: ({ delegate }) => delegate('guarded', 'x') }),
        ),
      ],
    ],
    [
      'a team that broadcasts to members of which none answers',
      () => [
        optional(
          new Team({
            id: 't',
            mode: 'broadcast',
            members: [new Agent({ id: 'failing', engine: failing }), refused()],
            engine: () => 'never',
          }),
        ),
      ],
    ],
  ])('of %s rejects the workflow', async (_name, steps) => {
    const error = await errorOf(...steps());
    expect(error).toBeInstanceOf(InputCheckError);
    expect([error.message, error.runOutput.status, error.runOutput.content]).toEqual([
      'Not that.',
      'ERROR',
      'Not that.',
    ]);
  });

  it('of an answer rejects the workflow', async () => {
    const guard = defineGuardrail(() => raise(new OutputCheckError('No.')), { name: 'guard' });
    const agent = new Agent({ id: 'agent', engine: () => 'x', postHooks: [guard] });
    await expect(errorOf(optional(agent))).resolves.toBeInstanceOf(OutputCheckError);
  });

  it.each<[string, number, () => Agent]>([
    ['an HttpException below 500 of a hook', 403, () => hooked(403)],
    ['an HttpException of a guardrail', 503, () => guarded(new HttpException('Moderation is away.', 503))],
  ])('by %s ends the workflow with its status', async (_name, status, agent) => {
    for (const executor of [agent(), nested(agent())]) {
      expect((await errorOf(optional(executor))).getStatus()).toBe(status);
    }
  });

  it('by a guardrail that throws fails the workflow, also from a nested one', async () => {
    for (const executor of [broken(), nested(broken())]) {
      const { code, runOutput } = await errorOf(optional(executor));
      expect([code, runOutput.status]).toEqual(['step_failed', 'ERROR']);
    }
  });

  it.each(TRANSPORTS)('shows and stores nothing of the refused data (%s)', async (transport) => {
    const seen: string[] = [];
    const last = new Agent({ id: 'last', engine: ({ input }) => `got ${String(seen.push(input))}` });
    const first = new Agent({ id: 'first', engine: () => SECRET });
    const flow = new Workflow({ id: 'flow', steps: [first, optional(refused()), last] });
    const noSecret = defineGuardrail(() => undefined, { name: 'noSecret' });
    const outer = new Workflow({ id: 'outer', steps: [flow], postHooks: [noSecret] });
    const { url } = await startApp({ agentOs: { workflows: [outer] } });
    const { text } = await ask(url, '/workflows/outer', 'hi', transport, { session_id: 's' });
    expect(seen).toEqual([]);
    expect(text).not.toContain(SECRET);
    expect(await readText(url, '/sessions/s/runs')).not.toContain(SECRET);
  });
});

function hooked(status: number): Agent {
  const hook = defineHook<PreHookContext>(() => raise(new HttpException('No.', status)), { name: 'hook' });
  return new Agent({ id: 'hooked', engine: () => 'never', preHooks: [hook] });
}

describe("A failed step with onError: 'continue'", () => {
  const optional = step('optional', failing, OPTIONAL);
  const run = async (...steps: StepLike[]): ReturnType<Workflow['run']> =>
    new Workflow({ id: 'flow', steps }).run('the question');

  it('has no answer, is marked, and the next step gets its input', async () => {
    const { content, stepResults } = await run(() => 'first', optional, next());
    expect(content).toBe('next got: first');
    expect(stepResults[1]).toMatchObject({
      content: '',
      success: false,
      error: 'The step "optional" failed.',
    });
  });

  it('leaves the answer to the last step that has one', async () => {
    const classify = step('classify', () => ({ content: 'billing', data: { topic: 'billing' } }));
    await expect(run(classify, optional)).resolves.toMatchObject({
      content: 'billing',
      data: { topic: 'billing' },
    });
  });

  it('leaves a workflow without any other step without an answer', async () => {
    await expect(run(optional)).resolves.toMatchObject({ content: '', status: 'COMPLETED' });
  });

  it('does not pass its input on as its answer in a parallel block', async () => {
    const { content, stepResults } = await run(parallel('both', [step('fine', () => 'yes'), optional]));
    expect(content).toBe('fine:\nyes\n\noptional failed.');
    expect(stepResults[0]?.steps?.map(({ success, content: text }) => [success, text])).toEqual([
      [true, 'yes'],
      [false, ''],
    ]);
  });

  it.each<[string, (steps: readonly StepLike[]) => StepLike]>([
    ['parallel', (steps) => parallel('block', steps)],
    ['condition', (then) => condition('block', { when: () => true, then })],
    ['loop', (steps) => loop('block', { steps, maxIterations: 2 })],
    ['router', (routes) => router('block', { choose: () => 'optional', routes })],
  ])(
    'fails a %s without another step, and the step after it gets the input of the block',
    async (_name, block) => {
      const { content, stepResults } = await run(() => 'first', block([optional]), next());
      expect(content).toBe('next got: first');
      expect(stepResults[1]).toMatchObject({
        content: '',
        success: false,
        error: 'No step of "block" succeeded.',
      });
    },
  );

  it('begins the next iteration of a loop with the last answer', async () => {
    const inputs: string[] = [];
    const grow = step('grow', ({ input }) => {
      inputs.push(input);
      return `${input}+`;
    });
    const { content } = await run(loop('l', { steps: [grow, optional], maxIterations: 2 }));
    expect([inputs, content]).toEqual([['the question', 'the question+'], 'the question++']);
  });
});

describe('A decision in a workflow that returns neither true nor false', () => {
  it.each<[string, StepLike, string]>([
    [
      'condition',
      condition('c', { when: () => 'yes' as never, then: [() => 'x'] }),
      'The "when" of condition "c" must return true or false, or a promise of one of them, got string.',
    ],
    [
      'loop',
      loop('l', { until: async () => undefined as never, steps: [() => 'x'], maxIterations: 2 }),
      'The "until" of loop "l" must return true or false, or a promise of one of them, got undefined.',
    ],
  ])('fails the %s', async (_name, block, message) => {
    const { message: found } = await errorOf(block);
    expect(found).toContain(message);
  });
});
