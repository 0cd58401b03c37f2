import { connect } from 'node:net';
import { once } from 'node:events';

import { afterEach, describe, expect, it } from '@jest/globals';
import {
  Agent,
  defineGuardrail,
  defineHook,
  InMemorySessionStore,
  OutputCheckError,
  Team,
  type HookFunction,
  type PostHookContext,
  type PreHookContext,
} from 'nestjs-agentos';
import { createGate, type Gate, failingStore, scriptedEngine } from 'nestjs-agentos/testing';

import { inBackground } from '../support/background-hook.js';
import { post, runJson } from '../support/http-client.js';
import { callJson } from '../support/json-client.js';
import { someTurns } from '../support/turns.js';
import { ADAPTERS, closeApps, startApp } from '../support/test-app.js';
import { recordUnhandledRejections } from '../support/unhandled-rejections.js';

afterEach(closeApps);

describe('An attempt that failed and is repeated', () => {
  it('G7: a repeated attempt releases nothing and writes nothing, although parts of it still run', async () => {
    const hooksOf: string[] = [];
    const [secondAttempt, lateIsDone] = [createGate(), createGate()];
    let attempts = 0;
    const member = new Agent({
      id: 'member',
      engine: ({ input }) => input,
      postHooks: [inBackground('record', ({ runInput }) => hooksOf.push(runInput.content))],
    });
    const team = new Team({
      id: 'team',
      members: [member],
      retries: 1,
      engine: async ({ delegate }) => {
        attempts += 1;
        if (attempts === 2) {
          secondAttempt.open();
          await lateIsDone.opened;
          return delegate('member', 'second');
        }
        void secondAttempt.opened
          .then(() => delegate('member', 'first'))
          .catch(() => undefined)
          .finally(lateIsDone.open);
        throw new Error('the first attempt fails');
      },
    });
    const { agentOs } = await startApp({ agentOs: { teams: [team] } });

    const { content, memberResponses } = await agentOs.run('team', 'x');
    await agentOs.drain();

    expect([content, memberResponses.length, hooksOf]).toEqual(['second', 1, ['second']]);
  });
});

describe('An attempt that is repeated', () => {
  it('G7: a repeated attempt leaves no metadata of its own, and keeps the metadata of the caller', async () => {
    let attempts = 0;
    const agent = new Agent({
      id: 'agent',
      retries: 1,
      engine: async function* ({ context }) {
        attempts += 1;
        if (attempts === 1) {
          (context.metadata['given'] as unknown[]).push('more');
          yield { content: 'wrong', metadata: { left: true } };
          throw new Error('broken');
        }
        context.metadata['second'] = true;
        yield 'right';
      },
    });
    const { url } = await startApp({ agentOs: { agents: [agent] } });
    const { body } = await runJson(url, '/agents/agent', 'x', { metadata: '{"given":[1]}' });
    expect([body['content'], body['metadata']]).toEqual(['right', { given: [1], second: true }]);
  });
});

describe('A run that is cancelled', () => {
  it('does not end the process although its leader waits for one of its members only', async () => {
    const unhandled = recordUnhandledRejections();
    const stubborn = scriptedEngine().hang({ ignoreSignal: true });
    const one = new Agent({ id: 'one', engine: () => new Promise<string>(() => undefined) });
    const two = new Agent({ id: 'two', engine: stubborn });
    const team = new Team({
      id: 'desk',
      members: [one, two],
      engine: async ({ delegate, input }) => {
        const [first, second] = [delegate('one', input), delegate('two', input)];
        return (await first) + (await second);
      },
    });
    const { url } = await startApp({ agentOs: { teams: [team] } });
    const begun = await post(url, '/teams/desk', { message: 'hi', background: 'true', stream: 'false' });
    const { run_id: runId } = (await begun.json()) as { run_id: string };
    await stubborn.hanging();
    await callJson(url, 'POST', `/teams/desk/runs/${runId}/cancel`);
    await someTurns();
    expect(await unhandled.stop()).toEqual([]);
  });

  it('G18: a cancelled run ends although its session store hangs, and so does the shutdown', async () => {
    const failing = failingStore(new InMemorySessionStore(), { open: 'hang' });
    const agent = new Agent({ id: 'agent', engine: () => 'never' });
    const agentOs = { agents: [agent], sessionStore: failing.store, shutdownTimeout: 1 };
    const { agentOs: service, app } = await startApp({ agentOs });
    const run = service.run('agent', 'hi', { sessionId: 's' });
    await failing.hanging('open');
    const closing = app.close();
    // The caller is told that it was shutdown which has ended the run.
    await expect(run).rejects.toMatchObject({ code: 'shutting_down' });
    await closing;
  });
});

