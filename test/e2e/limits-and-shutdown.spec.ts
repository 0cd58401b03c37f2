import { afterEach, describe, expect, it } from '@jest/globals';
import { Agent, RunCancelledError, type PostHookContext } from 'nestjs-agentos';
import { createGate, scriptedEngine } from 'nestjs-agentos/testing';

import { inBackground } from '../support/background-hook.js';
import { namesOf, parseFrames } from '../support/http-client.js';
import { raise } from '../support/raise.js';
import { Shutdown } from '../support/shutdown.js';
import { ask, SURFACES } from '../support/surfaces.js';
import { readAnswer, sendRaw } from '../support/raw-client.js';
import { someTurns } from '../support/turns.js';
import { ADAPTERS, closeApps, startApp, type TestApp } from '../support/test-app.js';

afterEach(closeApps);

const never = (): Promise<never> => new Promise(() => undefined);

describe.each(SURFACES)('Limits and shutdown, on $adapter over $transport', ({ adapter, transport }) => {
  it('G17: over maxPending a run waits for its background hooks, which work on copies, before its result is handed back', async () => {
    const steps: string[] = [];
    const first = createGate();
    const secondStarted = createGate();
    const second = createGate();
    const notify = async ({ runInput, runOutput, hook }: PostHookContext): Promise<void> => {
      if (runInput.content === 'first') return first.opened;
      secondStarted.open();
      runOutput.content = 'changed by a hook';
      await second.opened;
      steps.push(`hook of ${runInput.content}, delivered: ${String(hook.delivered)}`);
    };
    const agent = new Agent({
      id: 'support',
      engine: ({ input }) => `answer to ${input}`,
      postHooks: [inBackground('notify', notify), inBackground('broken', () => raise(new Error('broken')))],
    });
    const { url, agentOs, log } = await startApp({ adapter, agentOs: { agents: [agent], maxPending: 1 } });

    await ask(url, '/agents/support', 'first', transport);
    const answering = ask(url, '/agents/support', 'second', transport);
    const answered = answering.then(() => steps.push('answer to second'));
    await secondStarted.opened;
    // An answer that did not wait would be here before this one.
    await fetch(`${url}/health`);
    second.open();
    await answered;

    expect(steps).toEqual(['hook of second, delivered: undefined', 'answer to second']);
    const { body } = await answering;
    expect([body.content, (await agentOs.executions.counts()).failed]).toEqual(['answer to second', 1]);
    const warning = expect.stringContaining(
      `1 runs wait for their background hooks (maxPending), so those of run ${String(body.run_id)} run before its ` +
        'result is returned. This happened 1 times since the start.',
    );
    expect(log.messages('warn').filter((message) => message.includes('maxPending'))).toEqual([warning]);
    first.open();
    await agentOs.drain();
    expect(await agentOs.executions.counts()).toMatchObject({ succeeded: 2, failed: 2 });
  });

  it('G18: shutdown finishes the answers in progress, then runs their hooks', async () => {
    const steps: string[] = [];
    const engine = scriptedEngine().text('the ').hang().text('answer');
    const agent = new Agent({
      id: 'support',
      engine,
      postHooks: [
        inBackground('notify', ({ hook }) => void steps.push(`hook, delivered: ${String(hook.delivered)}`)),
      ],
    });
    const testApp = await startApp({ adapter, agentOs: { agents: [agent] } });
    const answering = ask(testApp.url, '/agents/support', 'hello', transport);
    await engine.hanging();

    const shutdown = await Shutdown.begin(testApp, () => steps.push('closed'));
    steps.push('server closed');
    engine.proceed();
    await shutdown.ended;

    expect((await answering).body.content).toBe('the answer');
    expect(steps).toEqual(['server closed', 'hook, delivered: true', 'closed']);
  });

  it('G18: after shutdownTimeout a request whose run ignores its signal is answered as cancelled', async () => {
    const engine = scriptedEngine().text('the beginning').hang({ ignoreSignal: true });
    const agent = new Agent({ id: 'support', engine });
    const testApp = await startApp({ adapter, agentOs: { agents: [agent], shutdownTimeout: 50 } });
    const answering = ask(testApp.url, '/agents/support', 'hello', transport);
    await engine.hanging();

    await testApp.close();

    const { status, text, body } = await answering;
    expect([status, body.content]).toEqual([transport === 'json' ? 503 : 200, 'the beginning']);
    if (transport === 'json') expect(body.status).toBe('CANCELLED');
    else expect(namesOf(parseFrames(text)).slice(-2)).toEqual(['RunCancelled', 'RunCompleted']);
  });
});

