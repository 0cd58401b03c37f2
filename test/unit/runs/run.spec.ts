import { describe, expect, it } from '@jest/globals';
import {
  Agent,
  AgentRunError,
  defineGuardrail,
  defineHook,
  InMemorySessionStore,
  InputCheckError,
  OutputCheckError,
  Team,
} from 'nestjs-agentos';
import type { AgentOptions, HookFunction, PostHookContext, PreHookContext, RunEvent } from 'nestjs-agentos';
import type { EngineRequest, LeaderRequest } from 'nestjs-agentos/engine';

import { HooksNotStoredError } from '../../../src/errors/run.errors.js';
import type { HookBatch } from '../../../src/execution/hook.executor.js';
import { InProcessHookExecutor } from '../../../src/execution/in-process-hook.executor.js';
import type { ServedEnvironment } from '../../../src/runs/environment.js';
import type { RunHandle, RunPhase } from '../../../src/runs/run.view.js';
import { startRun } from '../../../src/runs/start.js';
import { CoordinatedSessionStore } from '../../../src/sessions/coordinated-session.store.js';
import { Telemetry, type RunSpan } from '../../../src/telemetry/telemetry.js';
import { failingStore } from '../../../src/testing/failing.store.js';
import { createGate, type Gate } from '../../../src/testing/gate.js';
import { createServedEnvironment } from '../../support/served-environment.js';
import { someTurns } from '../../support/turns.js';

/** The phases in which a run waits for something. */
const PHASES = ['pre', 'executing', 'post'] as const;

function start(
  component: Agent | Team,
  given: Partial<ServedEnvironment> = {},
  sink?: (event: RunEvent) => Promise<void> | undefined,
): RunHandle {
  const environment = createServedEnvironment(given);
  return startRun({ component, input: 'question', environment, ...(sink ? { sink } : {}) });
}

function agent(options: Partial<AgentOptions>): Agent {
  return new Agent({ id: 'agent', engine: () => 'answer', ...options });
}

/** An agent that waits in one phase until the gate opens, and notes what it has reached. */
function agentThatWaitsIn(phase: RunPhase, gate: Gate, reached: string[]): Agent {
  const reach = async (name: RunPhase): Promise<void> => {
    reached.push(name);
    if (name === phase) await gate.opened;
  };
  return agent({
    preHooks: [defineHook(() => reach('pre'), { name: 'pre' })],
    engine: async () => {
      await reach('executing');
      return 'answer';
    },
    postHooks: [defineHook(() => reach('post'), { name: 'post' })],
  });
}

