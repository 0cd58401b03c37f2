import type { LoggerService } from '@nestjs/common';

import type { HookExecution, HookExecutionState } from '../../execution/hook-execution.js';
import type { HookBatch, HookExecutorHost, HookTask } from '../../execution/hook.executor.js';
import { Deadlines } from '../../execution/deadlines.js';
import { HookLedger } from '../../execution/hook.ledger.js';
import type { BoundHook } from '../../hooks/bound-hook.js';
import { HookFailureReporter, type HookFailure } from '../../hooks/hook-failure.reporter.js';
import { bindHook } from '../../hooks/hook.binder.js';
import type { HookInfo, PostHookContext } from '../../hooks/hook.context.js';
import { defineGuardrail, defineHook } from '../../hooks/hook.functions.js';
import type { GuardrailOptions, HookOptions } from '../../hooks/hook.options.js';
import type { HookFunction } from '../../hooks/hook.reference.js';
import { HookRunner, type HookCall } from '../../hooks/hook.runner.js';
import type { LazySignal } from '../../hooks/lazy-signal.js';

export type TestHook = HookFunction<PostHookContext>;

/** The options of a hook decorator. */
export type TestDecoration =
  ({ readonly guardrail?: false } & HookOptions) | ({ readonly guardrail: true } & GuardrailOptions);

/** The options of a hook for executors and runners. */
export type TestHookOptions = Pick<Partial<HookExecution>, 'phase' | 'mode' | 'runId'> & TestDecoration;

type HarnessLogger = Pick<LoggerService, 'error' | 'warn'>;

/** Runs real hooks without Nest and without a run. */
export class HookHarness<L extends HarnessLogger = HarnessLogger> {
  readonly #calls = new Map<string, HookCall>();
  readonly ledger = new HookLedger();
  readonly log: L;
  readonly failures: HookFailure[] = [];
  /** The hook infos that {@link noted} hooks have received. */
  readonly infos: HookInfo[] = [];
  readonly runner: HookRunner;

  /** @param log - receives the messages of executors and runner */
  constructor(log: L) {
    this.log = log;
    this.runner = new HookRunner({
      ledger: this.ledger,
      deadlines: new Deadlines(),
      failures: new HookFailureReporter(log, (failure) => void this.failures.push(failure)),
    });
  }

  /** A scheduled execution of a hook. */
  call(hook: TestHook, options: TestHookOptions = {}): HookCall {
    const { phase = 'post', mode = 'background', runId = 'run', ...decoration } = options;
    const bound = bindTestHook(hook, phase, decoration);
    const execution = createExecution({ hook: bound.definition.name, phase, mode, runId });
    this.ledger.schedule(execution);
    const createContext = (info: HookInfo, signal: LazySignal): PostHookContext =>
      createTestContext(runId, info, signal);
    return {
      hook: bound,
      execution,
      subject: { createContext, enter: (_execution, callback) => callback() },
    };
  }

  /** A hook that records each attempt and then runs `behaviour`. */
  noted(behaviour: (attempt: number) => unknown = () => undefined): TestHook {
    return ({ hook }) => {
      this.infos.push(hook);
      return behaviour(hook.attempt);
    };
  }

  /** The state of the newest execution. */
  outcome(): Pick<Partial<HookExecution>, 'state' | 'attempts' | 'reason' | 'errorName'> {
    const [{ state, attempts, reason, errorName } = {}] = this.ledger.list({ limit: 1 });
    return { state, attempts, ...(reason ? { reason } : {}), ...(errorName ? { errorName } : {}) };
  }

  task(hook: TestHook, options?: TestHookOptions): HookTask {
    const call = this.call(hook, options);
    this.#calls.set(call.execution.id, call);
    return this.#toTask(call);
  }

