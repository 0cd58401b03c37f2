import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { Injectable } from '@nestjs/common';
import {
  Agent,
  agentAsJudge,
  AgentOsService,
  condition,
  Hook,
  hookRef,
  loop,
  parallel,
  router,
  step,
  Team,
  Workflow,
  type HookFailure,
  type PostHookContext,
  type PreHookContext,
} from 'nestjs-agentos';
import type { StoredHookTask } from 'nestjs-agentos/executor';
import { EvalStore } from 'nestjs-agentos/stores';

import { inBackground } from '../support/background-hook.js';
import { JsonHookExecutor } from '../support/json-hook.executor.js';
import { closeApps, startApp, type TestApp } from '../support/test-app.js';
import { openExecutions } from '../support/hook-executions.js';

/** An application and what its hooks did. */
interface Process extends TestApp {
  readonly executor: JsonHookExecutor;
  readonly ran: string[];
  readonly seen: PostHookContext[];
  readonly failures: HookFailure[];
  /** A component that is not among the registered ones, and may become one. */
  readonly late: Agent;
}

/** The same module in every process; only the arrays tell where a hook has run. */
async function startProcess(executor: JsonHookExecutor, isServer: boolean): Promise<Process> {
  const ran: string[] = [];
  const seen: PostHookContext[] = [];
  const failures: HookFailure[] = [];
  const note = ({ runContext, component, hook }: PreHookContext): void =>
    void ran.push(`${component.id} ${hook.phase} ${hook.name} ${runContext.userId ?? 'nobody'}`);

  @Injectable()
  class SupportHooks {
    constructor(private readonly agentOs: AgentOsService) {}

    @Hook(true)
    method(context: PostHookContext): void {
      seen.push(context);
      note(context);
    }

    @Hook({ runInBackground: true, on: ['completed', 'rejected'] })
    before(context: PreHookContext): void {
      note(context);
    }

    @Hook(true)
    drains(): Promise<void> {
      return this.agentOs.drain();
    }

    @Hook({ runInBackground: true })
    async asks(context: PostHookContext): Promise<void> {
      note(context);
      await this.agentOs.run('asked', 'What did they say?');
    }
  }

  class Instance {
    @Hook(true)
    method(context: PostHookContext): void {
      note(context);
    }
  }

  const agent = (id: string, name = 'note'): Agent =>
    new Agent({ id, engine: () => `answer of ${id}`, postHooks: [inBackground(name, note)] });
  const raising = (): never => {
    throw new Error('broken');
  };
  const support = new Agent({
    id: 'support',
    engine: () => 'answer',
    preHooks: [hookRef(SupportHooks, 'before')],
    postHooks: [
      hookRef(SupportHooks, 'method'),
      inBackground('named', note),
      function plainFunction(context: PostHookContext) {
        note(context);
      },
    ],
  });
  const withInstance = new Agent({
    id: 'instance',
    engine: () => 'answer',
    postHooks: [hookRef(new Instance(), 'method')],
  });
  const judged = new Agent({
    id: 'judged',
    engine: () => 'answer',
    postHooks: [
      agentAsJudge({
        engine: () => '{"score": 9, "reason": "good"}',
        criteria: 'It is polite.',
        runInBackground: true,
      }),
    ],
  });
  const failing = new Agent({
    id: 'failing',
    engine: () => 'answer',
    postHooks: [
      inBackground('flaky', ({ hook }: PostHookContext) => (hook.attempt === 1 ? raising() : note), {
        retry: { attempts: 2, backoff: 0 },
      }),
      inBackground('broken', raising, { retry: { attempts: 2, backoff: 0 } }),
      inBackground('hanging', () => new Promise(() => undefined), { timeout: 20 }),
      inBackground('after', note),
    ],
  });
  const asking = new Agent({
    id: 'asking',
    engine: () => 'answer',
    postHooks: [hookRef(SupportHooks, 'asks')],
  });
  const draining = new Agent({
    id: 'draining',
    engine: () => 'answer',
    postHooks: [hookRef(SupportHooks, 'drains')],
  });
  const team = new Team({
    id: 'team',
    mode: 'broadcast',
    engine: () => 'summary',
    members: [
      new Team({ id: 'inner', mode: 'broadcast', engine: () => 'summary', members: [agent('member')] }),
    ],
  });
  const workflow = new Workflow({
    id: 'workflow',
    steps: [
      step('plain', agent('step')),
      parallel('both', [step('left', agent('left')), step('right', agent('right'))]),
      condition('if', { when: () => true, then: [step('then', agent('then'))] }),
      loop('once', { steps: [step('looped', agent('looped'))], maxIterations: 1, onLimit: 'continue' }),
      router('choice', { routes: [step('chosen', agent('chosen'))], choose: () => 'chosen' }),
      step('nested', new Workflow({ id: 'nested', steps: [step('inside', agent('inside'))] })),
    ],
  });
  const late = agent('late');
  const started = await startApp({
    agentOs: {
      executor,
      runHooksInBackground: true,
      agents: [
        support,
        withInstance,
        judged,
        failing,
        asking,
        draining,
        agent('asked'),
        ...(isServer ? [agent('new')] : []),
      ],
      teams: [team],
      workflows: [workflow],
      postHooks: [
        inBackground('everyRoot', note),
        hookRef(inBackground('everyRun', note), { members: true }),
      ],
      onHookError: (failure) => void failures.push(failure),
    },
    providers: [SupportHooks],
  });
  return { ...started, executor, ran, seen, failures, late };
}