describe('An inline hook that was abandoned at its timeout', () => {
  it('changes nothing in the answer that a guardrail has passed', async () => {
    const [guardrailIsDone, lateIsDone] = [createGate(), createGate()];
    const late = defineHook(
      async ({ runOutput }: PostHookContext) => {
        await guardrailIsDone.opened;
        runOutput.content = 'what nobody has checked';
        runOutput.metadata['late'] = true;
        lateIsDone.open();
      },
      { name: 'late', timeout: 1 },
    );
    const check = defineGuardrail(async (_context: PostHookContext) => {
      guardrailIsDone.open();
      await lateIsDone.opened;
    });
    const agent = new Agent({ id: 'agent', engine: () => 'checked', postHooks: [late, check] });
    const { url } = await startApp({ agentOs: { agents: [agent] } });

    const { body } = await runJson(url, '/agents/agent', 'x');

    expect([body['content'], body['metadata']]).toEqual(['checked', undefined]);
  });

  it('is never called if its condition took so long', async () => {
    const called: string[] = [];
    const condition = createGate();
    const hook = defineHook(() => called.push('hook'), {
      name: 'late',
      timeout: 1,
      when: () => condition.opened.then(() => true),
    });
    const agent = new Agent({ id: 'agent', engine: () => 'fine', postHooks: [hook] });
    const { agentOs } = await startApp({ agentOs: { agents: [agent] } });

    await agentOs.run('agent', 'x');
    condition.open();
    await condition.opened;
    await new Promise((resolve) => setImmediate(resolve));

    expect(await agentOs.executions.list()).toMatchObject([{ hook: 'late', state: 'timed_out' }]);
    expect(called).toEqual([]);
  });

  it('learns of a cancellation even if it reads its signal late', async () => {
    const [started, cancelled] = [createGate(), createGate()];
    const hook = defineHook(async (context: PreHookContext) => {
      started.open();
      await cancelled.opened;
      reasons.push(context.signal.aborted);
    }, {});
    const reasons: boolean[] = [];
    const agent = new Agent({ id: 'agent', engine: () => 'never', preHooks: [hook] });
    const { agentOs } = await startApp({ agentOs: { agents: [agent] } });
    const controller = new AbortController();

    const run = agentOs.run('agent', 'x', { signal: controller.signal });
    await started.opened;
    controller.abort();
    await expect(run).rejects.toMatchObject({ code: 'run_cancelled' });
    cancelled.open();
    await cancelled.opened;
    await new Promise((resolve) => setImmediate(resolve));

    expect(reasons).toEqual([true]);
  });
});

describe('An inline hook whose run was cancelled', () => {
  const SECRET = 'the launch code';

  /** Adds a footer without a look at its signal; the run is cancelled by the client meanwhile. */
  function createFooter(): {
    hook: HookFunction<PostHookContext>;
    runId: Promise<string>;
    goOn: Gate;
    done: Gate;
  } {
    const [goOn, done] = [createGate(), createGate()];
    let reach!: (runId: string) => void;
    const runId = new Promise<string>((resolve) => (reach = resolve));
    const hook = defineHook<PostHookContext>(
      async ({ runOutput }) => {
        const text = runOutput.content;
        reach(runOutput.runId);
        await goOn.opened;
        runOutput.content = `${text} and a footer`;
        done.open();
      },
      { name: 'footer', runInBackground: false },
    );
    return { hook, runId, goOn, done };
  }

  it.each(['false', 'true'])(
    'writes into no answer that is still being stored: stream=%s',
    async (stream) => {
      const { hook, runId, goOn, done } = createFooter();
      const failing = failingStore(new InMemorySessionStore(), { append: 'hang' });
      const refuse = defineGuardrail<PostHookContext>(
        () => {
          throw new OutputCheckError('No.');
        },
        { name: 'refuse' },
      );
      const agent = new Agent({ id: 'agent', engine: () => SECRET, postHooks: [hook, refuse] });
      const sessionStore = failing.store;
      const { url } = await startApp({ agentOs: { agents: [agent], sessionStore } });

      const answer = post(url, '/agents/agent', { message: 'x', stream, session_id: 's' });
      await callJson(url, 'POST', `/agents/agent/runs/${await runId}/cancel`);
      await failing.hanging('append');
      goOn.open();
      await done.opened;
      await failing.release();

      expect(await (await answer).text()).not.toContain(SECRET);
    },
  );

  it('writes nothing into the answer of the team, whose guardrail has passed', async () => {
    const { hook, runId, goOn, done } = createFooter();
    const seen: string[] = [];
    const look = defineGuardrail<PostHookContext>(
      ({ runOutput }) => void seen.push(JSON.stringify(runOutput)),
      {
        name: 'look',
      },
    );
    const wait = defineHook<PostHookContext>(
      async () => {
        goOn.open();
        await done.opened;
      },
      { name: 'wait', runInBackground: false },
    );
    const member = new Agent({ id: 'member', engine: () => SECRET, postHooks: [hook] });
    const team = new Team({
      id: 'desk',
      members: [member],
      engine: ({ delegate }) => delegate('member', 'go').catch(() => 'done'),
      postHooks: [look, wait],
    });
    const { url } = await startApp({ agentOs: { agents: [member], teams: [team] } });

    const answer = post(url, '/teams/desk', { message: 'x', stream: 'false', session_id: 's' });
    await callJson(url, 'POST', `/agents/member/runs/${await runId}/cancel`);
    const shown = await (await answer).text();

    expect([shown.includes('"done"'), shown.includes(SECRET)]).toEqual([true, false]);
    expect([seen.length, seen.join().includes(SECRET)]).toEqual([1, false]);
  });
});