  /** Rebuilds tasks of this harness from their stored form. */
  get host(): HookExecutorHost {
    return {
      role: 'both',
      releaseAfter: 30_000,
      shutdownTimeout: 10_000,
      ledger: this.ledger,
      logger: this.log,
      // Tests have one component; the last hook of a name is the one that counts.
      limitsOf: ({ hook }) =>
        [...this.#calls.values()].findLast(({ execution }) => execution.hook === hook)?.hook.limits,
      rebuild: ({ execution: stored }) => {
        const call = this.#calls.get(stored.id);
        return call && this.#toTask({ ...call, execution: this.ledger.adopt(stored) });
      },
    };
  }

  #toTask(call: HookCall): HookTask {
    return {
      execution: call.execution,
      snapshot: {},
      origin: { sessionId: 'session', isWithdrawn: false },
      isRebuildable: true,
      ...(call.hook.limits ? { limits: call.hook.limits } : {}),
      key:
        call.hook.definition.key &&
        `${call.execution.hook}:${call.hook.definition.key({} as PostHookContext)}`,
      run: (delivery) =>
        call.execution.endedAt === undefined ? this.runner.runInBackground(call, delivery) : undefined,
      fail: (error) => this.runner.failInBackground(call, error),
      drop: (reason = 'shutdown') => this.ledger.end(call.execution, 'dropped', { reason }),
      markVolatile: () => this.ledger.markVolatile(call.execution),
      supersede: () => this.ledger.end(call.execution, 'skipped', { reason: 'superseded' }),
      reopen: () => this.ledger.reopen(call.execution),
    };
  }

  /** The background hooks of a run, by name. Those called `never settling` time out soon, the others never. */
  batch(
    id: string,
    hooks: Readonly<Record<string, TestHook>>,
    options: Partial<HookBatch> = {},
    decoration: Pick<HookOptions, 'concurrency' | 'rate' | 'retry' | 'key'> = {},
  ): HookBatch {
    const tasks = Object.entries(hooks).map(([name, hook]) =>
      this.task(hook, {
        name,
        runId: id,
        timeout: name === 'never settling' ? 20 : 60_000,
        ...decoration,
      }),
    );
    return { id, tasks, cannotWait: false, runInContext: (callback) => callback(), ...options };
  }

  /** The states of a run's executions, by hook name. */
  statesOf({ tasks }: HookBatch): Record<string, HookExecutionState> {
    return Object.fromEntries(tasks.map(({ execution: { hook, state } }) => [hook, state]));
  }
}

export function bindTestHook(hook: TestHook, phase: BoundHook['phase'], options: TestDecoration): BoundHook {
  const { guardrail, ...decoration } = options;
  const defined = guardrail ? defineGuardrail(hook, decoration) : defineHook(hook, decoration);
  const noInstances = { instanceOf: (): never => raise(new Error('A function needs no instance.')) };
  return bindHook(
    defined,
    { owner: 'agent "support"', phase, index: 0, attachedBy: 'component' },
    noInstances,
  );
}

/** The part of a context that hooks in unit specs read. */
export function createTestContext(runId: string, hook: HookInfo, lazySignal: LazySignal): PostHookContext {
  const context = {
    runContext: { runId },
    hook,
    get signal(): AbortSignal {
      return lazySignal.signal;
    },
  };
  return context as PostHookContext;
}

type Writable<T> = { -readonly [K in keyof T]: T[K] };

/** A record of a hook execution as a run creates it, not yet in a ledger. */
export function createExecution(overrides: Partial<HookExecution> = {}): Writable<HookExecution> {
  const { runId = 'run', phase = 'post', hook = 'hook' } = overrides;
  return {
    id: `${runId}:${phase}:${hook}`,
    hook,
    phase,
    mode: 'background',
    component: { kind: 'agent', id: 'support', name: 'Support' },
    position: 'root',
    attachedBy: 'component',
    runId,
    state: 'scheduled',
    attempts: 0,
    scheduledAt: 1_000,
    ...overrides,
  };
}

/** Throws any value; usable as an expression. */
export function raise(thrown: unknown): never {
  throw thrown;
}

/** Waits some turns of the event loop: long enough for all pending work to start. */
export async function someTurns(): Promise<void> {
  for (let turn = 0; turn < 5; turn++) await new Promise<void>((resolve) => setImmediate(resolve));
}
