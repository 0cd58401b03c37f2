import {
  ForbiddenException,
  HttpException,
  ServiceUnavailableException,
  UnprocessableEntityException,
} from '@nestjs/common';
import { afterEach, describe, expect, it } from '@jest/globals';
import {
  Agent,
  defineGuardrail,
  defineHook,
  InputCheckError,
  OutputCheckError,
  type AgentOptions,
  type GuardrailOptions,
  type HookFunction,
  type HookOptions,
} from 'nestjs-agentos';

import { raise } from '../support/raise.js';
import { ask, DOMAIN_SURFACES, type Answer } from '../support/surfaces.js';
import { closeApps, startApp, type TestApp } from '../support/test-app.js';

afterEach(closeApps);

/** Belongs into the log and nowhere else. */
const SECRET = 'sk-live-4711';
const never = (): Promise<never> => new Promise(() => undefined);

type Hook = HookFunction<unknown>;
const guard = (hook: Hook, options: GuardrailOptions = {}): Hook =>
  defineGuardrail(hook, { name: 'guard', ...options });
const inline = (hook: Hook, options: HookOptions = {}): Hook =>
  defineHook(hook, { name: 'check', runInBackground: false, ...options });

interface Row {
  readonly situation: string;
  readonly agent: Partial<AgentOptions>;
  readonly status: number;
  readonly problem: Readonly<Record<string, unknown>>;
}

const REJECTIONS: readonly Row[] = [
  {
    situation: 'an InputCheckError from a pre-hook',
    agent: {
      preHooks: [
        inline(() => {
          const additionalData = { field: 'message' };
          throw new InputCheckError('No card numbers.', { trigger: 'pii_detected', additionalData });
        }),
      ],
    },
    status: 400,
    problem: {
      content: 'No card numbers.',
      error_type: 'input_check_error',
      error_id: 'pii_detected',
      additional_data: { field: 'message' },
    },
  },
  {
    situation: 'an InputCheckError from a guardrail',
    agent: { preHooks: [guard(async () => raise(new InputCheckError('Not here.')))] },
    status: 400,
    problem: { content: 'Not here.', error_type: 'input_check_error', error_id: 'input_not_allowed' },
  },
  {
    situation: 'an OutputCheckError from a post-hook',
    agent: { postHooks: [inline(() => raise(new OutputCheckError('No.', { trigger: 'medical_advice' })))] },
    status: 400,
    problem: { content: 'No.', error_type: 'output_check_error', error_id: 'medical_advice' },
  },
  {
    situation: 'an OutputCheckError from a guardrail',
    agent: { postHooks: [guard(() => raise(new OutputCheckError('I cannot say that.')))] },
    status: 400,
    problem: {
      content: 'I cannot say that.',
      error_type: 'output_check_error',
      error_id: 'output_not_allowed',
    },
  },
  {
    situation: 'an HttpException below 500',
    agent: { preHooks: [inline(() => raise(new ForbiddenException('Not your account.')))] },
    status: 403,
    problem: { content: 'Not your account.', error_type: 'http_exception' },
  },
  {
    situation: 'an HttpException from 500 on',
    agent: { postHooks: [guard(() => raise(new ServiceUnavailableException('Try later.')))] },
    status: 503,
    problem: { content: 'Try later.', error_type: 'http_exception' },
  },
];

const GUARDRAIL_FAILED = {
  content: 'A guardrail failed, so the run was stopped.',
  error_type: 'guardrail_failed',
};
const BROKEN_GUARDRAILS: readonly (Pick<Row, 'situation' | 'agent'> & { readonly cause: string })[] = [
  {
    situation: 'an input guardrail throws',
    agent: { preHooks: [guard(() => raise(new Error(SECRET)))] },
    cause: SECRET,
  },
  {
    situation: 'an output guardrail rejects with a non-Error',
    agent: { postHooks: [guard(() => Promise.reject(SECRET))] },
    cause: SECRET,
  },
  {
    situation: 'a guardrail throws a value that cannot be read',
    agent: {
      preHooks: [
        guard(() => raise(Object.create(Error.prototype, { message: { get: () => raise(undefined) } }))),
      ],
    },
    cause: 'A value that cannot be read was thrown.',
  },
  {
    situation: 'a guardrail takes too long',
    agent: { preHooks: [guard(never, { timeout: 10 })] },
    cause: 'did not finish within 10 ms',
  },
  {
    situation: 'the condition of a guardrail throws',
    agent: { postHooks: [guard(() => undefined, { when: () => raise(new Error(SECRET)) })] },
    cause: SECRET,
  },
];

const RUN_FAILED = { content: 'The run failed.', error_type: 'run_failed' };
const BROKEN_ENGINES: readonly Row[] = [
  {
    situation: 'throws',
    agent: { engine: () => raise(new TypeError(SECRET)) },
    status: 500,
    problem: RUN_FAILED,
  },
  {
    situation: 'rejects with a non-Error',
    agent: { engine: () => Promise.reject({ key: SECRET }) },
    status: 500,
    problem: RUN_FAILED,
  },
  {
    situation: 'fails in the middle of its answer',
    agent: {
      engine: async function* () {
        yield 'the beginning of ';
        throw new Error(SECRET);
      },
    },
    status: 500,
    problem: RUN_FAILED,
  },
  {
    situation: 'answers with nothing',
    agent: { engine: () => undefined as never },
    status: 500,
    problem: RUN_FAILED,
  },
  {
    situation: 'throws an HttpException',
    agent: {
      engine: () => raise(new HttpException('Out of credit.', 402, { cause: new Error(SECRET) })),
    },
    status: 402,
    problem: { content: 'Out of credit.', error_type: 'http_exception' },
  },
  {
    situation: 'throws an HttpException with a body',
    agent: { engine: () => raise(new UnprocessableEntityException({ message: 'Too long.', limit: 5 })) },
    status: 422,
    problem: { content: 'Too long.', error_type: 'http_exception', additional_data: { limit: 5 } },
  },
];