describe.each(ADAPTERS)('A reader that has stopped reading, on %s', (adapter) => {
  it('G18: a stalled reader keeps neither a cancelled run nor the shutdown waiting', async () => {
    const blocked = createGate();
    const chunk = 'y'.repeat(100_000);
    const agent = new Agent({
      id: 'agent',
      engine: async function* () {
        for (let piece = 0; piece < 200; piece++) {
          // Once the reader takes no more, the next piece is asked for no more.
          const isTaken = setTimeout(blocked.open, 200);
          yield chunk;
          clearTimeout(isTaken);
        }
      },
      postHooks: [inBackground('audit', () => undefined)],
    });
    const { app, port, log } = await startApp({ adapter, agentOs: { agents: [agent], shutdownTimeout: 50 } });
    const socket = connect(port, '127.0.0.1');
    await once(socket, 'connect');
    const body = 'message=x&stream=true';
    socket.write(
      `POST /agents/agent/runs HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/x-www-form-urlencoded\r\nContent-Length: ${body.length}\r\n\r\n${body}`,
    );
    socket.pause();
    socket.on('error', () => undefined);
    await blocked.opened;

    await app.close();

    expect(log.messages('warn').join()).toMatch(/did not finish: "audit" of run/);
    socket.destroy();
  });
});

describe('The method drain()', () => {
  it('throws inside a run that a background hook has started, too', async () => {
    const failures: string[] = [];
    const inner = new Agent({ id: 'inner', engine: () => agentOs.drain().then(() => 'drained') });
    const outer = new Agent({
      id: 'outer',
      engine: () => 'fine',
      postHooks: [inBackground('start', () => agentOs.run(inner, 'x'))],
    });
    const { agentOs } = await startApp({
      agentOs: { agents: [outer], onHookError: ({ error }) => void failures.push(String(error.cause)) },
    });

    await agentOs.run('outer', 'x');
    await agentOs.drain();

    expect(failures).toEqual([expect.stringContaining('drain() was called in a background hook')]);
  });
});

describe('A stalled reader of AgentOsService.stream()', () => {
  it('G18: a stalled reader of stream() does not keep a cancelled run in flight', async () => {
    const blocked = createGate();
    const agent = new Agent({
      id: 'agent',
      engine: async function* () {
        // More than stream() reads ahead: at some piece the run waits for the reader.
        for (let piece = 0; piece < 100; piece++) {
          if (piece === 15) blocked.open();
          yield 'piece';
        }
      },
      postHooks: [inBackground('audit', () => undefined, { on: ['cancelled'] })],
    });
    const { agentOs, app } = await startApp({ agentOs: { agents: [agent], shutdownTimeout: 60_000 } });
    const controller = new AbortController();
    const events = agentOs.stream('agent', 'x', { signal: controller.signal });

    const { value: first } = await events.next();
    await blocked.opened;
    await someTurns();
    controller.abort();
    await app.close();

    expect(first).toMatchObject({ type: 'run-started' });
    expect(await agentOs.executions.list()).toMatchObject([{ hook: 'audit', state: 'succeeded' }]);
  });
});

describe('A run that a hook has started', () => {
  it("gives none of the module's hooks to runs that it starts after it has settled", async () => {
    const judged: string[] = [];
    const [judgeSettled, lateIsDone] = [createGate(), createGate()];
    const late = new Agent({ id: 'late', engine: () => 'late' });
    const judge = new Agent({
      id: 'judge',
      engine: () => {
        void judgeSettled.opened.then(() => late.run('x')).finally(lateIsDone.open);
        return 'verdict';
      },
    });
    const agent = new Agent({ id: 'agent', engine: () => 'fine' });
    const evaluate = inBackground('evaluate', async ({ component }) => {
      judged.push(component.id);
      await judge.run('x');
      judgeSettled.open();
      await lateIsDone.opened;
    });
    const { agentOs } = await startApp({ agentOs: { agents: [agent], postHooks: [evaluate] } });

    await agentOs.run('agent', 'x');
    await agentOs.drain();
    await agentOs.drain();

    expect(judged).toEqual(['agent']);
  });
});
