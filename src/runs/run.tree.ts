import { AsyncResource } from 'node:async_hooks';

import { forLog } from '../errors/log.text.js';
import type { HookBatch } from '../execution/hook.executor.js';
import type { ActiveRun } from './active-run.js';
import { BackgroundHookTask } from './background-hook.task.js';
import { Outbox, type OutboxEntry } from './outbox.js';
import type { ResponseLifecycle } from './response.lifecycle.js';
import type { BackgroundEnvironment, RunEnvironment } from './run.environment.js';
import type { HookScope, RunScope } from './run.scope.js';

/** What a run and all runs below it share: one environment, one response, one outbox. */
export class RunTree {
  readonly environment: RunEnvironment;
  readonly response: ResponseLifecycle | undefined;
  /** The hook that has started the first run, if it was one. */
  readonly hook: HookScope | undefined;
  readonly outbox: Outbox;
  readonly #onDisconnect: 'finish' | 'cancel' | undefined;
  /** The context of the caller who started the run; `AsyncLocalStorage.snapshot()` is 100 times slower on Node 20. */
  readonly #context = new AsyncResource('AgentOsRun');
  #root: ActiveRun | undefined;
  #latestBatch: HookBatch | undefined;
  #unlisten: (() => void) | undefined;

  /**
   * @param scope - of the code that starts the first run
   * @param onDisconnect - what becomes of it if its client leaves
   */
  constructor(
    environment: RunEnvironment,
    { response, hook }: RunScope,
    onDisconnect = environment.background?.onDisconnect,
  ) {
    this.environment = environment;
    this.response = response;
    this.hook = hook;
    this.#onDisconnect = onDisconnect;
    this.outbox = new Outbox(environment.ledger);
  }

  /** The first run of the tree. */
  plant(root: ActiveRun): void {
    this.#root = root;
    if (this.#onDisconnect !== 'cancel') return;
    // It may have left already, while a guard of the host was still thinking.
    this.#unlisten = this.response?.onClosed((delivered) => {
      if (!delivered) root.cancel('The client left before the run was done.');
    });
  }

  /**
   * Hands the background hooks of settled runs to the executor once the root has settled, and again for runs that
   * nobody waited for and that settle later. Resolves when the executor has accepted them.
   */
  async handOver(): Promise<void> {
    const { background } = this.environment;
    if (!background || !this.#root || this.#root.outcome === undefined) return;
    // The response may live on for long, and must not keep the run alive.
    this.#unlisten?.();
    const released = this.outbox.takeSettled();
    if (released.length === 0) return;
    const batch = this.#createBatch(this.#root, released);
    const earlier = this.#latestBatch;
    this.#latestBatch = batch;
    try {
      const accepting = background.executor.accept(batch);
      if (accepting) await accepting;
      if (earlier) void this.#releaseAfter(earlier, batch, background);
      else this.#releaseAfterResponse(batch, background);
    } catch (thrown) {
      const { reason, stack } = forLog(thrown);
      const message = `The background hooks of run ${batch.id} could not be handed over and are lost: ${reason}`;
      this.environment.logger.error(message, stack);
      for (const task of batch.tasks) task.drop();
    }
  }

  #createBatch(root: ActiveRun, released: readonly OutboxEntry[]): HookBatch {
    const { response, environment } = this;
    // Not through `this`: a batch that waits keeps the run's copy, not the run.
    const context = this.#context;
    const scope: { environment: RunEnvironment; batch?: HookBatch } = { environment };
    const batch: HookBatch = {
      id: root.runId,
      tasks: released.map((entry) => new BackgroundHookTask(entry, environment, scope)),
      cannotWait: root.position === 'inside-hook' || this.#latestBatch !== undefined,
      ...(response ? { response } : {}),
      runInContext: (callback) => context.runInAsyncScope(callback),
    };
    scope.batch = batch;
    return batch;
  }

  /** The hooks of one tree never overlap, not even those of runs that settle late. */
  async #releaseAfter(
    earlier: HookBatch,
    batch: HookBatch,
    background: BackgroundEnvironment,
  ): Promise<void> {
    try {
      await background.executor.drain((held) => held !== earlier);
    } catch (thrown) {
      const { reason, stack } = forLog(thrown);
      this.environment.logger.error(`Waiting for earlier hooks of run ${batch.id} failed: ${reason}`, stack);
    }
    this.#releaseAfterResponse(batch, background);
  }

  #releaseAfterResponse(batch: HookBatch, { executor, releaseAfter }: BackgroundEnvironment): void {
    const { response } = this;
    if (!response) return executor.release(batch, undefined);
    // Closed before the run had settled: whatever it carried, it was not this result.
    if (response.delivered !== undefined) return executor.release(batch, false);
    const { deadlines } = this.environment;
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
