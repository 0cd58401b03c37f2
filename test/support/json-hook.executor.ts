import { deserialize, serialize } from 'node:v8';

import {
  HookExecutor,
  type HookBatch,
  type HookDelivery,
  type HookExecution,
  type HookExecutorHost,
  type HookLimits,
  type HookTask,
  type RunCriteria,
  type StoredHookTask,
} from 'nestjs-agentos/executor';

import { InProcessHookExecutor } from '../../src/execution/in-process-hook.executor.js';

/** What a {@link JsonHookExecutor} may be told. */
export interface JsonHookExecutorOptions {
  readonly concurrency?: number;
  /** The executor of the application that runs the hooks, as a worker would. Default: the same application. */
  readonly worker?: JsonHookExecutor;
}

/**
 * Keeps of every task nothing but a text of JSON, as a durable executor does, and rebuilds the task when it is due. The
 * order of things is that of the executor in the process.
 */
export class JsonHookExecutor extends HookExecutor {
  /** What was stored, in the order of its coming. */
  readonly stored: string[] = [];
  /** Executions whose hook the worker did not know. */
  readonly unknown: string[] = [];
  readonly #inner: InProcessHookExecutor;
  /** What is kept of a batch, by the batch. */
  readonly #kept = new WeakMap<HookBatch, HookBatch>();
  /** The batch, by what is kept of it. */
  readonly #given = new WeakMap<HookBatch, HookBatch>();
  readonly #worker: JsonHookExecutor;
  #host: HookExecutorHost | undefined;

  constructor({ concurrency = 10, worker }: JsonHookExecutorOptions = {}) {
    super();
    this.#inner = new InProcessHookExecutor({ concurrency, maxPending: 1_000, onOverflow: () => undefined });
    this.#worker = worker ?? this;
  }

  override start(host: HookExecutorHost): void {
    this.#host = host;
  }

  get host(): HookExecutorHost {
    if (!this.#host) throw new Error('The executor was not started.');
    return this.#host;
  }

  override accept(batch: HookBatch): Promise<void> | undefined {
    const { id, cannotWait, response } = batch;
    const kept: HookBatch = {
      id,
      cannotWait,
      tasks: batch.tasks.map((task) => this.#store(task)),
      ...(response ? { response } : {}),
      // A worker does not have the context of the caller.
      runInContext: (callback) => callback(),
    };
    this.#kept.set(batch, kept);
    this.#given.set(kept, batch);
    return this.#inner.accept(kept);
  }

  override release(batch: HookBatch, delivered: boolean | undefined): void {
    this.#inner.release(this.#kept.get(batch) ?? batch, delivered);
  }

  override ended(batch: HookBatch): Promise<void> {
    return this.#inner.ended(this.#kept.get(batch) ?? batch);
  }

  override drain(isExcluded: (batch: HookBatch) => boolean = () => false): Promise<void> {
    return this.#inner.drain((kept) => isExcluded(this.#given.get(kept) ?? kept));
  }

  override forget(runs: RunCriteria): Promise<void> {
    return this.#inner.forget(runs);
  }

  override stop(
    deadline: AbortSignal,
    settled?: () => Promise<void> | undefined,
  ): Promise<readonly HookTask[]> {
    return this.#inner.stop(deadline, settled);
  }

  /** What was stored last of a hook. */
  latest(component: string, hook: string): StoredHookTask | undefined {
    return this.stored
      .map(readStored)
      .findLast(({ execution }) => execution.component.id === component && execution.hook === hook);
  }

  rebuild(stored: StoredHookTask): HookTask | undefined {
    const task = this.host.rebuild(stored);
    if (!task) this.unknown.push(stored.execution.id);
    return task;
  }

  #store(task: HookTask): HookTask {
    const { execution, snapshot, origin, traceparent, isRebuildable } = task;
    if (snapshot instanceof Error || !isRebuildable) return task;
    const text = JSON.stringify({
      execution,
      origin,
      traceparent,
      snapshot: serialize(snapshot).toString('base64'),
    });
    this.stored.push(text);
    if (this.#worker !== this) this.host.ledger.forget(execution);
    return new StoredTask(text, this.#worker, execution);
  }
}

/** Knows a text, and the executor that rebuilds what it tells of. */
class StoredTask implements HookTask {
  readonly isRebuildable = true;
  readonly #text: string;
  readonly #worker: JsonHookExecutor;
  /** The record of the process that has stored it, which may have been cancelled. */
  readonly #given: HookExecution;
  #rebuilt: HookTask | undefined;

  constructor(text: string, worker: JsonHookExecutor, given: HookExecution) {
    this.#text = text;
    this.#worker = worker;
    this.#given = given;
  }

  get execution(): HookExecution {
    return this.#rebuilt?.execution ?? this.#read().execution;
  }

  get snapshot(): unknown {
    return this.#read().snapshot;
  }

  get origin(): StoredHookTask['origin'] {
    return this.#read().origin;
  }

  get limits(): HookLimits | undefined {
    return this.#worker.host.limitsOf(this.execution);
  }

  run(delivery: HookDelivery): Promise<void> | undefined {
    if (this.#given.endedAt !== undefined) return undefined;
    return this.#rebuild()?.run(delivery);
  }

  fail(error: Error): void {
    this.#rebuild()?.fail(error);
  }

  drop(reason?: 'shutdown' | 'deleted'): void {
    this.#rebuild()?.drop(reason);
  }

  markVolatile(): void {
    // It is stored.
  }

  supersede(): void {
    this.#rebuild()?.supersede();
  }

  reopen(): void {
    this.#rebuild()?.reopen();
  }

  #rebuild(): HookTask | undefined {
    return (this.#rebuilt ??= this.#worker.rebuild(this.#read()));
  }

  #read(): StoredHookTask {
    return readStored(this.#text);
  }
}

function readStored(text: string): StoredHookTask {
  const stored = JSON.parse(text) as StoredHookTask & { readonly snapshot: string };
  return { ...stored, snapshot: deserialize(Buffer.from(stored.snapshot, 'base64')) as unknown };
}
