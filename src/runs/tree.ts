import { AsyncResource } from 'node:async_hooks';

import { forLog } from '../errors/log.text.js';
import { HooksNotStoredError } from '../errors/run.errors.js';
import type { HookExecution } from '../execution/hook-execution.js';
import type { HookBatch, StoreRun } from '../execution/hook.executor.js';
import type { BoundHook } from '../hooks/bound-hook.js';
import { collectedTasks } from './background/background-hook.task.js';
import type { RunEnvironment, ServedEnvironment } from './environment.js';
import { Outbox, type CollectedRun, type OutboxEntry } from './background/outbox.js';
import type { ResponseLifecycle } from './background/response.lifecycle.js';
import type { StoppableRun, RunView } from './run.view.js';
import { enterScope, type RunScope } from './scope.js';
import { now } from '../model/clock.js';

/** The state that a run and all runs below it share: environment, response, sequence of background hooks. */
export class RunTree {
  readonly environment: RunEnvironment;
  readonly response: ResponseLifecycle | undefined;
  readonly startedByHook: boolean;
  /** A background hook has started the first run. */
  readonly isOfBackgroundHook: boolean;
  readonly #outbox: Outbox;
  readonly #onDisconnect: 'finish' | 'cancel' | undefined;
  /** The context of the caller who started the run; `AsyncLocalStorage.snapshot()` is 100 times slower on Node 20. */
  readonly #context = new AsyncResource('AgentOsRun');
  #root: StoppableRun | undefined;
  #latestBatch: HookBatch | undefined;
  /** Runs whose hooks were handed over. */
  #handedOver: Pick<RunView, 'runId' | 'session'>[] = [];
  #unlisten: (() => void) | undefined;

  /**
   * @param scope - of the code that starts the first run
   * @param onDisconnect - whether it finishes or is cancelled when its client leaves
   */
  constructor(
    environment: RunEnvironment,
    { response, hook }: RunScope,
    onDisconnect = environment.kind === 'served' ? environment.onDisconnect : undefined,
  ) {
    this.environment = environment;
    this.response = response;
    this.startedByHook = hook !== undefined;
    this.isOfBackgroundHook = hook?.isBackground ?? false;
    this.#onDisconnect = onDisconnect;
    this.#outbox = new Outbox(environment.ledger);
  }

  /** The executions of the background hooks that the runs of the tree have reached so far. */
  get backgroundHooks(): readonly HookExecution[] {
    return this.#outbox.collected;
  }