describe('A hook that another process rebuilds from JSON', () => {
  let server: Process;
  let worker: Process;

  beforeAll(async () => {
    worker = await startProcess(new JsonHookExecutor(), false);
    server = await startProcess(new JsonHookExecutor({ worker: worker.executor }), true);
  });

  afterAll(closeApps);

  /** Runs a component in the server; resolves to what the hooks did in the worker. */
  async function run(component: string | Agent, content = 'question'): Promise<string[]> {
    worker.ran.length = 0;
    await server.agentOs.run(component, content, { userId: 'anna', metadata: { at: new Date(0) } });
    await server.agentOs.drain();
    await worker.agentOs.drain();
    return [...worker.ran];
  }

  it.each([
    [
      'support',
      ['support pre before', 'support post method', 'support post named', 'support post plainFunction'],
    ],
    ['instance', ['instance post method']],
    ['judged', []],
    ['team', ['member post note', 'member post everyRun', 'inner post everyRun']],
    [
      'workflow',
      ['step', 'left', 'right', 'then', 'looped', 'chosen', 'inside'].flatMap((id) => [
        `${id} post note`,
        `${id} post everyRun`,
        ...(id === 'inside' ? ['nested post everyRun'] : []),
      ]),
    ],
  ])('is found at any place: %s', async (id, own) => {
    const expected = [...own, `${id} post everyRoot`, `${id} post everyRun`].map((hook) => `${hook} anna`);
    expect((await run(id)).sort()).toEqual(expected.sort());
    expect([server.ran, worker.executor.unknown]).toEqual([[], []]);
  });

  it('runs in the order of its run, and gets copies of the run with their types', async () => {
    expect((await run('support')).map((hook) => hook.split(' ')[2])).toEqual([
      'before',
      'method',
      'named',
      'plainFunction',
      'everyRoot',
      'everyRun',
    ]);
    expect(worker.seen.at(-1)).toMatchObject({
      runInput: { content: 'question' },
      runOutput: { content: 'answer', status: 'COMPLETED' },
      runContext: { userId: 'anna', metadata: { at: new Date(0) } },
      component: { id: 'support' },
      hook: { name: 'method', attempt: 1, mode: 'background' },
    });
  });

  it('is found on a component that was registered later', async () => {
    for (const { agentOs, late } of [server, worker]) agentOs.register(late);
    expect(await run('late')).toEqual([
      'late post note anna',
      'late post everyRoot anna',
      'late post everyRun anna',
    ]);
  });

  it('judges: the evaluation belongs to the user of the run', async () => {
    await run('judged');
    const [evaluation] = await worker.app.get(EvalStore, { strict: false }).list();
    expect([evaluation]).toMatchObject([{ score: 9, userId: 'anna' }]);
  });

  it('starts runs on behalf of the same user, whose hooks are stored again', async () => {
    expect(await run('asking')).toEqual([
      'asking post asks anna',
      'asking post everyRoot anna',
      'asking post everyRun anna',
      'asked post note anna',
    ]);
    expect(worker.executor.stored.at(-1)).toContain('"position":"inside-hook"');
  });

  it('keeps its retries, its time-out and its reports, and stops no hook after it', async () => {
    worker.failures.length = 0;
    expect(await run('failing')).toContain('failing post after anna');
    expect(
      worker.failures.map(({ execution: { hook, state, attempts } }) => `${hook} ${state} ${attempts}`),
    ).toEqual(['broken failed 2', 'hanging timed_out 1']);
    expect(server.failures).toEqual([]);
  });

  it('is in the ledger of the process that runs it, under its given id', async () => {
    const { runId } = await server.agentOs.run('support', 'question', { userId: 'anna' });
    await server.agentOs.drain();
    const states = (await worker.agentOs.executions.list({ runId })).map(({ id, state }) => `${id} ${state}`);
    expect(states.reverse().slice(0, 2)).toEqual([
      `${runId}:pre:before succeeded`,
      `${runId}:post:method succeeded`,
    ]);
    expect([await openExecutions(server.agentOs), await openExecutions(worker.agentOs)]).toEqual([0, 0]);
  });

  it('counts the recorded attempts of a process that died', async () => {
    await run('failing');
    const stored = taskOf(server, 'failing', 'flaky');
    const task = worker.executor.host.rebuild({
      ...stored,
      execution: { ...stored.execution, state: 'running', attempts: 1 },
    });
    await task?.run({});
    expect(task?.execution).toMatchObject({ state: 'succeeded', attempts: 2 });
  });

  it.each<[string, (stored: StoredHookTask) => object]>([
    ['component', ({ execution: { component } }) => ({ component: { ...component, id: 'unknown' } })],
    ['kind of component', ({ execution: { component } }) => ({ component: { ...component, kind: 'team' } })],
    ['name', () => ({ hook: 'unknown' })],
    ['phase', () => ({ phase: 'pre' })],
  ])('is undefined if its %s is not known', async (_what, change) => {
    await run('support');
    const stored = taskOf(server, 'support', 'named');
    const changed = { ...stored, execution: { ...stored.execution, ...change(stored) } };
    expect(worker.executor.host.rebuild(changed)).toBeUndefined();
    expect(await openExecutions(worker.agentOs)).toBe(0);
  });

  it('is undefined if its run has no such hook at its position', async () => {
    await run('support');
    const stored = taskOf(server, 'support', 'everyRoot');
    const moved = { ...stored, execution: { ...stored.execution, position: 'member' as const } };
    expect(worker.executor.host.rebuild(moved)).toBeUndefined();
  });

  it('is refused without the snapshot of a run', async () => {
    await run('support');
    const stored = taskOf(server, 'support', 'named');
    for (const snapshot of [undefined, null, 'text', {}, { ...(stored.snapshot as object), session: null }])
      expect(() => worker.executor.host.rebuild({ ...stored, snapshot })).toThrow(/snapshot of a run/);
  });

  it('runs in the application of its run if its component is registered nowhere, whatever its id', async () => {
    const before = server.executor.stored.length;
    const postHooks = [inBackground('named', () => void server.ran.push('bare'))];
    for (const id of ['bare', 'support'])
      expect(await run(new Agent({ id, engine: () => 'answer', postHooks }))).toEqual([]);
    expect(server.ran.filter((hook) => hook === 'bare')).toHaveLength(2);
    expect(server.executor.stored.length).toBe(before);
  });

  it('is left to others by a process that does not know its component', async () => {
    expect(await run('new')).toEqual([]);
    expect(worker.executor.unknown.map((id) => id.replace(/^.*?:/, ''))).toEqual([
      'post:note',
      'post:everyRoot',
      'post:everyRun',
    ]);
  });

  it('refuses to wait for itself in drain()', async () => {
    await run('draining');
    const stored = taskOf(server, 'draining', 'drains');
    await worker.executor.host.rebuild(stored)?.run({});
    expect(worker.failures.at(-1)?.error.message).toContain('would wait for itself');
  });
});

/** What was stored last of a hook. */
function taskOf({ executor }: Process, component: string, hook: string): StoredHookTask {
  const task = executor.latest(component, hook);
  if (!task) throw new Error(`Nothing was stored of "${hook}" of "${component}".`);
  return task;
}
