/** @jest-environment node */
import { afterEach, describe, expect, it, jest } from '@jest/globals';
import {
  Agent,
  defineGuardrail,
  defineHook,
  step,
  Team,
  TooManyRunsError,
  Workflow,
  type AgentOsExtras,
  type AgentOsOptions,
} from 'nestjs-agentos';
import type { EngineFunction } from 'nestjs-agentos/engine';
import { createGate } from 'nestjs-agentos/testing';

import { inBackground } from '../support/background-hook.js';
import { namesOf, parseFrames, post, runJson, runSse } from '../support/http-client.js';
import { callJson } from '../support/json-client.js';
import { closeApps, startApp, startUpError, type TestApp } from '../support/test-app.js';
import { as, userId } from '../support/users.js';
import { openExecutions } from '../support/hook-executions.js';

afterEach(async () => {
  jest.useRealTimers();
  await closeApps();
});

const never: EngineFunction = () => new Promise<string>(() => undefined);
const forever = (timeout?: number): Agent =>
  new Agent({ id: 'forever', engine: never, ...(timeout === undefined ? {} : { timeout }) });

const start = (agentOs: AgentOsOptions & AgentOsExtras): Promise<TestApp> => startApp({ agentOs });
const TIMED_OUT = { status: 504, body: { error_type: 'run_timeout', status: 'ERROR' } };
const TEXT = 'The run took too long, so it was stopped.';

