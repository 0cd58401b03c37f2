import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { BadRequestException, ConflictException, HttpException } from '@nestjs/common';
import {
  Agent,
  defineGuardrail,
  defineHook,
  InputCheckError,
  OutputCheckError,
  ProviderError,
  step,
  Team,
  Workflow,
  type AgentOptions,
  type PreHookContext,
} from 'nestjs-agentos';

import { inBackground } from '../support/background-hook.js';
import { namesOf, parseFrames, post, runJson, type Frame } from '../support/http-client.js';
import { ADAPTERS, closeApps, startApp, type TestApp } from '../support/test-app.js';

const SECRET = 'connect ECONNREFUSED 10.0.0.7:5432';
const crash = (): never => {
  throw new Error(SECRET);
};
const reject = (): never => {
  throw new InputCheckError('Not this.', { trigger: 'prompt_injection', additionalData: { k: 1 } });
};
const refuse = (): never => {
  throw new OutputCheckError('Not that.');
};
const agentOf = (id: string, options: Partial<AgentOptions> = {}): Agent =>
  new Agent({ id, engine: () => 'the answer', ...options });

const rejecting = agentOf('rejecting', { preHooks: [reject] });
const crashing = agentOf('crashing', { engine: crash });

const COMPONENTS = {
  agents: [
    rejecting,
    crashing,
    agentOf('refusing', { postHooks: [refuse] }),
    agentOf('guarded', { preHooks: [defineGuardrail<PreHookContext>(crash)] }),
    agentOf('broken-pre', { preHooks: [crash] }),
    agentOf('broken-post', { postHooks: [crash] }),
    agentOf('unavailable', {
      engine: () => {
        throw new ProviderError('Overloaded.', new Error(SECRET), 503);
      },
    }),
    agentOf('conflicting', {
      preHooks: [
        () => {
          throw new ConflictException('One at a time.');
        },
      ],
    }),
    agentOf('limiting', {
      preHooks: [
        () => {
          throw new HttpException({ message: 'Too many questions.', retryAfter: 30, code: 'QUOTA' }, 429);
        },
      ],
    }),
    agentOf('validating', {
      engine: () => {
        throw new BadRequestException(['a must be b', 'c must be d']);
      },
    }),
    agentOf('masked', {
      preHooks: [
        defineHook<PreHookContext>(
          ({ runInput }) => void (runInput.content = runInput.content.replace(/\d+/g, '#')),
          {
            name: 'mask',
            runInBackground: false,
          },
        ),
      ],
    }),
    agentOf('audited', { postHooks: [inBackground('audit', () => undefined)] }),
  ],
  teams: [
    new Team({ id: 'rejecting-team', members: [crashing], engine: () => 'x', preHooks: [reject] }),
    new Team({ id: 'crashing-team', members: [crashing], engine: crash }),
    new Team({
      id: 'patient-team',
      members: [rejecting],
      engine: ({ delegate }) => delegate('rejecting', 'x').catch(() => 'Without the member.'),
    }),
  ],
  workflows: [
    new Workflow({ id: 'rejecting-flow', steps: [step('ask', rejecting)] }),
    new Workflow({ id: 'crashing-flow', steps: [step('compute', crash)] }),
    new Workflow({ id: 'lenient-flow', steps: [step('compute', crash, { onError: 'continue' })] }),
  ],
};

/** An error, as the table of the protocol has it: the same in a body and at the end of a stream. */
interface ErrorRow {
  readonly path: string;
  readonly status: number;
  readonly text: string;
  readonly type: string;
  readonly id?: string;
  readonly data?: unknown;
  /** The name of the last event. */
  readonly event: string;
}

