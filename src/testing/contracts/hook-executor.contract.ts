import type { HookBatch, HookExecutor } from '../../execution/hook.executor.js';
import { createGate } from '../gate.js';
import { assertEqual, assertSame } from './assertions.js';
import { contractCase, type ContractCase } from './contract.case.js';
import { ExecutorStage } from './executor.stage.js';
import { raise, someTurns, type TestHook } from './hook.harness.js';

/** The limits that the contract varies. */
export interface HookExecutorLimits {
  /** Batches that proceed at once. */
  readonly concurrency: number;
}

/** The kind of an executor. */
export interface HookExecutorKind {
  /**
   * Hooks are kept in a store: those that `stop()` could not run stay there for other processes, and are not dropped. Its
   * concurrency counts hooks, and hooks of several batches take turns. Default false.
   */
  readonly isDurable?: boolean;
  /** It keeps the data of failed hooks, so that they can be retried. Default false. */
  readonly canRetry?: boolean;
  /** It keeps to the limits of single hooks, `HookTask.limits`. Default false. */
  readonly canLimit?: boolean;
  /** It keeps only the last of the waiting hooks with one key. Default false. */
  readonly canSupersede?: boolean;
}

const CONCURRENCY = 10;

/**
 * The contract of {@link HookExecutor}, for any storage of batches, as cases for any test runner; this package's
 * executors pass them.
 *
 * @param createExecutor - called by each case, which starts and stops the returned executor. One that is durable begins
 *   with an empty store, whose ledger can still be read when it has stopped
 * @example
 * ```ts
 * describe('QueueHookExecutor', () => {
 *   for (const { name, run } of hookExecutorContract(({ concurrency }) => new QueueHookExecutor(concurrency))) it(name, run);
 * });
 * ```
 */