describe('A run that takes too long', () => {
  it.each(['runTimeout', 'the timeout of its component'])(
    'ends by %s: it answers 504, has failed, and its hooks run',
    async (by) => {
      const ran: string[] = [];
      const hook = inBackground('failed', ({ runOutput }) => void ran.push(runOutput.content), {
        on: ['failed'],
      });
      const aborted = createGate();
      const agent = new Agent({
        id: 'forever',
        engine: ({ signal }) => {
          signal.addEventListener('abort', () => aborted.open());
          return new Promise<string>(() => undefined);
        },
        postHooks: [hook],
        retries: 3,
        ...(by === 'runTimeout' ? {} : { timeout: 30 }),
      });
      const { url, agentOs, log } = await start({
        agents: [agent],
        ...(by === 'runTimeout' ? { runTimeout: 30 } : {}),
      });

      const answer = await runJson(url, '/agents/forever', 'hi');
      await aborted.opened;
      const frames = await runSse(url, '/agents/forever', 'hi');
      await agentOs.drain();

      expect(answer).toMatchObject(TIMED_OUT);
      expect(answer.body).toMatchObject({ detail: TEXT, content: TEXT });
      expect(frames.at(-1)).toMatchObject({
        event: 'RunError',
        data: { error_type: 'run_timeout', content: TEXT },
      });
      expect(ran).toEqual([TEXT, TEXT]);
      expect(log.messages('error')).toHaveLength(2);
      expect(log.messages('error')[0]).toContain('did not end within 30 ms');
      expect(agentOs.listRuns()).toEqual([]);
    },
  );

  it('ends in any wait: for a pre-hook, a guardrail, held content, a reader', async () => {
    const wait = (): Promise<void> => new Promise(() => undefined);
    const held = async function* (): AsyncGenerator<string> {
      yield 'unseen';
      await wait();
    };
    const common = { engine: () => 'the answer', timeout: 30 };
    const agents = [
      new Agent({ ...common, id: 'pre', preHooks: [defineHook(wait, { name: 'slow' })] }),
      new Agent({ ...common, id: 'guard', postHooks: [defineGuardrail(wait, { name: 'slow' })] }),
      new Agent({
        id: 'held',
        engine: held,
        timeout: 30,
        postHooks: [defineGuardrail(() => undefined, { name: 'pass' })],
      }),
    ];
    const { url, agentOs } = await start({ agents });

    for (const { id } of agents) {
      expect(await runJson(url, `/agents/${id}`, 'hi')).toMatchObject(TIMED_OUT);
      const frames = await runSse(url, `/agents/${id}`, 'hi');
      expect(frames.at(-1)).toMatchObject({ event: 'RunError', data: { error_type: 'run_timeout' } });
      expect(JSON.stringify(frames)).not.toContain('unseen');
    }
    const unread = agentOs.stream(
      new Agent({ id: 'many', engine: () => Array(100).fill('word'), timeout: 30 }),
      'hi',
    );
    await unread.next();
    await new Promise((resolve) => setTimeout(resolve, 60));
    expect(agentOs.listRuns()).toEqual([]);
    await unread.return();
    expect(await openExecutions(agentOs)).toBe(0);
  });

  it('ends in the background of the server', async () => {
    const { url } = await start({ agents: [forever(30)] });

    const reply = await post(url, '/agents/forever', { message: 'hi', background: 'true', stream: 'true' });

    expect(namesOf(parseFrames(await reply.text())).at(-1)).toBe('RunError');
  });

  it('fails as a member or step, and the run above it continues as after any failure', async () => {
    const member = forever(30);
    const leader: EngineFunction & ((request: never) => unknown) = async (request) => {
      const { delegate } = request as unknown as { delegate: (id: string, input: string) => Promise<string> };
      return delegate('forever', 'hi').catch((error: { code: string }) => `caught ${error.code}`);
    };
    const catching = new Team({ id: 'catching', members: [member], engine: leader });
    const asked = new Team({
      id: 'asked',
      mode: 'broadcast',
      members: [member, new Agent({ id: 'quick', engine: () => 'quick' })],
      engine: ({ answers }) => answers.map(({ success }) => success).join(),
    });
    const failing = new Workflow({ id: 'failing', steps: [member] });
    const going = new Workflow({
      id: 'going',
      steps: [step('slow', member, { onError: 'continue' }), () => 'went on'],
    });
    const { url } = await start({ teams: [catching, asked], workflows: [failing, going] });

    const answers = [
      await runJson(url, '/teams/catching', 'hi'),
      await runJson(url, '/teams/asked', 'hi'),
      await runJson(url, '/workflows/failing', 'hi'),
      await runJson(url, '/workflows/going', 'hi'),
    ];

    expect(answers.map(({ status, body }) => [status, body['content']])).toEqual([
      [200, 'caught run_timeout'],
      [200, 'false,true'],
      [504, 'The step "slow" failed.'.replace('slow', 'forever')],
      [200, 'went on'],
    ]);
  });

  it('ends the runs below it, too, although the run does not wait for all of them', async () => {
    const member = forever();
    const team = new Team({
      id: 'desk',
      members: [member],
      engine: ({ delegate }) => delegate('forever', 'hi'),
      timeout: 30,
    });
    const careless = new Team({
      id: 'careless',
      members: [member],
      engine: ({ delegate }) => {
        void delegate('forever', 'hi');
        return 'done';
      },
      timeout: 200,
    });
    const { agentOs } = await start({ teams: [team, careless] });

    await expect(agentOs.run('desk', 'hi')).rejects.toMatchObject({ code: 'run_timeout' });
    expect(agentOs.listRuns()).toEqual([]);
    await agentOs.run('careless', 'hi');
    expect(agentOs.listRuns()).toMatchObject([{ component: { id: 'forever' } }]);
    await new Promise((resolve) => setTimeout(resolve, 250));
    expect(agentOs.listRuns()).toEqual([]);
  });

  it('ends outside of AgentOS, too, and through agentOs.get()', async () => {
    await expect(forever(30).run('hi')).rejects.toMatchObject({ code: 'run_timeout', status: 504 });
    const { agentOs } = await start({ agents: [forever()], runTimeout: 30 });
    await expect(agentOs.get('forever').run('hi')).rejects.toMatchObject({ code: 'run_timeout' });
  });

  it('of a component with a timeout of its own is not ended by runTimeout', async () => {
    const gate = createGate();
    const agent = new Agent({
      id: 'patient',
      engine: () => gate.opened.then(() => 'done'),
      timeout: Infinity,
    });
    const { agentOs } = await start({ agents: [agent], runTimeout: 20 });
    const running = agentOs.run('patient', 'hi');
    await new Promise((resolve) => setTimeout(resolve, 50));
    gate.open();
    expect((await running).content).toBe('done');
  });

  it('needs a valid time limit at the start', async () => {
    for (const timeout of [0, -1, NaN, '10' as never]) {
      expect(() => forever(timeout)).toThrow('Agent "forever": expected timeout');
      expect(await startUpError({ agentOs: { runTimeout: timeout } })).toContain('runTimeout');
    }
    expect(await startUpError({ agentOs: { maxRuns: 0 } })).toContain('maxRuns');
  });
});