describe.each(DOMAIN_SURFACES)('Runs that do not complete, on $adapter over $transport', (surface) => {
  const { adapter, transport } = surface;

  function start(agent: Partial<AgentOptions>): Promise<TestApp> {
    const support = new Agent({ id: 'support', engine: () => 'the answer', ...agent });
    return startApp({ adapter, agentOs: { agents: [support] } });
  }

  /** What the client is told, in the same words over both transports. */
  function problemOf({ body }: Answer): Record<string, unknown> {
    const { content, error_type, error_id, additional_data } = body;
    return { content, error_type, error_id, additional_data };
  }

  /** An event stream has begun before anything can go wrong. */
  const expectedStatus = (status: number): number => (transport === 'json' ? status : 200);

  function expectNoInternals({ text }: Answer): void {
    expect(text).not.toContain(SECRET);
    expect(text).not.toMatch(/stack|\.ts\b|\bat .*:\d+/);
  }

  it.each(REJECTIONS)('G14: $situation ends the run', async ({ agent, status, problem }) => {
    const { url, agentOs } = await start(agent);

    const answer = await ask(url, '/agents/support', 'hello', transport);

    expect(answer.status).toBe(expectedStatus(status));
    expect(problemOf(answer)).toEqual(problem);
    if (transport === 'json') expect(answer.body).toMatchObject({ status: 'ERROR', detail: problem.content });
    else expect(answer.body.event).toBe('RunError');
    expect(await agentOs.executions.list()).toMatchObject([{ state: 'succeeded', reason: 'rejected' }]);
  });

  it.each(BROKEN_GUARDRAILS)(
    'G14: when $situation, the run ends with a fixed text and the cause is only in the log',
    async ({ agent, cause }) => {
      const { url, log } = await start(agent);

      const answer = await ask(url, '/agents/support', 'hello', transport);

      expect(answer.status).toBe(expectedStatus(500));
      expect(problemOf(answer)).toEqual(GUARDRAIL_FAILED);
      expectNoInternals(answer);
      expect(answer.text).not.toContain('the answer');
      expect(log.messages('error')).toEqual([expect.stringContaining(cause)]);
    },
  );

  it.each([
    { phase: 'pre', options: {} },
    { phase: 'post', options: { onError: 'fail' } },
  ] as const)(
    'G14: any other error of a $phase-hook with $options fails the run',
    async ({ phase, options }) => {
      const hook = inline(() => raise(new Error(SECRET)), options);
      const { url, agentOs, log } = await start({ [`${phase}Hooks`]: [hook] });

      const answer = await ask(url, '/agents/support', 'hello', transport);

      expect(answer.status).toBe(expectedStatus(500));
      expect(problemOf(answer)).toEqual({
        content: 'A hook failed, so the run was stopped.',
        error_type: 'hook_failed',
      });
      expectNoInternals(answer);
      expect(log.messages('error')).toEqual([expect.stringContaining(SECRET)]);
      expect(await agentOs.executions.list()).toMatchObject([{ state: 'failed', errorName: 'Error' }]);
    },
  );

  it.each([
    { phase: 'pre', options: { onError: 'continue' } },
    { phase: 'post', options: {} },
  ] as const)(
    'G14: any other error of a $phase-hook with $options is logged and recorded and the run goes on',
    async ({ phase, options }) => {
      const steps: string[] = [];
      const hooks = [
        inline(() => raise(new Error(SECRET)), options),
        inline(() => void steps.push('next'), { name: 'next' }),
      ];
      const { url, agentOs, log } = await start({ [`${phase}Hooks`]: hooks });

      const answer = await ask(url, '/agents/support', 'hello', transport);

      expect([answer.status, answer.body.content, steps]).toEqual([200, 'the answer', ['next']]);
      expectNoInternals(answer);
      expect(log.messages('error')).toEqual([expect.stringContaining(SECRET)]);
      expect((await agentOs.executions.list()).map(({ hook, state }) => `${hook} ${state}`)).toEqual([
        'next succeeded',
        'check failed',
      ]);
    },
  );

  it.each(BROKEN_ENGINES)(
    'are answered without internals when the engine $situation',
    async ({ agent, status, problem }) => {
      const { url, log } = await start(agent);

      const answer = await ask(url, '/agents/support', 'hello', transport);

      expect(answer.status).toBe(expectedStatus(status));
      expect(problemOf(answer)).toEqual(problem);
      expectNoInternals(answer);
      // Whoever throws an HttpException below 500 has said what there is to say.
      expect(log.messages('error')).toHaveLength(status < 500 ? 0 : 1);
    },
  );
});