describe('A run', () => {
  it('goes through pre, executing and post to settled, and its view shows the phase', async () => {
    const phases: string[] = [];
    const gate = createGate();
    const run: RunHandle = start(
      agent({
        preHooks: [defineHook(async () => (await gate.opened, void phases.push(run.phase)), { name: 'pre' })],
        engine: () => {
          phases.push(run.phase);
          return 'answer';
        },
        postHooks: [defineHook(() => void phases.push(run.phase), { name: 'post' })],
      }),
    );
    gate.open();
    const { outcome, output } = await run.settled;

    expect(phases).toEqual(['pre', 'executing', 'post']);
    expect(run.phase).toBe('settled');
    expect([outcome, run.outcome, output.status, output.content]).toEqual([
      'completed',
      'completed',
      'COMPLETED',
      'answer',
    ]);
  });

  it.each([
    ['rejected', agent({ preHooks: [defineGuardrail(() => raise(new InputCheckError('no')))] })],
    ['rejected', agent({ postHooks: [defineGuardrail(() => raise(new OutputCheckError('no')))] })],
    ['failed', agent({ engine: () => raise(new Error('broken')) })],
    ['failed', agent({ preHooks: [defineHook(() => raise(new Error('broken')), { name: 'pre' })] })],
  ] as const)('that is %s resolves with its error, which carries the output', async (expected, component) => {
    const run = start(component);
    const { outcome, error, output } = await run.settled;

    expect(outcome).toBe(expected);
    expect(error).toBeInstanceOf(AgentRunError);
    expect(error?.runOutput).toBe(output);
    expect(output.status).toBe('ERROR');
  });

  it.each(PHASES)(
    'that is cancelled in the phase %s ends there, and enters no later phase',
    async (phase) => {
      const gate = createGate();
      const reached: string[] = [];
      const run = start(agentThatWaitsIn(phase, gate, reached));
      await reaches(run, phase, reached);
      run.cancel('first');
      run.cancel('second');
      const { outcome, error } = await run.settled;
      gate.open();
      await someTurns();

      expect(outcome).toBe('cancelled');
      expect(error?.message).toBe('first');
      expect(reached).toEqual(PHASES.slice(0, PHASES.indexOf(phase) + 1));
      expect(run.endedBeforeExecution).toBe(phase === 'pre');
    },
  );

  it.each(PHASES)('that shutdown ends in the phase %s fails with shutting_down', async (phase) => {
    const gate = createGate();
    const reached: string[] = [];
    const run = start(agentThatWaitsIn(phase, gate, reached));
    await reaches(run, phase, reached);
    run.shutDown();
    const { error } = await run.settled;
    gate.open();

    expect(error?.code).toBe('shutting_down');
    expect(run.isShutDown).toBe(true);
  });

  it('keeps its outcome when it is cancelled after it has settled, and does not wait for its store any more', async () => {
    const failing = failingStore(new InMemorySessionStore(), { append: 'hang' });
    const sessions = new CoordinatedSessionStore(failing.store);
    const run = start(agent({}), { sessions });
    await failing.hanging('append');
    expect(run.phase).toBe('settled');
    run.cancel('too late');

    const { outcome, error } = await run.settled;
    expect(outcome).toBe('completed');
    expect(error).toBeUndefined();
  });

  it('repeats its engine, not its hooks, and keeps nothing of the failed attempt', async () => {
    const hooks: string[] = [];
    let attempts = 0;
    const run = start(
      agent({
        retries: 2,
        preHooks: [defineHook(() => void hooks.push('pre'), { name: 'pre' })],
        postHooks: [defineHook(() => void hooks.push('post'), { name: 'post' })],
        async *engine() {
          attempts += 1;
          yield { type: 'tool-call', id: 'call', name: 'look', arguments: {} } as const;
          yield `attempt ${attempts}`;
          if (attempts < 3) throw new Error('try again');
        },
      }),
    );
    const { output } = await run.settled;

    expect(attempts).toBe(3);
    expect(hooks).toEqual(['pre', 'post']);
    expect(output.content).toBe('attempt 3');
    expect(output.tools).toHaveLength(1);
  });

  it('does not repeat an attempt that was rejected or cancelled', async () => {
    let attempts = 0;
    const engine = (): never => {
      attempts += 1;
      throw new InputCheckError('no');
    };
    await start(agent({ retries: 3, engine })).settled;

    expect(attempts).toBe(1);
  });

  it('ignores all events of an attempt that was abandoned', async () => {
    const late = createGate();
    let attempts = 0;
    let afterwards: unknown;
    const run = start(
      new Team({
        id: 'team',
        members: [agent({ id: 'member' })],
        retries: 1,
        engine: ({ delegate }: LeaderRequest) => {
          attempts += 1;
          if (attempts > 1) return 'second';
          void late.opened
            .then(() => delegate('member', 'late'))
            .catch((thrown: unknown) => (afterwards = thrown));
          throw new Error('try again');
        },
      }),
    );
    const { output } = await run.settled;
    late.open();
    await someTurns();

    expect(output.content).toBe('second');
    expect(output.memberResponses).toEqual([]);
    expect(String(afterwards)).toContain('This attempt has failed and was repeated.');
  });

  it('stays unchanged once it has settled, whatever its engine still does', async () => {
    const late = createGate();
    let request: EngineRequest | undefined;
    const run = start(
      agent({
        engine: async (given) => {
          request = given;
          await late.opened;
          return 'late answer';
        },
      }),
    );
    await someTurns();
    run.cancel('stop');
    const { output } = await run.settled;
    const before = structuredClone(output);
    late.open();
    await someTurns();

    expect(request?.signal.aborted).toBe(true);
    expect(output).toEqual(before);
  });

  it('fails with run_timeout at its time limit', async () => {
    const run = start(agent({ timeout: 1, engine: () => new Promise<string>(() => undefined) }));
    const { outcome, error } = await run.settled;

    expect([outcome, error?.code]).toEqual(['failed', 'run_timeout']);
  });

  it('is in flight until it has settled, and its parts with it', async () => {
    const gate = createGate();
    const environment = createServedEnvironment();
    const run = startRun({
      component: new Team({
        id: 'team',
        members: [agent({ id: 'member', engine: async () => (await gate.opened, 'answer') })],
        engine: ({ delegate }: LeaderRequest) => delegate('member', 'question'),
      }),
      input: 'question',
      environment,
    });
    await someTurns();
    const during = environment.inFlight
      .all()
      .map(({ component, position, waitsFor }) => [component.id, position, waitsFor]);
    gate.open();
    await run.settled;

    expect(during).toEqual([
      ['team', 'root', 'member'],
      ['member', 'member', 'engine'],
    ]);
    expect(environment.inFlight.size).toBe(0);
  });

  it('cancels its parts with it, and settles after them', async () => {
    const ends: string[] = [];
    const run = start(
      new Team({
        id: 'team',
        members: [agent({ id: 'member', engine: () => new Promise<string>(() => undefined) })],
        engine: ({ delegate }: LeaderRequest) => delegate('member', 'question'),
      }),
      {},
      (event) => {
        if (event.type === 'run-cancelled') ends.push(event.component.id);
        return undefined;
      },
    );
    await someTurns();
    run.cancel('stop');
    await run.settled;

    expect(ends).toEqual(['member', 'team']);
  });

  it('releases the background hooks of a part that it did not wait for after its own', async () => {
    const gate = createGate();
    const ran: string[] = [];
    const note = defineHook<PostHookContext>(({ component }) => void ran.push(component.id), {
      name: 'note',
      runInBackground: true,
    });
    const environment = createServedEnvironment();
    const run = startRun({
      component: new Team({
        id: 'team',
        members: [
          agent({ id: 'member', engine: async () => (await gate.opened, 'late'), postHooks: [note] }),
        ],
        engine: ({ delegate }: LeaderRequest) => {
          void delegate('member', 'question');
          return 'answer';
        },
        postHooks: [note],
      }),
      input: 'question',
      environment,
    });
    const { output } = await run.settled;
    gate.open();
    await environment.inFlight.idle();
    await someTurns();
    await environment.executor.drain();

    expect(output.memberResponses).toEqual([]);
    expect(ran).toEqual(['team', 'member']);
  });

  it('keeps the state that its last part has written, while earlier runs are still being stored', async () => {
    const gate = createGate();
    const write = (key: string): HookFunction<PostHookContext> =>
      defineHook<PostHookContext>(({ session }) => void (session.state[key] = key), { name: `write-${key}` });
    const late = agent({
      id: 'late',
      engine: async () => (await gate.opened, 'late'),
      postHooks: [write('late')],
    });
    const inner = new Team({
      id: 'inner',
      members: [late],
      engine: ({ delegate }: LeaderRequest) => (void delegate('late', 'question'), 'answer'),
      postHooks: [write('inner')],
    });
    const first = agent({ id: 'first' });
    const failing = failingStore(new InMemorySessionStore());
    failing.hang('append', { times: 1 });
    const sessions = new CoordinatedSessionStore(failing.store);
    const environment = createServedEnvironment({ sessions });
    const run = startRun({
      component: agent({
        engine: async () => {
          await first.run('question');
          await inner.run('question', { sessionId: 's1' });
          return 'answer';
        },
        postHooks: [defineGuardrail(() => undefined, { name: 'guard' })],
      }),
      input: 'question',
      environment,
    });
    await failing.hanging('append');
    gate.open();
    await someTurns();
    await failing.release();
    await run.settled;
    await environment.inFlight.idle();

    expect((await sessions.find('s1'))?.state).toEqual({ inner: 'inner', late: 'late' });
  });

  it('waits for a reader that is full, but not after its cancellation', async () => {
    const run = start(agent({}), {}, () => new Promise<void>(() => undefined));
    await someTurns();
    expect([run.phase, run.waitsFor]).toEqual(['pre', 'reader']);
    run.cancel('stop');

    expect((await run.settled).outcome).toBe('cancelled');
  });

  it('ends as failed if its environment throws', async () => {
    class BrokenTelemetry extends Telemetry {
      override startRun(): never {
        throw new Error('the tracer is broken');
      }
    }
    const errors: unknown[] = [];
    const logger = { error: (message: unknown) => void errors.push(message), warn: () => undefined };
    const environment = createServedEnvironment({ telemetry: new BrokenTelemetry(), logger });
    const run = startRun({ component: agent({}), input: 'question', environment });

    expect((await run.settled).outcome).toBe('failed');
    expect(environment.inFlight.size).toBe(0);
    expect(String(errors[0])).toContain('the tracer is broken');
  });

  it('leaves nothing open if ending it fails: no session, no hook, no phase', async () => {
    class BrokenTelemetry extends Telemetry {
      override startRun(): RunSpan {
        const end = (): never => raise(new Error('the tracer is broken'));
        return {
          hooks: undefined,
          awaitsDisclosure: false,
          enter: (callback) => callback(),
          enterWork: (_work, callback) => callback(),
          runHook: (_hook, callback) => callback(),
          note: () => undefined,
          endAttempt: () => undefined,
          end,
          disclose: () => undefined,
        };
      }
    }
    const left: string[] = [];
    class WatchedSessions extends CoordinatedSessionStore {
      override leave(runId: string): void {
        left.push(runId);
        super.leave(runId);
      }
    }
    const notify = defineHook(() => undefined, { name: 'notify', runInBackground: true });
    const environment = createServedEnvironment({
      telemetry: new BrokenTelemetry(),
      sessions: new WatchedSessions(new InMemorySessionStore()),
    });
    const run = startRun({ component: agent({ postHooks: [notify] }), input: 'question', environment });

    expect((await run.settled).outcome).toBe('failed');
    expect([run.phase, run.outcome]).toEqual(['settled', 'failed']);
    expect(left).toEqual([run.runId]);
    expect(environment.ledger.openCount).toBe(0);
  });

  it('passes the input of its pre-hooks to its engine, and lets no later code change it', async () => {
    let seen = '';
    const run = start(
      agent({
        preHooks: [
          defineHook(({ runInput }: PreHookContext) => void (runInput.content = 'edited'), { name: 'edit' }),
        ],
        engine: ({ input }) => {
          seen = input;
          return 'answer';
        },
      }),
    );
    const { output } = await run.settled;

    expect([seen, output.input?.content]).toEqual(['edited', 'edited']);
    expect(Object.isFrozen(run.input)).toBe(true);
  });
});

