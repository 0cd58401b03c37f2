import { AssertionError } from 'node:assert';

import type { INestApplicationContext } from '@nestjs/common';
import type { Subscription } from 'rxjs';

import { AgentOsRuntime } from '../agent-os.runtime.js';
import type { HookExecution, HookExecutionState, HookPhase } from '../execution/hook-execution.js';
import { checkTimeout, DEFAULT_TIMEOUT, withinTime } from './deadline.js';
import { describeExecutions, listNames } from './hook.texts.js';
import { providerOf } from './provider.of.js';

/** A run as returned by the kit's client and `AgentOsService.run()`, or its id. */
export type SpiedRun = string | { readonly runId: string };

/** Selects executions. */
export interface HookSelector {
  /** Only executions of this run or a part of it: a member, a step. Default: of any run. */
  readonly run?: SpiedRun;
  /** Id of the component that the hook is attached to. */
  readonly component?: string;
  readonly phase?: HookPhase;
}

/** The options of {@link HookSpy.next}. */
export interface NextHookOptions extends HookSelector {
  /** The state that the execution must have reached. Default: any final state. */
  readonly state?: HookExecutionState;
  /** Milliseconds. Default 4,000, which is less than the 5 seconds after which runners end a test. */
  readonly timeout?: number;
}

/** An execution as the spy has seen it. */
interface SeenExecution {
  /** The live record. */
  readonly execution: HookExecution;
  readonly states: Set<HookExecutionState>;
  /** Its position among all starts; undefined until it has started. */
  place: number | undefined;
  /** Whether the response of its run had closed when it started. */
  wasResponseClosed: boolean;
}

interface Waiter {
  readonly hook: string;
  readonly options: NextHookOptions;
  readonly resolve: (execution: HookExecution) => void;
  readonly reject: (error: Error) => void;
}

const ENDED = 'ended';

/**
 * Watches the hooks of an application. It knows the executions since {@link spyOnHooks} or the last {@link clear}, and
 * those that were in the ledger at that time.
 */
export class HookSpy {
  readonly #runtime: AgentOsRuntime;
  readonly #seen = new Map<string, SeenExecution>();
  /** The executions that `next()` has returned, by the requested state. */
  readonly #handedOut = new Map<HookExecutionState | typeof ENDED, Set<HookExecution>>();
  readonly #waiters = new Set<Waiter>();
  readonly #subscription: Subscription;
  #starts = 0;

  /** @internal */
  constructor(runtime: AgentOsRuntime) {
    this.#runtime = runtime;
    const known = runtime.ledger.list({ limit: Infinity }).reverse();
    const started = known.filter(({ startedAt }) => startedAt !== undefined);
    started.sort((left, right) => (left.startedAt ?? 0) - (right.startedAt ?? 0));
    for (const execution of known) this.#remember(runtime.ledger.find(execution.id) ?? execution);
    // For past executions only the start times are known, to the millisecond.
    for (const execution of started)
      this.#start(this.#remember(execution), (closedAt) => closedAt <= (execution.startedAt ?? 0));
    this.#subscription = runtime.ledger.changes.subscribe((execution) => this.#note(execution));
  }