  /** The first run of the tree. */
  setRoot(root: StoppableRun): void {
    this.#root = root;
    if (this.#onDisconnect !== 'cancel') return;
    // The client may have left already, while a guard of the host was still at work.
    this.#unlisten = this.response?.onClosed((delivered) => {
      if (!delivered) root.cancel('The client left before the run was done.');
    });
  }

  /** Collects a background hook that a run of the tree has reached. */
  collect(hook: BoundHook, run: CollectedRun): void {
    this.#outbox.collect(hook, run);
  }

  /** Records a run of the tree that has settled, and for the root also when its response closes. */
  recordSettled(run: RunView): void {
    const { environment, response } = this;
    if (environment.kind !== 'served') return;
    const recordClosed = environment.index.add(run);
    if (!response || run !== this.#root) return;
    // A response that closed before the run had settled did not carry its result.
    if (response.closedAt !== undefined) return recordClosed(response.closedAt, false);
    response.onClosed((delivered) => recordClosed(response.closedAt ?? now(), delivered));
  }

  /** Skips the hooks that discarded runs have collected. */
  skipDiscarded(): void {
    this.#outbox.removeDiscarded();
  }

  /** Drops the collected hooks: the application shuts down. */
  dropHooks(): void {
    this.#outbox.drop();
  }

  /**
   * Hands over the background hooks of the settled root before it is stored, if the executor stores them: they can fail
   * the root.
   *
   * @param storeRun - stores the root, for an executor that stores both in one transaction
   * @returns the error with which the root fails, if they could not be stored
   */
  storeHooks(storeRun: StoreRun): Promise<HooksNotStoredError | undefined> | undefined {
    const { environment } = this;
    if (environment.kind !== 'served' || !environment.executor.isDurable) return undefined;
    const batch = this.#takeBatch(environment);
    return batch && this.#store(batch, environment, storeRun);
  }

  /**
   * Hands the background hooks of settled runs to the executor once the root has settled, and again for runs that the
   * root did not wait for and that settle later. Resolves when the executor has accepted them.
   */
  handOver(): Promise<void> | undefined {
    const { environment } = this;
    if (environment.kind !== 'served') return undefined;
    const batch = this.#takeBatch(environment);
    return batch && this.#handOver(batch, environment);
  }

  /**
   * Drops the hooks of runs whose session was deleted before they were handed over. Called before hooks are released, and
   * again when the run is stored, or will not be: some stores tell only then.
   */
  forgetDeleted(): Promise<void> | undefined {
    const { environment } = this;
    if (environment.kind !== 'served') return undefined;
    const deleted = this.#handedOver.filter(({ session }) => session.isDeleted);
    if (deleted.length === 0) return undefined;
    this.#handedOver = this.#handedOver.filter(({ session }) => !session.isDeleted);
    return this.#forget([...new Set(deleted.map(({ runId }) => runId))], environment);
  }

  async #forget(runIds: readonly string[], { executor, logger }: ServedEnvironment): Promise<void> {
    try {
      await executor.forget({ runIds });
    } catch (thrown) {
      const { reason, stack } = forLog(thrown);
      const runs = runIds.join(', ');
      logger.error(
        `The data of background hooks of ${runs}, whose session was deleted, was not deleted: ${reason}`,
        stack,
      );
    }
  }

  #takeBatch(environment: ServedEnvironment): HookBatch | undefined {
    if (this.#root?.outcome === undefined) return undefined;
    // The response may stay open for long, and must not keep the run in memory.
    this.#unlisten?.();
    const released = this.#outbox.takeSettled();
    this.#handedOver.push(...released.map(({ run: { runId, session } }) => ({ runId, session })));
    return released.length === 0 ? undefined : this.#createBatch(this.#root, released, environment);
  }

  async #store(
    batch: HookBatch,
    environment: ServedEnvironment,
    storeRun: StoreRun,
  ): Promise<HooksNotStoredError | undefined> {
    try {
      await this.#submit(batch, environment, storeRun);
      return undefined;
    } catch (thrown) {
      if (thrown instanceof HooksNotStoredError) return thrown;
      logLost(batch, thrown, environment);
      return undefined;
    }
  }

  #handOver(batch: HookBatch, environment: ServedEnvironment): Promise<void> | undefined {
    const log = (thrown: unknown): void => logLost(batch, thrown, environment);
    try {
      return this.#submit(batch, environment)?.catch(log);
    } catch (thrown) {
      log(thrown);
      return undefined;
    }
  }

  /**
   * Resolves when the executor has accepted the batch; returns nothing if it did at once.
   *
   * @throws the error of the executor, at once or later, after the hooks were dropped
   */
  #submit(batch: HookBatch, environment: ServedEnvironment, storeRun?: StoreRun): Promise<void> | undefined {
    const earlier = this.#latestBatch;
    this.#latestBatch = batch;
    const release = (): void => {
      if (earlier) void this.#releaseAfter(earlier, batch, environment);
      else this.#releaseAfterResponse(batch, environment);
    };
    const drop = (thrown: unknown): never => {
      for (const task of batch.tasks) task.drop();
      throw thrown;
    };
    // Before the release: no hook of a deleted session may begin.
    const forgetAndRelease = (): Promise<void> | undefined => {
      const forgetting = this.forgetDeleted();
      if (forgetting) return forgetting.then(release);
      release();
      return undefined;
    };
    try {
      const accepting = environment.executor.accept(batch, storeRun);
      return accepting ? accepting.then(forgetAndRelease).catch(drop) : forgetAndRelease();
    } catch (thrown) {
      return drop(thrown);
    }
  }

  #createBatch(root: RunView, released: readonly OutboxEntry[], environment: ServedEnvironment): HookBatch {
    const { response } = this;
    // Not through `this`: a waiting batch keeps the snapshot in memory, not the run.
    const context = this.#context;
    const tasks = collectedTasks(released, environment);
    const scope = tasks[0]?.scope;
    return {
      id: root.runId,
      tasks,
      cannotWait: root.position === 'inside-hook' || this.#latestBatch !== undefined,
      ...(response ? { response } : {}),
      // Already in the scope of the first hook: its neighbours, mostly all hooks, find themselves in it.
      runInContext: (callback) =>
        context.runInAsyncScope(() => (scope ? enterScope(scope, callback) : callback())),
    };
  }

  /** The hooks of one tree never overlap, not even those of runs that settle late. */
  async #releaseAfter(earlier: HookBatch, batch: HookBatch, environment: ServedEnvironment): Promise<void> {
    try {
      await environment.executor.ended(earlier);
    } catch (thrown) {
      const { reason, stack } = forLog(thrown);
      environment.logger.error(`Waiting for earlier hooks of run ${batch.id} failed: ${reason}`, stack);
    }
    this.#releaseAfterResponse(batch, environment);
  }

  #releaseAfterResponse(batch: HookBatch, { executor, releaseAfter, deadlines }: ServedEnvironment): void {
    const { response } = this;
    if (!response) return executor.release(batch, undefined);
    // A response that closed before the run had settled did not carry its result.
    if (response.delivered !== undefined) return executor.release(batch, false);
    const unlisten = response.onClosed((delivered) => {
      deadlines.clear(deadline);
      executor.release(batch, delivered);
    });
    const deadline = deadlines.set(releaseAfter, () => {
      unlisten();
      executor.release(batch, false);
    });
  }
}

function logLost(batch: HookBatch, thrown: unknown, { logger }: ServedEnvironment): void {
  const { reason, stack } = forLog(thrown);
  logger.error(
    `The background hooks of run ${batch.id} could not be handed over and are lost: ${reason}`,
    stack,
  );
}