describe('A silent run', () => {
  it('is named in the log after a minute, once for each silence, with its current activity', async () => {
    const { agentOs, log } = await start({ agents: [] });
    jest.useFakeTimers({ doNotFake: ['nextTick', 'setImmediate', 'queueMicrotask'] });
    const member = new Agent({
      id: 'forever',
      engine: async function* () {
        yield 'a word';
        await new Promise((resolve) => setTimeout(resolve, 90_000));
        yield 'another';
        await new Promise(() => undefined);
      },
    });
    const team = new Team({
      id: 'desk',
      members: [member],
      engine: ({ delegate }) => delegate('forever', 'hi'),
    });
    const running = agentOs.run(team, 'hi').catch((error: { code: string }) => error.code);
    const quiet = (): string[] => log.messages('warn').filter((line) => line.includes('has shown nothing'));

    await jest.advanceTimersByTimeAsync(59_000);
    expect(quiet()).toEqual([]);
    await jest.advanceTimersByTimeAsync(2_000);
    expect(quiet()).toEqual([
      expect.stringMatching(
        /^Run \S+ of agent "forever" has shown nothing for 60 seconds. It waits for its engine.$/,
      ),
    ]);
    await jest.advanceTimersByTimeAsync(60_000);
    expect(quiet()).toHaveLength(1);
    await jest.advanceTimersByTimeAsync(60_000);
    expect(quiet()).toHaveLength(2);
    await jest.advanceTimersByTimeAsync(600_000);
    expect(await running).toBe('run_timeout');
    expect(jest.getTimerCount()).toBe(0);
  });
});

describe('The runs in flight', () => {
  it('are listed with their current activity, for each user their own, and without any text of them', async () => {
    const agent = new Agent({ id: 'forever', engine: never });
    const team = new Team({
      id: 'desk',
      members: [agent],
      engine: ({ delegate }) => delegate('forever', 'secret'),
    });
    const hook = defineHook(() => new Promise(() => undefined), { name: 'thinks' });
    const hooked = new Agent({ id: 'hooked', engine: () => '', preHooks: [hook] });
    const { url, agentOs, app } = await start({
      agents: [agent, hooked],
      teams: [team],
      http: { userId },
      shutdownTimeout: 20,
    });
    const asking = [
      runJson(url, '/teams/desk', 'secret', { session_id: 's1' }, as('ann')),
      runJson(url, '/agents/hooked', 'secret', {}, as('bob')),
    ];
    while (agentOs.listRuns().length < 3) await new Promise((resolve) => setImmediate(resolve));
    const list = (user: string, query = '?state=running'): ReturnType<typeof callJson> =>
      callJson(url, 'GET', `/hooks/runs${query}`, { headers: as(user) });

    const { body } = await list('ann');
    const time = expect.stringMatching(/^\d{4}-.*Z$/);
    const common = {
      run_id: expect.any(String),
      session_id: 's1',
      user_id: 'ann',
      state: 'running',
      started_at: time,
      shown_at: time,
      hooks: {},
    };
    expect(body).toEqual({
      data: [
        { ...common, component: { kind: 'team', id: 'desk', name: 'desk' }, waits_for: 'member' },
        {
          ...common,
          parent_run_id: expect.any(String),
          component: { kind: 'agent', id: 'forever', name: 'forever' },
          waits_for: 'engine',
        },
      ],
      meta: { page: 1, limit: 100, total: 2 },
    });
    expect((await list('bob', '?limit=1')).body).toMatchObject({
      data: [{ waits_for: 'hook', hook: 'thinks' }],
      meta: { total: 1 },
    });
    expect((await list('eve')).body).toMatchObject({ data: [] });
    expect((await list('ann', '?state=ended')).status).toBe(422);

    await app.close();
    await Promise.all(asking);
    expect(agentOs.listRuns()).toEqual([]);
  });
});

describe('A run that shutdown ends', () => {
  it.each(['agents/forever', 'teams/desk', 'workflows/flow'])(
    'of %s answers its client with the reason, over JSON and SSE',
    async (path) => {
      const agent = new Agent({
        id: 'forever',
        engine: async function* () {
          yield 'a word';
          await new Promise(() => undefined);
        },
      });
      const team = new Team({
        id: 'desk',
        members: [agent],
        engine: ({ delegate }) => delegate('forever', 'hi'),
      });
      const flow = new Workflow({ id: 'flow', steps: [agent] });
      const { url, agentOs, app } = await start({
        agents: [agent],
        teams: [team],
        workflows: [flow],
        shutdownTimeout: 20,
      });
      const json = post(url, `/${path}`, { message: 'hi', stream: 'false' });
      const sse = post(url, `/${path}`, { message: 'hi', stream: 'true' }).then((reply) => reply.text());
      const own = agentOs.run('forever', 'hi').catch((error: unknown) => error);
      while (agentOs.listRuns().length < (path.startsWith('agents') ? 3 : 5))
        await new Promise((resolve) => setImmediate(resolve));

      await app.close();

      const text = 'The server is shutting down, so the run was stopped.';
      const reply = await json;
      expect([reply.status, reply.headers.get('retry-after')]).toEqual([503, '5']);
      expect(await reply.json()).toMatchObject({
        status: 'CANCELLED',
        detail: text,
        error_type: 'shutting_down',
      });
      const cancelled = parseFrames(await sse).filter(({ event }) => event.endsWith('Cancelled'));
      expect(cancelled.at(-1)?.data).toMatchObject({ reason: text });
      expect(await own).toMatchObject({ code: 'shutting_down', status: 503 });
    },
  );
});