describe.each(ADAPTERS)('Shutdown, on %s', (adapter) => {
  it('G18: shutdown waits for runs without a socket, then for the backlog of hooks', async () => {
    const steps: string[] = [];
    const engine = createGate();
    const hookStarted = createGate();
    const hook = createGate();
    const notify = async (): Promise<void> => {
      hookStarted.open();
      await hook.opened;
      steps.push('hook');
    };
    const agent = new Agent({
      id: 'support',
      engine: () => engine.opened.then(() => 'the answer'),
      postHooks: [inBackground('notify', notify)],
    });
    const testApp = await startApp({ adapter, agentOs: { agents: [agent] } });
    const run = testApp.agentOs.run('support', 'hello').then(() => steps.push('run'));

    const shutdown = await Shutdown.begin(testApp, () => steps.push('closed'));
    steps.push('server closed');
    engine.open();
    await run;
    await hookStarted.opened;
    steps.push('hook started');
    hook.open();
    await shutdown.ended;

    expect(steps).toEqual(['server closed', 'run', 'hook started', 'hook', 'closed']);
    expect(testApp.log.messages('warn').join()).not.toMatch(/Shutdown (ended|closed)/);
  });

  it('G18: shutdown waits for the hooks of runs that hooks of the backlog start', async () => {
    const steps: string[] = [];
    const hookStarted = createGate();
    const hook = createGate();
    const agent = createJudgedAgent(steps, () => {
      hookStarted.open();
      return hook.opened;
    });
    const testApp = await startApp({ adapter, agentOs: { agents: [agent] } });
    await testApp.agentOs.run('support', 'hello');
    await hookStarted.opened;

    const shutdown = await Shutdown.begin(testApp, () => steps.push('closed'));
    hook.open();
    await shutdown.ended;

    expect(steps).toEqual(['judge answered', 'verdict recorded', 'closed']);
    expect(await testApp.agentOs.executions.counts()).toMatchObject({ succeeded: 2, dropped: 0 });
  });

  it('G18: shutdown waits for runs that hooks of the backlog start without waiting for them', async () => {
    const steps: string[] = [];
    const [begin, reached, goOn] = [createGate(), createGate(), createGate()];
    const mailer = new Agent({
      id: 'mailer',
      engine: async () => {
        reached.open();
        await goOn.opened;
        steps.push('mailed');
        return 'sent';
      },
      postHooks: [inBackground('log', () => steps.push('logged'))],
    });
    const mail = inBackground('mail', async () => {
      await begin.opened;
      void app.agentOs.run('mailer', 'go');
    });
    const agent = new Agent({ id: 'agent', engine: () => 'answer', postHooks: [mail] });
    const app: TestApp = await startApp({ adapter, agentOs: { agents: [agent, mailer] } });
    await app.agentOs.run('agent', 'hi');
    const { ended } = await Shutdown.begin(app, () => steps.push('closed'));
    begin.open();
    await reached.opened;
    await someTurns();
    goOn.open();
    await ended;

    expect(steps).toEqual(['mailed', 'logged', 'closed']);
    expect(app.log.messages('warn').filter((message) => message.startsWith('Shutdown'))).toEqual([]);
  });

  it.each(['false', 'true'])(
    'G18: shutdown cancels a run that begins after shutdownTimeout because of a slow guard: stream=%s',
    async (stream) => {
      const [asked, goOn, deadline] = [createGate(), createGate(), createGate()];
      const waiting = new Agent({
        id: 'waiting',
        engine: ({ signal }) => {
          signal.addEventListener('abort', deadline.open);
          return never();
        },
      });
      const guard = {
        canActivate: async (): Promise<boolean> => {
          asked.open();
          await goOn.opened;
          return true;
        },
      };
      const http = { guards: [guard] };
      const app = await startApp({ adapter, agentOs: { agents: [waiting], shutdownTimeout: 1, http } });
      const body = `message=hi&stream=${stream}`;
      const type = { 'content-type': 'application/x-www-form-urlencoded' };
      const socket = await sendRaw(app.port, '/agents/waiting/runs', type, body);
      const answer = readAnswer(socket);
      await asked.opened;
      app.agentOs.run('waiting', 'hi').catch(() => undefined);

      const closing = app.close();
      await deadline.opened;
      goOn.open();

      expect((await answer).body).toMatch(/cancelled/i);
      await closing;
    },
  );

  it('G18: after one shutdownTimeout for runs and backlog, run signals are aborted and every hook not run is dropped and listed by name and run id', async () => {
    const steps: string[] = [];
    const late = createGate();
    const stuck = async ({ signal }: PostHookContext): Promise<void> => {
      signal.addEventListener('abort', () => steps.push('hook aborted'));
      await late.opened;
      throw new Error('too late to matter');
    };
    const settled = new Agent({
      id: 'settled',
      engine: () => 'the answer',
      postHooks: [inBackground('stuck', stuck), inBackground('next', () => void steps.push('next'))],
    });
    const deaf = new Agent({
      id: 'deaf',
      engine: never,
      postHooks: [
        inBackground('goodbye', () => void steps.push('goodbye'), { on: ['completed', 'cancelled'] }),
      ],
    });
    const { agentOs, log, app } = await startApp({
      adapter,
      agentOs: {
        agents: [settled, deaf],
        shutdownTimeout: 50,
        onHookError: () => void steps.push('reported'),
      },
    });
    const { runId } = await agentOs.run('settled', 'hello');
    const cancelled = agentOs.run('deaf', 'hello').then(raise, (error: RunCancelledError) => error);

    await app.close();
    late.open();
    const error = await cancelled;

    expect(error).toBeInstanceOf(RunCancelledError);
    expect(error.reason).toBe('The server is shutting down, so the run was stopped.');
    expect(steps).toEqual(['hook aborted']);
    expect(
      (await agentOs.executions.list()).map(({ hook, state, reason, attempts }) => [
        hook,
        state,
        reason,
        attempts,
      ]),
    ).toEqual([
      // Not even started: the deadline of the runs is that of the hooks.
      ['goodbye', 'dropped', 'shutdown', 0],
      ['next', 'dropped', 'shutdown', 0],
      ['stuck', 'dropped', 'shutdown', 1],
    ]);
    expect(log.messages('warn')).toContain(
      'Shutdown ended after 50 ms; these background hooks did not finish: ' +
        `"stuck" of run ${runId}, "next" of run ${runId}, "goodbye" of run ${error.runOutput.runId}.`,
    );
  });

  it('G18: shutdown drops and lists the hooks of a run that was over maxPending, once and for all', async () => {
    const started = createGate();
    const late = createGate();
    const slow = ({ runInput }: PostHookContext): Promise<void> => {
      if (runInput.content === 'second') started.open();
      return late.opened;
    };
    const agent = new Agent({
      id: 'support',
      engine: () => 'the answer',
      postHooks: [inBackground('slow', slow), inBackground('next', () => 'never started')],
    });
    const { agentOs, log, app } = await startApp({
      adapter,
      agentOs: { agents: [agent], maxPending: 1, shutdownTimeout: 50 },
    });
    await agentOs.run('support', 'first');
    const second = agentOs.run('support', 'second');
    await started.opened;

    await app.close();
    late.open();
    await second;

    const counts = { succeeded: 0, failed: 0, timed_out: 0, skipped: 0, dropped: 4, open: 0 };
    expect(await agentOs.executions.counts()).toEqual(counts);
    const report = log.messages('warn').at(-1) ?? '';
    expect(report.match(/"(slow|next)" of run/g)).toHaveLength(4);
  });

  it.each([
    { does: 'warns', situation: 'nothing listens to SIGTERM', listens: false, hooks: 1 },
    { does: 'does not warn', situation: 'shutdown hooks are enabled', listens: true, hooks: 1 },
    { does: 'does not warn', situation: 'there are no background hooks', listens: false, hooks: 0 },
  ])(
    'G18: the log $does at the start that hooks may be lost, when $situation',
    async ({ does, listens, hooks }) => {
      const postHooks = Array.from({ length: hooks }, () => inBackground('notify', () => 'sent'));
      const agent = new Agent({ id: 'support', engine: () => 'the answer', postHooks });
      const { log } = await startApp({
        adapter,
        agentOs: { agents: [agent] },
        beforeListen: (app) => void (listens && app.enableShutdownHooks()),
      });

      const warnings = log.messages('warn').filter((message) => message.includes('SIGTERM'));
      expect(warnings).toHaveLength(does === 'warns' ? 1 : 0);
    },
  );

  it('G17: runs that are started inside a hook never wait', async () => {
    const steps: string[] = [];
    const { agentOs } = await startApp({
      adapter,
      agentOs: { agents: [createJudgedAgent(steps)], maxPending: 1 },
    });

    await agentOs.run('support', 'hello');
    await agentOs.drain();
    await agentOs.drain();

    expect(steps).toEqual(['judge answered', 'verdict recorded']);
  });
});