/** Waits until the run has reached the phase and waits there. */
async function reaches(run: RunHandle, phase: RunPhase, reached: readonly string[]): Promise<void> {
  await someTurns();
  expect(run.phase).toBe(phase);
  expect(reached.at(-1)).toBe(phase);
}

function raise(error: Error): never {
  throw error;
}

/** An executor that stores hooks before their run is stored. */
class StoringExecutor extends InProcessHookExecutor {
  constructor(readonly store: (batch: HookBatch) => Promise<void>) {
    super({ concurrency: 10, maxPending: 100, onOverflow: () => undefined });
  }

  override get isDurable(): boolean {
    return true;
  }

  override async accept(batch: HookBatch): Promise<void> {
    await this.store(batch);
    await super.accept(batch);
  }
}

describe('A run whose background hooks are stored before it', () => {
  const notify = defineHook(() => undefined, { name: 'notify', runInBackground: true });

  it('is reported to onRunError, and to the index as failed, if they cannot be stored', async () => {
    const failures: unknown[] = [];
    const executor = new StoringExecutor((batch) =>
      Promise.reject(new HooksNotStoredError(batch.id, new Error('connection refused'))),
    );
    const environment = createServedEnvironment({
      executor,
      onRunError: ({ code, error, runId }) => void failures.push([code, error.message, runId]),
    });
    const run = startRun({ component: agent({ postHooks: [notify] }), input: 'question', environment });
    const { outcome } = await run.settled;

    expect([outcome, run.outcome]).toEqual(['failed', 'failed']);
    expect(failures).toEqual([['hooks_not_stored', 'connection refused', run.runId]]);
    expect([...environment.index.newestFirst()]).toMatchObject([{ runId: run.runId, outcome: 'failed' }]);
  });

  it('keeps its outcome if it is cancelled while they are being stored, and the log names them if they are lost', async () => {
    const errors: string[] = [];
    const isStoring = createGate();
    const storing = createGate();
    const executor = new StoringExecutor(async (batch) => {
      isStoring.open();
      await storing.opened;
      throw new HooksNotStoredError(batch.id, new Error('connection refused'));
    });
    const logger = { error: (message: string) => void errors.push(message), warn: () => undefined };
    const run = start(agent({ postHooks: [notify] }), { executor, logger });
    await isStoring.opened;
    run.cancel('stop');
    const { outcome } = await run.settled;
    storing.open();
    await someTurns();

    expect([outcome, errors]).toEqual(['completed', [expect.stringContaining('could not be stored')]]);
  });

  it('treats a part as late for the guardrail if it settles while they are being stored', async () => {
    const sessions = new CoordinatedSessionStore(new InMemorySessionStore());
    const isStoring = createGate();
    const storing = createGate();
    const question = createGate();
    const executor = new StoringExecutor(() => (isStoring.open(), storing.opened));
    const unseen = new Agent({
      id: 'unseen',
      engine: async () => {
        await question.opened;
        return 'UNSEEN';
      },
    });
    const guard = defineGuardrail<PostHookContext>(
      () => void unseen.run('question', { sessionId: 'unseen' }),
      { name: 'guard' },
    );
    const run = start(agent({ postHooks: [guard, notify] }), { executor, sessions });
    await isStoring.opened;
    question.open();
    await someTurns();
    storing.open();
    await run.settled;
    await someTurns();

    expect(await sessions.runs('unseen')).toMatchObject([{ isWithdrawn: true, output: { content: '' } }]);
  });
});