const check = { type: 'input_check_error', id: 'prompt_injection', data: { k: 1 } };
const ROWS: readonly ErrorRow[] = [
  { path: '/agents/rejecting', status: 400, text: 'Not this.', ...check, event: 'RunError' },
  { path: '/teams/rejecting-team', status: 400, text: 'Not this.', ...check, event: 'TeamRunError' },
  { path: '/workflows/rejecting-flow', status: 400, text: 'Not this.', ...check, event: 'WorkflowError' },
  {
    path: '/agents/refusing',
    status: 400,
    text: 'Not that.',
    type: 'output_check_error',
    id: 'output_not_allowed',
    event: 'RunError',
  },
  {
    path: '/agents/guarded',
    status: 500,
    text: 'A guardrail failed, so the run was stopped.',
    type: 'guardrail_failed',
    event: 'RunError',
  },
  {
    path: '/agents/broken-pre',
    status: 500,
    text: 'A hook failed, so the run was stopped.',
    type: 'hook_failed',
    event: 'RunError',
  },
  { path: '/agents/crashing', status: 500, text: 'The run failed.', type: 'run_failed', event: 'RunError' },
  {
    path: '/teams/crashing-team',
    status: 500,
    text: 'The run failed.',
    type: 'run_failed',
    event: 'TeamRunError',
  },
  {
    path: '/workflows/crashing-flow',
    status: 500,
    text: 'The step "compute" failed.',
    type: 'step_failed',
    event: 'WorkflowError',
  },
  {
    path: '/agents/unavailable',
    status: 502,
    text: 'The model provider failed.',
    type: 'provider_error',
    event: 'RunError',
  },
  {
    path: '/agents/conflicting',
    status: 409,
    text: 'One at a time.',
    type: 'http_exception',
    event: 'RunError',
  },
  {
    path: '/agents/limiting',
    status: 429,
    text: 'Too many questions.',
    type: 'http_exception',
    data: { retryAfter: 30, code: 'QUOTA' },
    event: 'RunError',
  },
  {
    path: '/agents/validating',
    status: 400,
    text: 'a must be b, c must be d',
    type: 'http_exception',
    event: 'RunError',
  },
];