/** An agent whose background hook runs another agent, which has a background hook as well. */
function createJudgedAgent(steps: string[], beforeJudging?: () => Promise<void>): Agent {
  const judge = new Agent({
    id: 'judge',
    engine: () => 'good',
    postHooks: [inBackground('record', () => void steps.push('verdict recorded'))],
  });
  const askJudge = async (): Promise<void> => {
    await beforeJudging?.();
    await judge.run('how good was it?');
    steps.push('judge answered');
  };
  return new Agent({
    id: 'support',
    engine: () => 'the answer',
    postHooks: [inBackground('judge', askJudge)],
  });
}

describe('The log at the start of a shutdown', () => {
  const started = createGate();
  const opened = createGate();
  const agent = new Agent({
    id: 'support',
    engine: async ({ input }) => {
      if (input === 'slow') await opened.opened;
      return 'answer';
    },
    postHooks: [
      inBackground('notify', () => {
        started.open();
        return opened.opened;
      }),
      inBackground('audit', () => undefined),
    ],
  });

  it('names and counts the runs and the background hooks that shutdown waits for', async () => {
    const testApp = await startApp({ agentOs: { agents: [agent], shutdownTimeout: 9_000 } });
    const slow = testApp.agentOs.run('support', 'slow');
    await testApp.agentOs.run('support', 'hello');
    await testApp.agentOs.run('support', 'hello');
    await started.opened;

    const closed = testApp.close();
    while (testApp.log.messages('log').every((message) => !message.startsWith('Shutdown'))) await someTurns();
    opened.open();
    await slow;
    await closed;

    expect(testApp.log.messages('log')).toContain(
      'Shutdown waits up to 9000 ms for 1 run ("support": 1) and 4 background hooks ("audit": 2, "notify": 2).',
    );
  });

  it('has no line if there is nothing to wait for', async () => {
    const testApp = await startApp({ agentOs: { agents: [agent] } });
    await testApp.agentOs.run('support', 'hello');
    await testApp.agentOs.drain();

    await testApp.close();

    expect(testApp.log.messages('log').filter((message) => message.startsWith('Shutdown'))).toEqual([]);
  });
});