export function hookExecutorContract(
  createExecutor: (limits: HookExecutorLimits) => HookExecutor | Promise<HookExecutor>,
  { isDurable = false, canRetry = false, canLimit = false, canSupersede = false }: HookExecutorKind = {},
): readonly ContractCase[] {
  const cases: ContractCase[] = [];
  const leftOver = isDurable ? 'scheduled' : 'dropped';
  /** Hooks of several batches have no order in a store: no guarantee gives them one. */
  const comparable = (steps: readonly string[]): readonly string[] => (isDurable ? [...steps].sort() : steps);
  const add = (
    name: string,
    run: (stage: ExecutorStage) => Promise<void>,
    concurrency = CONCURRENCY,
  ): void => {
    const onStage = async (): Promise<void> => {
      const stage = new ExecutorStage(await createExecutor({ concurrency }));
      await stage.start();
      try {
        await run(stage);
      } finally {
        await stage.executor.stop(AbortSignal.abort());
      }
    };
    cases.push(contractCase(name, onStage));
  };

  add('An executor starts a batch only after its release', async (stage) => {
    const held = stage.batch('held', { hook: stage.step('held') });
    const other = stage.batch('other', { hook: stage.step('other') });
    await stage.accept(held, other);
    stage.executor.release(other, true);
    await stage.executor.drain((batch) => batch === held);
    stage.steps.push('release of held');
    stage.executor.release(held, true);
    await stage.executor.drain();
    assertEqual(stage.steps, ['other', 'release of held', 'held']);
  });

  add('An executor runs the hooks of a batch one after another, in order', async (stage) => {
    const hooks = ['first', 'second', 'third'].map((hook) => [hook, stage.recorded(hook)] as const);
    await stage.acceptAndRelease(stage.batch('run', Object.fromEntries(hooks)));
    await stage.executor.drain();
    assertEqual(stage.steps, [
      ...['first starts', 'first ends'],
      ...['second starts', 'second ends'],
      ...['third starts', 'third ends'],
    ]);
  });

  add('An executor runs batches side by side', async (stage) => {
    const gate = createGate();
    await stage.acceptAndRelease(
      stage.batch('one', { waiting: stage.recorded('waiting', () => gate.opened) }),
      stage.batch('two', {
        opening: stage.recorded('opening', () => {
          gate.open();
          return Promise.resolve();
        }),
      }),
    );
    await stage.executor.drain();
    assertEqual(stage.steps.sort(), ['opening ends', 'opening starts', 'waiting ends', 'waiting starts']);
  });

  add(
    'An executor runs no more batches at once than its concurrency',
    async (stage) => {
      const gate = createGate();
      let running = 0;
      let most = 0;
      const hook = async (): Promise<void> => {
        most = Math.max(most, ++running);
        if (running === 2) gate.open();
        await gate.opened;
        await someTurns();
        running -= 1;
      };
      await stage.acceptAndRelease(
        ...['a', 'b', 'c', 'd', 'e'].map((id) => stage.batch(id, { hook, again: hook })),
      );
      await stage.executor.drain();
      const { succeeded } = await stage.executions.counts();
      assertEqual([most, running, succeeded], [2, 0, 10]);
    },
    2,
  );

  if (canLimit) {
    add(
      'An executor runs no more executions of a hook at once than the concurrency of the hook',
      async (stage) => {
        const gate = createGate();
        let running = 0;
        let most = 0;
        const hook = async (): Promise<void> => {
          most = Math.max(most, ++running);
          if (running === 2) gate.open();
          await gate.opened;
          await someTurns();
          running -= 1;
        };
        const batches = ['a', 'b', 'c', 'd', 'e'].map((id) =>
          stage.batch(id, { hook }, {}, { concurrency: 2 }),
        );
        await stage.acceptAndRelease(...batches);
        await stage.executor.drain();
        const { succeeded } = await stage.executions.counts();
        assertEqual([most, running, succeeded], [2, 0, 5]);
      },
    );

    add(
      'A hook that waits for its limits keeps neither other batches nor a place of the executor waiting, and the later hooks ' +
        'of its batch run after it',
      async (stage) => {
        const gate = createGate();
        const limited = (id: string): HookBatch => {
          const { tasks } = stage.batch(
            id,
            { limited: stage.recorded(id, () => gate.opened) },
            {},
            { concurrency: 1 },
          );
          const next = stage.batch(id, { next: stage.step(`after ${id}`) });
          return { ...next, tasks: [...tasks, ...next.tasks] };
        };
        await stage.acceptAndRelease(limited('a'), limited('b'), limited('c'), limited('d'));
        const other = stage.batch('other', { opening: stage.step('other') });
        await stage.acceptAndRelease(other);
        await stage.executor.ended(other);
        gate.open();
        await stage.executor.drain();
        for (const id of ['a', 'b', 'c', 'd']) {
          const own = stage.steps.filter((step) => step.split(' ').includes(id));
          assertEqual(own, [`${id} starts`, `${id} ends`, `after ${id}`]);
        }
        assertEqual(stage.steps.length, 13);
      },
      2,
    );

    add(
      'An executor starts a hook as often as its rate allows, and counts each further attempt',
      async (stage) => {
        const limits = { rate: { max: 2, per: 3_600_000 } };
        const failing: TestHook = ({ hook }) => (hook.attempt === 1 ? raise(new Error('first')) : undefined);
        const retry = { attempts: 2, backoff: 1 };
        const twice = stage.batch('twice', { hook: failing }, {}, { ...limits, retry });
        const late = stage.batch('late', { hook: stage.step('late') }, {}, { ...limits, retry });
        const other = stage.batch('other', { other: stage.step('other') });
        await stage.acceptAndRelease(twice);
        await stage.executor.ended(twice);
        await stage.acceptAndRelease(late, other);
        await stage.executor.ended(other);
        const dropped = await stage.executor.stop(AbortSignal.abort());
        assertEqual(
          [stage.steps, await stage.recordedStates(twice), await stage.recordedStates(late), dropped.length],
          [['other'], { hook: 'succeeded' }, { hook: leftOver }, isDurable ? 0 : 1],
        );
      },
    );

    add('An executor runs all hooks in the end, whatever their rate', async (stage) => {
      const limits = { concurrency: 2, rate: { max: 2, per: 20 } };
      const failing: TestHook = ({ hook }) => (hook.attempt === 1 ? raise(new Error('first')) : undefined);
      const batches = ['a', 'b', 'c', 'd'].map((id) =>
        stage.batch(id, { hook: failing }, {}, { ...limits, retry: { attempts: 2, backoff: 1 } }),
      );
      await stage.acceptAndRelease(...batches);
      await stage.executor.drain();
      const { succeeded } = await stage.executions.counts();
      assertEqual(succeeded, 4);
    });
  }

  add('An executor runs every hook exactly once, however often its batch is released', async (stage) => {
    const batch = stage.batch('run', {
      first: () => {
        stage.steps.push('first');
        stage.executor.release(batch, true);
      },
      second: stage.step('second'),
    });
    await stage.acceptAndRelease(batch);
    stage.executor.release(batch, true);
    await stage.executor.drain();
    stage.executor.release(batch, true);
    await stage.acceptAndRelease(stage.batch('later', { hook: stage.step('later') }));
    await stage.executor.drain();
    assertEqual(stage.steps, ['first', 'second', 'later']);
  });

  add('An executor does nothing when a batch that it does not hold is released', async (stage) => {
    const unknown = stage.batch('unknown', { hook: stage.step('unknown') });
    stage.executor.release(unknown, true);
    await stage.acceptAndRelease(stage.batch('known', { hook: stage.step('known') }));
    await stage.executor.drain();
    assertEqual([stage.steps, await stage.recordedStates(unknown)], [['known'], { hook: 'scheduled' }]);
  });

  add(
    'An executor stops neither the next hook nor the next batch when hooks fail',
    async (stage) => {
      const bad = stage.batch('bad', {
        throwing: () => raise(new Error('thrown')),
        'throwing undefined': () => raise(undefined),
        rejecting: () => Promise.reject(new Error('rejected')),
        'rejecting null': rejectWithNull,
        'a broken thenable': () => ({ then: () => raise(new Error('then')) }),
        nonsense: () => Symbol('nonsense'),
        'never settling': () => new Promise(() => undefined),
        good: stage.step('good'),
      });
      const next = stage.batch('next', { hook: stage.step('next') });
      await stage.acceptAndRelease(bad, next);
      await stage.executor.drain();
      assertEqual(
        [comparable(stage.steps), await stage.recordedStates(bad)],
        [
          comparable(['good', 'next']),
          {
            throwing: 'failed',
            'throwing undefined': 'failed',
            rejecting: 'failed',
            'rejecting null': 'failed',
            'a broken thenable': 'failed',
            nonsense: 'succeeded',
            'never settling': 'timed_out',
            good: 'succeeded',
          },
        ],
      );
    },
    1,
  );

  add('An executor tells hooks whether the response was delivered', async (stage) => {
    const seen: unknown[] = [];
    const hook: TestHook = (context) => void seen.push([context.runContext.runId, context.hook.delivered]);
    const batches = ['sent', 'lost', 'none'].map((id) => stage.batch(id, { hook }));
    await stage.accept(...batches);
    for (const [index, delivered] of [true, false, undefined].entries())
      stage.executor.release(batches[index] as HookBatch, delivered);
    await stage.executor.drain();
    assertEqual(seen.sort(), [
      ['lost', false],
      ['none', undefined],
      ['sent', true],
    ]);
  });

  add(
    'ended() resolves when the hooks of the batch have ended, whatever other batches are held',
    async (stage) => {
      const held = stage.batch('held', { hook: stage.step('held') });
      const batch = stage.batch('run', {
        first: stage.recorded('first'),
        second: stage.recorded('second'),
      });
      await stage.accept(held, batch);
      const ended = stage.executor.ended(batch).then(stage.step('ended'));
      stage.executor.release(batch, true);
      await ended;
      assertEqual(
        [stage.steps, await stage.recordedStates(held)],
        [['first starts', 'first ends', 'second starts', 'second ends', 'ended'], { hook: 'scheduled' }],
      );
    },
  );

  add('ended() resolves at once for a batch that is not held, or has ended', async (stage) => {
    const batch = stage.batch('run', { hook: stage.step('hook') });
    assertSame(await stage.executor.ended(batch), undefined);
    await stage.acceptAndRelease(batch);
    await stage.executor.ended(batch);
    assertSame(await stage.executor.ended(batch), undefined);
  });

  add('ended() resolves when the batch was dropped', async (stage) => {
    const batch = stage.batch('run', { hook: stage.step('hook') });
    await stage.accept(batch);
    const ended = stage.executor.ended(batch);
    await stage.executor.stop(AbortSignal.abort());
    assertSame(await ended, undefined);
  });

  add('drain() resolves at once if no batch is held', async (stage) => {
    assertSame(await stage.executor.drain(), undefined);
  });

  add(
    'drain() waits for batches that run, wait, or are not released yet',
    async (stage) => {
      const running = stage.batch('running', { hook: stage.recorded('running') });
      const waiting = stage.batch('waiting', { hook: stage.recorded('waiting') });
      const accepted = stage.batch('accepted', { hook: stage.recorded('accepted') });
      await stage.acceptAndRelease(running, waiting);
      await stage.accept(accepted);
      const drained = stage.executor.drain().then(stage.step('drained'));
      stage.executor.release(accepted, true);
      await drained;
      assertEqual(stage.steps.at(-1), 'drained');
      assertEqual(
        comparable(stage.steps),
        comparable([
          ...['running starts', 'running ends', 'waiting starts', 'waiting ends'],
          ...['accepted starts', 'accepted ends', 'drained'],
        ]),
      );
    },
    1,
  );

  add('drain() does not wait for excluded batches or for later ones', async (stage) => {
    const excluded = stage.batch('excluded', { hook: stage.step('excluded') });
    const counted = stage.batch('counted', { hook: stage.recorded('counted') });
    await stage.acceptAndRelease(counted);
    await stage.accept(excluded);
    const drained = stage.executor.drain((batch) => batch === excluded);
    const later = stage.batch('later', { hook: stage.step('later') });
    await stage.accept(later);
    await drained;
    assertEqual(
      [stage.steps, await stage.recordedStates(excluded), await stage.recordedStates(later)],
      [['counted starts', 'counted ends'], { hook: 'scheduled' }, { hook: 'scheduled' }],
    );
  });

  add('forget() drops the hooks of these sessions that have not begun, and no others', async (stage) => {
    const hook = (name: string): Readonly<Record<string, TestHook>> => ({
      [name]: stage.step(name),
      next: stage.step(`after ${name}`),
    });
    const waiting = stage.inSession(stage.batch('waiting', hook('waiting')), 'deleted');
    const other = stage.inSession(stage.batch('other', hook('other')), 'kept');
    await stage.accept(waiting, other);
    await stage.executor.forget({ sessionIds: ['deleted', 'unknown'] });
    for (const batch of [waiting, other]) stage.executor.release(batch, true);
    await stage.executor.drain();
    assertEqual(
      [stage.steps, await stage.recordedEnds(waiting), await stage.recordedEnds(other)],
      [
        ['other', 'after other'],
        ['waiting dropped deleted', 'next dropped deleted'],
        ['other succeeded', 'next succeeded'],
      ],
    );
  });

  add(
    'forget() keeps nothing of hooks that have failed, or fail later: they cannot be retried',
    async (stage) => {
      const [reached, gate] = [createGate(), createGate()];
      const failing = async (): Promise<never> => {
        reached.open();
        await gate.opened;
        return raise(new Error('failed'));
      };
      const before = stage.inSession(
        stage.batch('before', { hook: () => raise(new Error('failed')) }),
        'deleted',
      );
      const later = stage.inSession(stage.batch('later', { hook: failing }), 'deleted');
      await stage.acceptAndRelease(before);
      await stage.executor.drain();
      await stage.acceptAndRelease(later);
      await reached.opened;
      await stage.executor.forget({ sessionIds: ['deleted'] });
      gate.open();
      await stage.executor.drain();
      const outcomes: unknown[] = [];
      for (const id of ['before', 'later'])
        outcomes.push([
          ...(await stage.recordedEnds(id === 'before' ? before : later)),
          await codeOf(stage.executions.retry(`${id}:post:hook`)),
        ]);
      assertEqual(outcomes, [
        ['hook failed', 'hook_data_gone'],
        ['hook failed', 'hook_data_gone'],
      ]);
    },
  );

  add('forget() lets a hook that runs finish, and drops those behind it', async (stage) => {
    const [reached, gate] = [createGate(), createGate()];
    const first = stage.recorded('first', () => {
      reached.open();
      return gate.opened;
    });
    const batch = stage.inSession(stage.batch('run', { first, second: stage.step('second') }), 'deleted');
    await stage.acceptAndRelease(batch);
    await reached.opened;
    await stage.executor.forget({ sessionIds: ['deleted'] });
    gate.open();
    await stage.executor.drain();
    assertEqual(
      [stage.steps, await stage.recordedEnds(batch)],
      [
        ['first starts', 'first ends'],
        ['first succeeded', 'second dropped deleted'],
      ],
    );
  });

  add(
    'forget() selects by all criteria: session, user and run; without any it does nothing',
    async (stage) => {
      const of = (id: string, userId?: string): HookBatch =>
        stage.inSession(stage.batch(id, { hook: stage.step(id) }), 'session', userId);
      const batches = [
        of('ann', 'ann'),
        of('bob', 'bob'),
        of('nobody'),
        of('named', 'cyd'),
        of('kept', 'cyd'),
      ];
      await stage.accept(...batches);
      await stage.executor.forget({});
      await stage.executor.forget({ userId: 'ann' });
      await stage.executor.forget({ userId: 'bob', sessionIds: ['another'] });
      await stage.executor.forget({ userId: null, sessionIds: ['session'] });
      await stage.executor.forget({ runIds: ['named'] });
      for (const batch of batches) stage.executor.release(batch, true);
      await stage.executor.drain();
      assertEqual(stage.steps.sort(), ['bob', 'kept']);
    },
  );

  add(
    'stop() releases all held batches as undelivered, waits for them, and returns nothing',
    async (stage) => {
      const hook: TestHook = async (context) => {
        await someTurns();
        stage.steps.push(`${context.runContext.runId} ${context.hook.delivered}`);
      };
      const released = stage.batch('released', { hook });
      const accepted = stage.batch('accepted', { hook });
      await stage.acceptAndRelease(released);
      await stage.accept(accepted);
      const dropped = await stage.executor.stop(new AbortController().signal);
      assertEqual([comparable(stage.steps), dropped], [comparable(['released true', 'accepted false']), []]);
    },
    1,
  );

  add('stop() accepts and runs batches that hooks add meanwhile', async (stage) => {
    const inner = stage.batch('inner', { hook: stage.step('inner') }, { cannotWait: true });
    const outer = stage.batch('outer', {
      hook: async () => {
        await stage.accept(inner);
        stage.steps.push('outer');
      },
    });
    await stage.acceptAndRelease(outer);
    const dropped = await stage.executor.stop(new AbortController().signal);
    assertEqual([stage.steps, dropped], [['outer', 'inner'], []]);
  });

  add(
    'stop() drops hooks that it could not run in time, or leaves them to others; aborts running hooks; and returns the dropped ones',
    async (stage) => {
      const deadline = new AbortController();
      const hanging: TestHook = ({ signal }) => {
        signal.addEventListener('abort', stage.step('aborted'));
        deadline.abort();
        return new Promise(() => undefined);
      };
      const running = stage.batch('running', {
        done: stage.step('done'),
        hanging,
        next: stage.step('next'),
      });
      const waiting = stage.batch('waiting', { hook: stage.step('waiting') });
      const accepted = stage.batch('accepted', { hook: stage.step('accepted') });
      await stage.acceptAndRelease(running, waiting);
      await stage.accept(accepted);
      const dropped = await stage.executor.stop(deadline.signal);
      assertEqual(
        dropped.map(({ execution }) => execution.id),
        isDurable
          ? []
          : ['running:post:hanging', 'running:post:next', 'waiting:post:hook', 'accepted:post:hook'],
      );
      const steps = stage.steps.filter((step) => !isDurable || !['waiting', 'accepted'].includes(step));
      assertEqual(
        [steps, await stage.recordedStates(running)],
        [['done', 'aborted'], { done: 'succeeded', hanging: leftOver, next: leftOver }],
      );
    },
    1,
  );

  add('stop() keeps the state of a hook that ends after it was dropped', async (stage) => {
    const gate = createGate();
    const deadline = new AbortController();
    const late = stage.batch('run', {
      late: async () => {
        deadline.abort();
        await gate.opened;
      },
      next: stage.step('next'),
    });
    await stage.acceptAndRelease(late);
    await stage.executor.stop(deadline.signal);
    gate.open();
    await someTurns();
    assertEqual([stage.steps, await stage.recordedStates(late)], [[], { late: leftOver, next: leftOver }]);
  });

  add(
    'stop() ends a drain() that waits for dropped hooks',
    async (stage) => {
      const deadline = new AbortController();
      const hanging = (): Promise<void> => {
        deadline.abort();
        return new Promise(() => undefined);
      };
      await stage.acceptAndRelease(stage.batch('running', { hanging }), stage.batch('waiting', { hanging }));
      const drained = stage.executor.drain().then(stage.step('drained'));
      await stage.executor.stop(deadline.signal);
      await drained;
      await stage.executor.drain();
      assertEqual(stage.steps, ['drained']);
    },
    1,
  );

  add('stop() accepts no further batches: later ones are dropped', async (stage) => {
    await stage.executor.stop(new AbortController().signal);
    const late = stage.batch('late', { first: stage.step('first'), second: stage.step('second') });
    await stage.acceptAndRelease(late);
    await stage.executor.drain();
    assertEqual(
      [stage.steps, await stage.recordedStates(late)],
      [[], { first: 'dropped', second: 'dropped' }],
    );
  });

  add(
    'Every hook that an executor has accepted ends exactly once, whatever happens (G19)',
    async (stage) => {
      const ends = new Map<string, number>();
      stage.ledger.changes.subscribe(({ id, endedAt }) => {
        if (endedAt !== undefined) ends.set(id, (ends.get(id) ?? 0) + 1);
      });
      const deadline = new AbortController();
      const hooks: Record<string, TestHook> = {
        good: someTurns,
        bad: () => raise(new Error('bad')),
        'never settling': () => new Promise(() => undefined),
        last: ({ runContext }) => runContext.runId === '3' && deadline.abort(),
      };
      const batches = Array.from({ length: 10 }, (_, index) => stage.batch(String(index), hooks));
      await stage.accept(...batches);
      for (const batch of batches.slice(0, 8)) stage.executor.release(batch, true);
      await stage.executor.stop(deadline.signal);
      await stage.acceptAndRelease(stage.batch('late', hooks));
      const { open } = await stage.executions.counts();
      assertEqual([ends.size + open, new Set(ends.values())], [44, new Set([1])]);
      if (!isDurable) assertEqual(open, 0);
    },
    2,
  );

  add(
    'A hook that was cancelled while it waited is dropped and not run, and the hooks behind it run',
    async (stage) => {
      const batch = stage.batch('run', {
        first: stage.step('first'),
        cancelled: stage.step('cancelled'),
        last: stage.step('last'),
      });
      await stage.accept(batch);
      const cancelled = await stage.executions.cancel('run:post:cancelled');
      assertEqual([cancelled.state, cancelled.reason], ['dropped', 'cancelled']);
      stage.executor.release(batch, true);
      await stage.executor.drain();
      assertEqual(
        [stage.steps, await stage.recordedStates(batch)],
        [['first', 'last'], { first: 'succeeded', cancelled: 'dropped', last: 'succeeded' }],
      );
    },
  );

  add('A batch ends when its only hook was cancelled', async (stage) => {
    const batch = stage.batch('run', { hook: stage.step('hook') });
    await stage.accept(batch);
    const ended = stage.executor.ended(batch);
    await stage.executions.cancel('run:post:hook');
    stage.executor.release(batch, true);
    await ended;
    await stage.executor.drain();
    assertEqual([stage.steps, await stage.recordedStates(batch)], [[], { hook: 'dropped' }]);
  });

  add('A hook that runs or has ended is not cancelled', async (stage) => {
    const codes: unknown[] = [];
    const cancel = async (id: string): Promise<void> =>
      void codes.push(await codeOf(stage.executions.cancel(id)));
    const batch = stage.batch('run', { running: () => cancel('run:post:running') });
    await stage.acceptAndRelease(batch);
    await stage.executor.drain();
    await cancel('run:post:running');
    await cancel('unknown');
    assertEqual(
      [codes, await stage.recordedStates(batch)],
      [
        ['hook_execution_conflict', 'hook_execution_conflict', 'hook_execution_not_found'],
        { running: 'succeeded' },
      ],
    );
  });

  if (canSupersede)
    add('Of waiting hooks with one key only the last one runs', async (stage) => {
      const key = (): string => 'session';
      const keyed = (id: string): HookBatch => stage.batch(id, { sync: stage.step(id) }, {}, { key });
      const [first, second, third] = [keyed('first'), keyed('second'), keyed('third')];
      const other = stage.batch('other', { other: stage.step('other') }, {}, { key });
      await stage.accept(first, other, second, third);
      for (const batch of [first, other, second, third]) stage.executor.release(batch, true);
      await stage.executor.drain();
      const ended = await stage.executions.list({ hook: 'sync' });
      assertEqual([...stage.steps].sort(), ['other', 'third']);
      assertEqual(ended.map(({ runId, state, reason }) => `${runId} ${state} ${reason}`).sort(), [
        'first skipped superseded',
        'second skipped superseded',
        'third succeeded undefined',
      ]);
      await stage.acceptAndRelease(keyed('later'));
      await stage.executor.drain();
      assertSame(stage.steps.at(-1), 'later');
    });

  /** Fails at the first attempt. */
  const failingOnce =
    (stage: ExecutorStage, work: TestHook = () => undefined): TestHook =>
    (context) => {
      stage.steps.push(`${context.hook.executionId} ${context.hook.attempt}`);
      return context.hook.attempt === 1 ? raise(new Error('bad')) : work(context);
    };

  if (!canRetry)
    add('An executor that keeps no data of failed hooks refuses to retry them', async (stage) => {
      await stage.acceptAndRelease(stage.batch('run', { hook: failingOnce(stage) }));
      await stage.executor.drain();
      assertSame(await codeOf(stage.executions.retry('run:post:hook')), 'hook_data_gone');
    });
  else {
    add('A failed hook that is retried runs once more, with its id and the next attempt', async (stage) => {
      const batch = stage.batch('run', { failing: failingOnce(stage), next: stage.step('next') });
      await stage.acceptAndRelease(batch);
      await stage.executor.drain();
      const [before] = await stage.executions.list({ state: 'failed' });
      await stage.executions.retry('run:post:failing');
      await stage.executor.drain();
      const [after] = await stage.executions.list({ id: 'run:post:failing' });
      assertEqual(stage.steps, ['run:post:failing 1', 'next', 'run:post:failing 2']);
      assertEqual([before?.errorName, before?.attempts], ['Error', 1]);
      assertEqual([after?.state, after?.attempts, after?.errorName], ['succeeded', 2, undefined]);
      assertEqual(await codeOf(stage.executions.retry('run:post:failing')), 'hook_execution_conflict');
    });

    add(
      'A hook that has timed out is retried like one that has failed',
      async (stage) => {
        const id = 'run:post:never settling';
        const hanging: TestHook = ({ hook }) => {
          stage.steps.push(`attempt ${hook.attempt}`);
          return hook.attempt < 3 ? new Promise(() => undefined) : undefined;
        };
        await stage.acceptAndRelease(stage.batch('run', { 'never settling': hanging }));
        await stage.executor.drain();
        await stage.executions.retry(id);
        await stage.executor.drain();
        const [again] = await stage.executions.list({ id });
        const { retried } = await stage.executions.retryAll({ hook: 'never settling' });
        await stage.executor.drain();
        const [after] = await stage.executions.list({ id });
        assertEqual([again?.state, retried, after?.state], ['timed_out', [id], 'succeeded']);
        assertEqual(stage.steps, ['attempt 1', 'attempt 2', 'attempt 3']);
      },
      1,
    );

    add('A failed hook that is retried twice at the same time runs once', async (stage) => {
      await stage.acceptAndRelease(stage.batch('run', { failing: failingOnce(stage) }));
      await stage.executor.drain();
      const id = 'run:post:failing';
      const codes = await Promise.all([1, 2].map(() => codeOf(stage.executions.retry(id))));
      await stage.executor.drain();
      assertEqual(codes.sort(), ['hook_execution_conflict', undefined]);
      assertEqual(stage.steps, [`${id} 1`, `${id} 2`]);
    });

    add('A failed hook is retried again when its retry has failed', async (stage) => {
      const failing: TestHook = ({ hook }) => {
        stage.steps.push(`attempt ${hook.attempt}`);
        return hook.attempt < 3 ? raise(new Error('bad')) : undefined;
      };
      const batch = stage.batch('run', { failing });
      await stage.acceptAndRelease(batch);
      for (let retry = 0; retry < 2; retry++) {
        await stage.executor.drain();
        await stage.executions.retry('run:post:failing');
      }
      await stage.executor.drain();
      assertEqual(stage.steps, ['attempt 1', 'attempt 2', 'attempt 3']);
      assertEqual(await stage.recordedStates(batch), { failing: 'succeeded' });
      const { open, succeeded, failed } = await stage.executions.counts();
      assertEqual([open, succeeded, failed], [0, 1, 0]);
    });

    add('A hook that is retried never runs beside another hook of its tree', async (stage) => {
      let running = 0;
      let most = 0;
      const gate = createGate();
      const started = createGate();
      const alone =
        (hook: TestHook): TestHook =>
        async (context) => {
          most = Math.max(most, ++running);
          await hook(context);
          await someTurns();
          running -= 1;
        };
      const inRetry = createGate();
      const goOn = createGate();
      const failing = failingOnce(
        stage,
        alone(() => {
          inRetry.open();
          return goOn.opened;
        }),
      );
      const batch = stage.batch('tree', {
        failing,
        slow: alone(() => {
          started.open();
          return gate.opened;
        }),
        next: alone(stage.step('next')),
      });
      const late = stage.batch('late', { late: alone(stage.step('late')), last: alone(() => undefined) });
      await stage.acceptAndRelease(batch);
      await started.opened;
      await stage.executions.retry('tree:post:failing');
      gate.open();
      await inRetry.opened;
      await stage.acceptAndRelease({ ...late, id: 'tree', cannotWait: true });
      await stage.acceptAndRelease(stage.batch('other', { hook: () => goOn.open() }));
      await stage.executor.drain();
      assertEqual([most, await stage.recordedStates(late)], [1, { late: 'succeeded', last: 'succeeded' }]);
      assertEqual(await stage.recordedStates(batch), {
        failing: 'succeeded',
        slow: 'succeeded',
        next: 'succeeded',
      });
    });

    add('Failed hooks are retried by name and time', async (stage) => {
      const hooks = { failing: failingOnce(stage), other: failingOnce(stage) };
      for (const id of ['a', 'b']) await stage.acceptAndRelease(stage.batch(id, hooks));
      await stage.executor.drain();
      const failed = await stage.executions.list({ hook: 'failing' });
      const times = failed.map(({ endedAt = 0 }) => endedAt);
      const [from, to] = [Math.min(...times), Math.max(...times) + 1];
      const none = await stage.executions.retryAll({ hook: 'failing', from: to });
      const noneBefore = await stage.executions.retryAll({ hook: 'failing', to: from });
      const { retried, refused } = await stage.executions.retryAll({ hook: 'failing', from, to });
      await stage.executor.drain();
      assertEqual(
        [none, noneBefore, refused],
        [{ retried: [], refused: [], left: 0 }, { retried: [], refused: [], left: 0 }, []],
      );
      assertEqual([...retried].sort(), ['a:post:failing', 'b:post:failing']);
      assertEqual(
        [
          await stage.executions.list({ hook: 'failing' }),
          await stage.executions.list({ hook: 'other' }),
        ].map((list) => list.map(({ state }) => state)),
        [
          ['succeeded', 'succeeded'],
          ['failed', 'failed'],
        ],
      );
    });
  }
  return cases;
}

/** The code of the error that an operation is refused with; undefined if it is not refused. */
async function codeOf(operation: Promise<unknown>): Promise<unknown> {
  try {
    await operation;
    return undefined;
  } catch (thrown) {
    return (thrown as { readonly code?: unknown }).code;
  }
}

/** A rejection may have any value. */
async function rejectWithNull(): Promise<never> {
  await Promise.resolve();
  return raise(null);
}