describe.each(ADAPTERS)('An error on %s', (adapter) => {
  let app: TestApp;
  beforeAll(async () => {
    app = await startApp({ adapter, agentOs: COMPONENTS });
  });
  afterAll(closeApps);

  const stream = async (path: string, message = 'hi', fields = {}): Promise<Frame[]> =>
    parseFrames(await (await post(app.url, path, { message, ...fields })).text());

  it.each(ROWS)(
    'has on $path the status $status in a body, with the fields of a run and the reason',
    async (row) => {
      const { status, body } = await runJson(app.url, row.path, 'hi', { session_id: 's' });
      const { content, detail, error_type, error_id, additional_data, ...run } = body;
      expect([status, content, detail, error_type, error_id, additional_data]).toEqual([
        row.status,
        row.text,
        row.text,
        row.type,
        row.id,
        row.data,
      ]);
      expect(run).toMatchObject({ status: 'ERROR', session_id: 's', run_id: expect.any(String) });
      expect(JSON.stringify(body)).not.toMatch(/the answer|ECONNREFUSED|stack/);
    },
  );

  it.each(ROWS)('has on $path the event $event, once, at the end of a stream', async (row) => {
    const frames = await stream(row.path);
    const { error_type, error_id, additional_data, ...data } = frames.at(-1)?.data ?? {};
    const text = data['content'] ?? data['error'];
    expect([frames.at(-1)?.event, text, error_type, error_id, additional_data]).toEqual([
      row.event,
      row.text,
      row.type,
      row.id,
      row.data,
    ]);
    expect(namesOf(frames).filter((name) => name === row.event)).toHaveLength(1);
    expect(
      namesOf(frames).filter((name) => /Completed$/.test(name) && /^(Team)?Run|^Workflow/.test(name)),
    ).not.toContain(row.event.replace('Error', 'Completed'));
    expect(JSON.stringify(frames)).not.toContain('ECONNREFUSED');
  });

  it('of a post-hook that may fail is in the event of the hook, and the run completes', async () => {
    const { status, body } = await runJson(app.url, '/agents/broken-post', 'hi');
    const frames = await stream('/agents/broken-post');
    expect([status, body['status'], body['content']]).toEqual([200, 'COMPLETED', 'the answer']);
    expect(frames.find(({ event }) => event === 'PostHookCompleted')?.data).toMatchObject({
      error: 'The hook failed.',
    });
    expect(frames.at(-1)?.event).toBe('RunCompleted');
  });

  it('of a member ends the member, and its team may continue', async () => {
    const { status, body } = await runJson(app.url, '/teams/patient-team', 'hi');
    const names = namesOf(await stream('/teams/patient-team'));
    expect([status, body['status'], body['content']]).toEqual([200, 'COMPLETED', 'Without the member.']);
    expect(body['member_responses']).toMatchObject([{ agent_id: 'rejecting', status: 'ERROR' }]);
    expect([names.includes('RunError'), names.at(-1)]).toEqual([true, 'TeamRunCompleted']);
  });

  it('of a step that may fail is in the result of the step, and the workflow completes', async () => {
    const { status, body } = await runJson(app.url, '/workflows/lenient-flow', 'hi');
    const frames = await stream('/workflows/lenient-flow');
    const result = { success: false, error: 'The step "compute" failed.' };
    expect([status, body['status'], body['step_results']]).toMatchObject([200, 'COMPLETED', [result]]);
    const completed = frames.find(({ event }) => event === 'StepCompleted')?.data;
    expect(completed?.['step_response']).toMatchObject(result);
  });

  it('of a rejected step shows in the events of the step and of its workflow, which does not complete', async () => {
    const names = namesOf(await stream('/workflows/rejecting-flow'));
    expect(names).toEqual([
      'WorkflowStarted',
      'StepStarted',
      'RunStarted',
      'PreHookStarted',
      'PreHookCompleted',
      'RunError',
      'WorkflowError',
    ]);
  });

  it('leaves no trace of masked data in bodies, streams, sessions and lists of runs', async () => {
    const { body } = await runJson(app.url, '/agents/masked', 'card 4111', { session_id: 'm' });
    const frames = await stream('/agents/masked', 'card 4111', { session_id: 'm' });
    const paths = ['/sessions/m', '/sessions/m/runs', '/sessions', '/agents/masked/runs?session_id=m'];
    const shown = await Promise.all(paths.map(async (path) => (await fetch(app.url + path)).text()));
    expect([body, frames, ...shown].filter((text) => JSON.stringify(text).includes('4111'))).toEqual([]);
    expect(shown.every((text) => text.includes('card #'))).toBe(true);
  });

  it.each([
    ['a body', { stream: 'false' }],
    ['a stream', { stream: 'true' }],
    ['a body in the background', { stream: 'false', background: 'true' }],
    ['a stream in the background', { stream: 'true', background: 'true' }],
  ])(
    'and a success are alike for background hooks, which have no events and run after %s',
    async (_form, fields) => {
      const before = (await app.agentOs.executions.list({ hook: 'audit', state: 'succeeded' })).length;
      const text = await (await post(app.url, '/agents/audited', { message: 'hi', ...fields })).text();
      await expectAudits(app, before + 1);
      expect(text).not.toMatch(/PostHook/);
    },
  );
});

/** Resolves once the hook has run so often. */
async function expectAudits({ url, agentOs }: TestApp, count: number): Promise<void> {
  const audits = async (): Promise<number> =>
    (await agentOs.executions.list({ hook: 'audit', state: 'succeeded' })).length;
  while ((await audits()) < count) await new Promise<void>((resolve) => setImmediate(resolve));
  const response = await fetch(`${url}/hooks/executions?hook=audit&state=succeeded`);
  const { data } = (await response.json()) as { data: unknown[] };
  expect(data).toHaveLength(count);
}