describe('Runs beyond maxRuns', () => {
  it('are refused with 503 and Retry-After, in every form, until a slot is free', async () => {
    const gate = createGate();
    const agent = new Agent({
      id: 'support',
      engine: ({ input }) => (input === 'wait' ? gate.opened.then(() => 'done') : 'quick'),
    });
    const { url, agentOs } = await start({ agents: [agent], maxRuns: 2 });
    const running = [runJson(url, '/agents/support', 'wait'), agentOs.run('support', 'wait')];
    while (agentOs.listRuns().length < 2) await new Promise((resolve) => setImmediate(resolve));

    const ways: Record<string, string>[] = [
      { stream: 'false' },
      { stream: 'true' },
      { stream: 'false', background: 'true' },
      { stream: 'true', background: 'true' },
    ];
    for (const fields of ways) {
      const reply = await post(url, '/agents/support', { message: 'hi', ...fields });
      expect([reply.status, reply.headers.get('retry-after')]).toEqual([503, '5']);
      expect(await reply.json()).toEqual({
        detail: 'The server is busy: 2 runs are in flight. Try again later.',
      });
    }
    await expect(agentOs.run('support', 'hi')).rejects.toBeInstanceOf(TooManyRunsError);
    await expect(agentOs.stream('support', 'hi').next()).rejects.toMatchObject({
      code: 'too_many_runs',
      status: 503,
    });
    expect((await agent.run('hi')).content).toBe('quick');
    expect((await agentOs.get('support').run('hi')).content).toBe('quick');

    gate.open();
    await Promise.all(running);
    expect((await agentOs.run('support', 'hi')).content).toBe('quick');
  });

  it('are never members, steps and runs that hooks start', async () => {
    const ran: string[] = [];
    const agent = new Agent({ id: 'helper', engine: ({ input }) => `did ${input}` });
    const asks = async (): Promise<void> => void ran.push((await agent.run('hook')).content);
    const team = new Team({
      id: 'desk',
      members: [agent],
      engine: async ({ delegate }) =>
        `${await delegate('helper', 'member')} ${(await agent.run('call')).content}`,
      preHooks: [defineHook(asks, { name: 'inline' })],
      postHooks: [inBackground('background', asks)],
    });
    const flow = new Workflow({ id: 'flow', steps: [team, agent] });
    const gate = createGate();
    const slot = new Agent({ id: 'slot', engine: () => gate.opened.then(() => '') });
    const { agentOs } = await start({ agents: [slot], workflows: [flow], maxRuns: 1 });

    const { content } = await agentOs.run('flow', 'hi');
    const taken = agentOs.run('slot', 'hi');
    await agentOs.drain();
    gate.open();
    await taken;

    expect(content).toBe('did did member did call');
    expect(ran).toEqual(['did hook', 'did hook']);
  });

  it('are admitted again however the earlier runs have ended', async () => {
    const endings: Readonly<Record<string, EngineFunction>> = {
      completes: () => 'done',
      fails: () => {
        throw new Error('broken');
      },
      waits: never,
      cannot: () => ({ content: 5 }) as never,
    };
    const agents = Object.entries(endings).map(([id, engine]) => new Agent({ id, engine, timeout: 20 }));
    const { url, agentOs } = await start({ agents, maxRuns: 1, onDisconnect: 'cancel' });
    for (const { id } of agents) {
      await agentOs.run(id, 'hi').catch(() => undefined);
      await agentOs.run(id, 'hi', { signal: AbortSignal.abort() }).catch(() => undefined);
      await agentOs.run(id, 5 as never).catch(() => undefined);
      await runSse(url, `/agents/${id}`, 'hi');
    }
    const abandoned = agentOs.stream('completes', 'hi');
    await abandoned.next();
    await abandoned.return();
    while (agentOs.listRuns().length > 0) await new Promise((resolve) => setImmediate(resolve));

    expect((await agentOs.run('completes', 'hi')).content).toBe('done');
  });
});