  /**
   * Resolves with the first past or future execution of the hook that reaches the state and was not returned by an
   * earlier call.
   *
   * @example `await hooks.next('notify', { state: 'succeeded' });`
   * @throws Error at once if no component has a hook with this name; the message lists the known names
   * @throws AssertionError after `timeout`; the message lists the executions that were seen
   */
  async next(hook: string, options: NextHookOptions = {}): Promise<HookExecution> {
    this.#checkName(hook, 'next');
    const { timeout = DEFAULT_TIMEOUT, state = ENDED } = options;
    checkTimeout(timeout, `next("${hook}")`);
    const known = [...this.#seen.values()].find((seen) => this.#isNext(seen, hook, options));
    if (known) return this.#handOut(known.execution, state);
    let waiter: Waiter | undefined;
    const coming = new Promise<HookExecution>((resolve, reject) => {
      waiter = { hook, options, resolve, reject };
      this.#waiters.add(waiter);
    });
    try {
      return await withinTime(coming, timeout, () => this.#late(hook, options, timeout));
    } finally {
      if (waiter) this.#waiters.delete(waiter);
    }
  }

  /** The executions of a run and its parts in the order of their starts; those that have not started come last. */
  of(run: SpiedRun): HookExecution[] {
    return this.#inOrder((seen) => this.#isOf(seen.execution, run)).map(({ execution }) => ({
      ...execution,
    }));
  }

  /**
   * Asserts that all background hooks have ended: call it after each test.
   *
   * @throws AssertionError with the names and runs of those that have not
   */
  expectNoPending(): void {
    const pending = [...this.#seen.values()]
      .map(({ execution }) => execution)
      .filter(({ mode, endedAt }) => mode === 'background' && endedAt === undefined);
    if (pending.length === 0) return;
    throw failure(
      `Expected no background hook to be pending. Wait for them with next() or agentOs.drain(). Pending: ${describeExecutions(pending)}`,
    );
  }

  /**
   * Asserts that the hook has started: it succeeded, failed, timed out or is running.
   *
   * @param times - how often. Default: at least once
   * @throws AssertionError with the executions that were seen
   */
  assertRan(hook: string, { times, ...selector }: HookSelector & { readonly times?: number } = {}): void {
    this.#checkName(hook, 'assertRan');
    const count = this.#started(hook, selector).length;
    if (times === undefined ? count > 0 : count === times) return;
    const expected =
      times === undefined ? 'to have run' : `to have run ${times} times, but it ran ${count} times`;
    throw failure(`Expected the hook "${hook}"${of(selector)} ${expected}. ${this.#happened(selector)}`);
  }

  /**
   * Asserts that the hook has not started: not scheduled, still waiting, skipped or dropped.
   *
   * @throws AssertionError with its executions if it has
   */
  assertNotRun(hook: string, selector: HookSelector = {}): void {
    this.#checkName(hook, 'assertNotRun');
    const started = this.#started(hook, selector).map(({ execution }) => execution);
    if (started.length === 0) return;
    throw failure(
      `Expected the hook "${hook}"${of(selector)} not to have run. It did: ${describeExecutions(started)}`,
    );
  }

  /**
   * Asserts that the hook has started in the background, after the response of the run had closed.
   *
   * @throws AssertionError if it has not run, ran inline, before the response had closed, or if there was no response
   */
  assertRanAfterResponse(run: SpiedRun, hook: string): void {
    const early = this.#ofRun(run, hook, 'assertRanAfterResponse').find(
      ({ execution, wasResponseClosed }) => execution.mode !== 'background' || !wasResponseClosed,
    );
    if (!early) return;
    const why =
      early.execution.mode === 'inline'
        ? 'it ran inline'
        : 'it started before the response had closed, or there was no response';
    throw failure(`Expected the hook "${hook}" to run after the response of run ${idOf(run)}, but ${why}.`);
  }

  /**
   * Asserts that the hook has run inline: the run has waited for it.
   *
   * @throws AssertionError if it has not run, or ran in the background
   */
  assertInline(run: SpiedRun, hook: string): void {
    const background = this.#ofRun(run, hook, 'assertInline').find(
      ({ execution }) => execution.mode !== 'inline',
    );
    if (!background) return;
    throw failure(
      `Expected the hook "${hook}" of run ${idOf(run)} to run inline, but it ran in the background.`,
    );
  }

  /**
   * Asserts that the hooks of the run and its parts have started in this order. Other hooks may have run between them;
   * list a name as often as its hook has run.
   *
   * @throws AssertionError with the actual order of starts
   */
  assertOrder(run: SpiedRun, hooks: readonly string[]): void {
    for (const hook of hooks) this.#checkName(hook, 'assertOrder');
    const wanted = new Set(hooks);
    const started = this.#inOrder(
      ({ execution, place }) =>
        place !== undefined && execution.state !== 'skipped' && this.#isOf(execution, run),
    ).map(({ execution }) => execution.hook);
    const actual = started.filter((hook) => wanted.has(hook));
    if (actual.length === hooks.length && actual.every((hook, index) => hook === hooks[index])) return;
    throw new AssertionError({
      message:
        `Expected the hooks of run ${idOf(run)} to start in the order ${hooks.join(', ')}. ` +
        `They started in the order ${started.join(', ') || '(none has started)'}.`,
      actual,
      expected: [...hooks],
    });
  }

  /** Forgets all executions; those that have not ended are seen again with their next change. */
  clear(): void {
    this.#seen.clear();
    this.#handedOut.clear();
  }

  /** Stops watching; pending calls of {@link next} reject. */
  close(): void {
    this.#subscription.unsubscribe();
    for (const { hook, reject } of this.#waiters)
      reject(new Error(`next("${hook}"): the spy was closed before the hook came.`));
    this.#waiters.clear();
  }

  [Symbol.dispose](): void {
    this.close();
  }

  #remember(execution: HookExecution): SeenExecution {
    const known = this.#seen.get(execution.id);
    // Rebuilt by another process or retried later: the same execution in another record.
    if (known?.execution === execution) return known;
    const seen: SeenExecution = {
      execution,
      states: new Set([...(known?.states ?? []), execution.state]),
      place: known?.place,
      wasResponseClosed: known?.wasResponseClosed ?? false,
    };
    this.#seen.set(execution.id, seen);
    return seen;
  }

  #note(execution: HookExecution): void {
    const seen = this.#remember(execution);
    seen.states.add(execution.state);
    if (execution.state === 'running') this.#start(seen);
    for (const waiter of this.#waiters) {
      if (!this.#isNext(seen, waiter.hook, waiter.options)) continue;
      this.#waiters.delete(waiter);
      waiter.resolve(this.#handOut(execution, waiter.options.state ?? ENDED));
    }
  }

  #start(seen: SeenExecution, wasBefore: (closedAt: number) => boolean = () => true): void {
    if (seen.place !== undefined) return;
    seen.place = this.#starts++;
    const closedAt = this.#closedAt(seen.execution.runId);
    seen.wasResponseClosed = closedAt !== undefined && wasBefore(closedAt);
  }

  /** When the response of a run, or of the run that it is a part of, has closed. */
  #closedAt(runId: string): number | undefined {
    const root = this.#lineOf(runId).at(-1);
    for (const record of this.#runtime.index.newestFirst()) if (record.runId === root) return record.closedAt;
    return undefined;
  }

  /** The run, the run above it, and so on. */
  #lineOf(runId: string): string[] {
    const line = [runId];
    for (let above = this.#parentOf(runId); above !== undefined; above = this.#parentOf(above))
      line.push(above);
    return line;
  }

  #parentOf(runId: string): string | undefined {
    for (const record of this.#runtime.index.newestFirst())
      if (record.runId === runId) return record.parentRunId;
    return this.#runtime.inFlight.get(runId)?.context.parentRunId;
  }

  #isOf({ runId }: HookExecution, run: SpiedRun): boolean {
    return this.#lineOf(runId).includes(idOf(run));
  }

  #matches(execution: HookExecution, { run, component, phase }: HookSelector): boolean {
    if (run !== undefined && !this.#isOf(execution, run)) return false;
    if (component !== undefined && execution.component.id !== component) return false;
    return phase === undefined || execution.phase === phase;
  }

  #isNext({ execution, states }: SeenExecution, hook: string, options: NextHookOptions): boolean {
    const { state } = options;
    const hasReached = state === undefined ? execution.endedAt !== undefined : states.has(state);
    if (!hasReached || execution.hook !== hook) return false;
    if (this.#handedOut.get(state ?? ENDED)?.has(execution)) return false;
    return this.#matches(execution, options);
  }

  #handOut(execution: HookExecution, state: HookExecutionState | typeof ENDED): HookExecution {
    const handedOut = this.#handedOut.get(state) ?? new Set();
    this.#handedOut.set(state, handedOut.add(execution));
    return { ...execution };
  }

  #started(hook: string, selector: HookSelector): SeenExecution[] {
    return this.#inOrder(
      ({ execution, place }) =>
        place !== undefined &&
        // A hook is skipped when its condition is evaluated, after its start.
        execution.state !== 'skipped' &&
        execution.hook === hook &&
        this.#matches(execution, selector),
    );
  }

  #ofRun(run: SpiedRun, hook: string, method: string): SeenExecution[] {
    this.#checkName(hook, method);
    const started = this.#started(hook, { run });
    if (started.length > 0) return started;
    throw failure(`Expected the hook "${hook}" of run ${idOf(run)} to have run. ${this.#happened({ run })}`);
  }

  #inOrder(isWanted: (seen: SeenExecution) => boolean): SeenExecution[] {
    return [...this.#seen.values()]
      .filter(isWanted)
      .sort((left, right) => (left.place ?? Infinity) - (right.place ?? Infinity) || 0);
  }

  #happened(selector: HookSelector): string {
    const all = this.#inOrder(({ execution }) => this.#matches(execution, selector));
    return `Hooks${of(selector)} so far: ${describeExecutions(all.map(({ execution }) => execution))}`;
  }

  #late(hook: string, options: NextHookOptions, timeout: number): AssertionError {
    const { state } = options;
    const what = state === undefined ? 'ended' : `reached the state "${state}"`;
    return failure(
      `The hook "${hook}"${of(options)} has not ${what} within ${timeout} ms. ${this.#happened({})}`,
    );
  }

  #checkName(hook: string, method: string): void {
    const listed = this.#runtime.listHooks().map((listing) => listing.hook);
    const seen = [...this.#seen.values()].map(({ execution }) => execution.hook);
    const names = new Set([...listed, ...seen]);
    if (names.has(hook)) return;
    throw new Error(`${method}(): no component has a hook "${hook}". Known hooks: ${listNames(names)}.`);
  }
}

/**
 * Watches the hooks of any application that imports AgentOsModule. {@link createTestAgentOs} does it already.
 *
 * @example
 * ```ts
 * const hooks = spyOnHooks(app);
 * const run = await app.get(AgentOsService).run('support', 'Where is my parcel?');
 * await hooks.next('notify', { state: 'succeeded' });
 * ```
 * @throws Error if the application does not import AgentOsModule
 */
export function spyOnHooks(app: INestApplicationContext): HookSpy {
  return new HookSpy(providerOf(app, AgentOsRuntime, 'spyOnHooks()'));
}

function idOf(run: SpiedRun): string {
  return typeof run === 'string' ? run : run.runId;
}

/** Describes the selected executions. */
function of({ run, component, phase }: HookSelector): string {
  return (
    (phase === undefined ? '' : ` (${phase})`) +
    (component === undefined ? '' : ` of "${component}"`) +
    (run === undefined ? '' : ` of run ${idOf(run)}`)
  );
}

function failure(message: string): AssertionError {
  return new AssertionError({ message });
}
