import type { LoggerService } from '@nestjs/common';

import { AgentOsConfigurationError } from '../errors/agent-os-configuration.error.js';
import { AgentOsLogger } from '../errors/agent-os.logger.js';
import { HookDataGoneError, HookExecutionConflictError } from '../errors/hook-execution.errors.js';
import { HooksNotStoredError } from '../errors/run.errors.js';
import { quoted, reasonOf } from '../errors/log.text.js';
import { aborted } from '../execution/aborted.js';
import type { HookExecution } from '../execution/hook-execution.js';
import type { HookExecutions } from '../execution/hook.executions.js';
import {
  HookExecutor,
  type HookBatch,
  type HookExecutorHost,
  type HookTask,
  type StoreRun,
} from '../execution/hook.executor.js';
import type { RunCriteria } from '../execution/run.criteria.js';
import { InProcessHookExecutor } from '../execution/in-process-hook.executor.js';
import { now } from '../model/clock.js';
import { importNeeded } from '../peers/optional-peer.js';
import {
  resolveBullmqOptions,
  type BullmqOptions,
  type BullmqStore,
  type ResolvedBullmqSettings,
} from './bullmq.options.js';
import { HeldBatches, type HeldBatch } from './held.batches.js';
import { jobIdOf, toFlow, toRetryJob } from './hook.jobs.js';
import { LostExecutions } from './lost.executions.js';
import { HookWorker } from './hook.worker.js';
import type { Bullmq, JobProducer, JobPromoter, JobWorker, QueueConnection } from './queue.connection.js';
import type { RetriedExecution, WaitingEnd } from './queue.store.js';
import { openRedisQueue } from './redis.connection.js';
import { openFolderQueue, openPoolQueue } from './sql.connection.js';
import { encodeSnapshot, type EncodedSnapshot } from './stored.batch.js';
import { RefusedBatches } from './refused.batches.js';
import { StoredLimit } from './stored.limit.js';
import { StoredExecutions } from './stored.executions.js';
import { PayloadTexts } from './payload.codec.js';
import { StoredSnapshots } from './stored.snapshots.js';

/** The stored batch runs by itself a while after the process that holds it would have released it. */
const GRACE = 1_000;
/** Milliseconds between the removals of expired executions and run data. */
const SWEEP_INTERVAL = 60_000;
/** Milliseconds that the start may take. */
const STARTING_TIME = 120_000;
/**
 * The shortest duration of a lock in a folder, in milliseconds. No other process can take over a hook there, so a lock that
 * expires because its renewal waits behind other statements of the only connection would just let the hook run twice.
 * The next start takes over the hooks of an earlier process in any case, even if their locks have not expired.
 */
const LOCK_OF_ONE_PROCESS = 600_000;
/** The maximum number of waiting hooks that the log of a shutdown names. */
const NAMED_AT_STOP = 100;
/** Milliseconds that workers get to give hooks back at the deadline of a shutdown. */
const HANDING_BACK_TIME = 800;

type AddedJob = Awaited<ReturnType<JobProducer['add']>>['job'];

interface Started {
  readonly host: HookExecutorHost;
  readonly queue: QueueConnection;
  readonly producer: JobProducer;
  readonly hookWorker?: HookWorker;
  readonly promoter?: JobPromoter;
  readonly snapshots: StoredSnapshots;
  readonly workers: readonly JobWorker[];
  readonly held: HeldBatches;
  readonly refused: RefusedBatches;
  readonly sweeper: NodeJS.Timeout;
  readonly limit: StoredLimit;
  /** The sessions are in the same database. */
  readonly sharesTransactions: boolean;
}

/** A task that is stored, or has failed already. */
interface StoredTasks {
  readonly waiting: readonly HookTask[];
  readonly snapshots: ReadonlyMap<string, EncodedSnapshot>;
  readonly files: ReadonlyMap<string, string>;
}

/**
 * Keeps background hooks in a queue of BullMQ, from which they are run after a crash or by other processes: at least once,
 * in the order of their run.
 */
export class BullmqHookExecutor extends HookExecutor {
  readonly #place: BullmqStore;
  readonly #settings: ResolvedBullmqSettings;
  readonly #logger: Pick<LoggerService, 'error' | 'warn' | 'log'> = new AgentOsLogger();
  readonly #texts: PayloadTexts;
  readonly #volatile: InProcessHookExecutor;
  /** Runs hooks at once, before the result of their run is returned. */
  readonly #overflow: InProcessHookExecutor;
  readonly #volatileBatches = new WeakSet<HookBatch>();
  #volatileCount = 0;
  #overflowCount = 0;
  #started: Started | undefined;
  /** Runs to forget when the store is open. */
  readonly #forgottenEarly: RunCriteria[] = [];
  #isStopped = false;
  #stopping: Promise<void> | undefined;

  /** @throws AgentOsConfigurationError naming the option */
  constructor(options: BullmqOptions) {
    super();
    const { store, settings } = resolveBullmqOptions(options);
    this.#place = store;
    this.#settings = settings;
    this.#texts = new PayloadTexts(settings.codec, settings.storeTimeout);
    this.#volatile = new InProcessHookExecutor({
      concurrency: settings.concurrency,
      maxPending: Infinity,
      onOverflow: () => undefined,
    });
    this.#overflow = new InProcessHookExecutor({
      concurrency: settings.concurrency,
      maxPending: 0,
      onOverflow: (batch) => this.#warnOfOverflow(batch),
    });
  }

  override get isDurable(): boolean {
    return true;
  }

  /** The first start in a folder makes a database, which takes seconds, and many on a busy machine. */
  override get startTimeout(): number {
    return STARTING_TIME;
  }

  /**
   * Storing has its own `storeTimeout`. Hooks that run before the result of their run is returned may wait for their limits
   * for longer than any store.
   */
  override get acceptTimeout(): number {
    return Infinity;
  }

  override executions(local: HookExecutions): HookExecutions {
    return new StoredExecutions(local, () => this.#started?.queue.store);
  }

  override async start(host: HookExecutorHost): Promise<void> {
    const { lockDuration } = this.#settings;
    if (host.shutdownTimeout >= lockDuration)
      throw new AgentOsConfigurationError(
        `bullmq(): shutdownTimeout (${host.shutdownTimeout} ms) must be shorter than lockDuration (${lockDuration} ms), so that ` +
          'a process that shuts down keeps its hooks until it has finished them or given them back.',
      );
    const bullmq = await importNeeded({ name: 'bullmq', load: () => import('bullmq') }, 'bullmq()');
    await this.#texts.check();
    const queue = await this.#open(bullmq);
    try {
      this.#checkRole(host, queue);
      this.#started = await this.#begin(bullmq, queue, host);
      for (const runs of this.#forgottenEarly.splice(0)) await this.#forget(runs, this.#started);
      // A worker of PostgreSQL that is closed before it is ready keeps its connection.
      for (const worker of this.#started.workers) await worker.waitUntilReady();
    } catch (thrown) {
      // An application that has not started is not shut down either.
      const closing = this.#started
        ? this.#stopOnce(this.#started, AbortSignal.abort())
        : queue.store.close();
      await closing.catch((error: Error) => this.#logOutage(error));
      throw thrown;
    }
  }

  async #begin(bullmq: Bullmq, queue: QueueConnection, host: HookExecutorHost): Promise<Started> {
    const { remembered, keepFailed } = this.#settings;
    const { store } = queue;
    if (!host.carry)
      this.#logger.log(
        'Background hooks are durable, and get no context of their request: the module has no option carry.',
      );
    const sharesTransactions = store.client !== undefined && store.client === host.sessionClient;
    if (!sharesTransactions && host.role !== 'worker')
      this.#logger.log(
        'A run and its background hooks are stored in two transactions, the hooks first: if the process dies in between, the ' +
          'hooks run although the run is not in its session. One transaction needs the same Pool, or the same folder of ' +
          'openFolder(), for bullmq() and SqlSessionStore.',
      );
    const onError = (error: Error): void => this.#logOutage(error);
    const producer = await queue.createProducer(onError);
    const held = new HeldBatches(store, onError);
    const refused = new RefusedBatches(store);
    const limit = new StoredLimit(store, this.#settings.maxStored, onError);
    await limit.count();
    const snapshots = new StoredSnapshots(store, this.#texts);
    const lost = new LostExecutions({
      store,
      logger: host.logger,
      tell: (execution) => host.ledger.tell(execution),
      onBatchEnded: (id) => held.end(id),
    });
    const work =
      host.role === 'server'
        ? undefined
        : this.#createWorkers(bullmq, { host, queue, held, snapshots, lost });
    const sweep = async (): Promise<void> => {
      await lost.end();
      await store.sweep({ remembered, keepFailed });
    };
    const sweeper = setInterval(() => void sweep().catch(onError), SWEEP_INTERVAL).unref();
    return {
      host,
      queue,
      producer,
      snapshots,
      workers: [],
      held,
      refused,
      sweeper,
      limit,
      sharesTransactions,
      ...work,
    };
  }

  override accept(batch: HookBatch, storeRun?: StoreRun): Promise<void> | undefined {
    if (this.#isStopped) {
      for (const task of batch.tasks) task.drop();
      return undefined;
    }
    const bound = batch.tasks.find(
      ({ isRebuildable, snapshot }) => !isRebuildable && !(snapshot instanceof Error),
    );
    if (!this.#started) return this.#keepInProcess(batch, 'the application has not started yet');
    if (bound)
      return this.#keepInProcess(
        batch,
        `${quoted(bound.execution.component.id)} is not registered, so no other process knows it`,
      );
    if (!batch.cannotWait && this.#started.limit.isReached()) return this.#runNow(batch, storeRun);
    return this.#store(batch, this.#started, storeRun);
  }

  override release(batch: HookBatch, delivered: boolean | undefined): void {
    if (this.#volatileBatches.has(batch)) return this.#volatile.release(batch, delivered);
    const held = this.#started?.held.get(batch);
    if (held) void this.#release(held, delivered);
  }

  override ended(batch: HookBatch): Promise<void> {
    if (this.#volatileBatches.has(batch)) return this.#volatile.ended(batch);
    return this.#started?.held.ended(batch) ?? Promise.resolve();
  }

  /** @throws Error if the store cannot be reached */
  override async retry(execution: HookExecution): Promise<void> {
    const { id, runId, isVolatile } = execution;
    if (isVolatile) return this.#volatile.retry(execution);
    if (!this.#started || this.#isStopped) throw new HookDataGoneError(id);
    const { queue, producer, held } = this.#started;
    const { queue: name, storeTimeout } = this.#settings;
    // Not before it is stored as a whole.
    const place = { queue: name, releaseAfter: storeTimeout + GRACE, isEncoded: this.#texts.isEncoding };
    let added: { readonly found: RetriedExecution; readonly job: AddedJob } | undefined;
    const result = await queue.store.retry(id, async (found) => {
      const { job } = await producer.add(toRetryJob(execution, found, place));
      added = { found, job };
    });
    if (result === 'retried' && added) {
      const { found, job } = added;
      held.reopen({ id: found.batch, tree: found.tree, runIds: [runId], promote: () => Promise.resolve() });
      return this.#promote(job, execution);
    }
    await added?.job.remove();
    // It has run before the result of its run was returned.
    if (result === 'gone') return this.#overflow.retry(execution);
    if (result === 'conflict')
      throw new HookExecutionConflictError(
        id,
        'It has been retried already, or a later one with its key waits.',
      );
  }

  async #promote(job: AddedJob, { hook, runId }: HookExecution): Promise<void> {
    try {
      await job.promote();
    } catch (thrown) {
      if (isNotDelayed(thrown)) return;
      this.#logger.warn(
        `The retry of hook ${quoted(hook)} of run ${runId} could not be released (${reasonOf(thrown)}); it begins by itself ` +
          'after storeTimeout.',
      );
    }
  }

  /** @throws Error if the store cannot be reached */
  override async cancel(execution: HookExecution): Promise<void> {
    const ended = { state: 'dropped', reason: 'cancelled', endedAt: now() } as const;
    await this.#endWaiting(execution.id, ended);
    this.#started?.host.ledger.tell({ ...execution, ...ended });
  }

  async #endWaiting(id: string, ended: WaitingEnd): Promise<void> {
    const started = this.#started;
    const { isRecorded = false, batchEnded } = (await started?.queue.store.endWaiting(id, ended)) ?? {};
    if (!isRecorded) throw new HookExecutionConflictError(id, 'It does not wait any longer.');
    if (batchEnded !== undefined) started?.held.end(batchEnded);
  }

  override async drain(isExcluded: (batch: HookBatch) => boolean = () => false): Promise<void> {
    await Promise.all([
      this.#volatile.drain(isExcluded),
      this.#overflow.drain(isExcluded),
      this.#started?.held.drain(isExcluded),
    ]);
  }

  /** @throws Error if the store cannot be reached */
  override async forget(runs: RunCriteria): Promise<void> {
    await Promise.all([this.#volatile.forget(runs), this.#overflow.forget(runs)]);
    if (this.#isStopped)
      throw new Error('The executor has stopped: data of runs in its store cannot be deleted.');
    if (this.#started) await this.#forget(runs, this.#started);
    else this.#forgottenEarly.push(runs);
  }

  async #forget(runs: RunCriteria, started: Started): Promise<void> {
    const { queue, held, snapshots } = started;
    const { dropped, batchesEnded } = await queue.store.forget(runs, now());
    snapshots.clear();
    // Hooks whose response is still open have a task here, which tells of its end.
    const told = held.drop(new Set(dropped));
    for (const id of batchesEnded) held.end(id);
    await this.#tell(
      dropped.filter((id) => !told.has(id)),
      started,
    );
  }

  /** Tells of executions that the store has ended: they may be of another process, which does not know of it. */
  async #tell(ids: readonly string[], { host, queue }: Pick<Started, 'host' | 'queue'>): Promise<void> {
    for (const id of ids) {
      const [execution] = await queue.store.list({ id, limit: 1 });
      if (execution) host.ledger.tell(execution);
    }
  }

  /**
   * Waits for the batches that this process has stored, and drops those that are in no store. Hooks that could not be
   * run in time stay in the store for other workers, or for the next start.
   */
  override async stop(
    deadline: AbortSignal,
    settled?: () => Promise<void> | undefined,
  ): Promise<readonly HookTask[]> {
    const dropped = Promise.all([
      this.#volatile.stop(deadline, settled),
      this.#overflow.stop(deadline, settled),
    ]);
    if (this.#started) await this.#stopOnce(this.#started, deadline, settled);
    this.#isStopped = true;
    return (await dropped).flat();
  }

  #stopOnce(
    started: Started,
    deadline: AbortSignal,
    settled?: () => Promise<void> | undefined,
  ): Promise<void> {
    return (this.#stopping ??= this.#stopStarted(started, deadline, settled));
  }

  async #stopStarted(
    started: Started,
    deadline: AbortSignal,
    settled?: () => Promise<void> | undefined,
  ): Promise<void> {
    const { held, refused, workers, hookWorker, producer, promoter, queue, sweeper } = started;
    while (!deadline.aborted) {
      for (const batch of held.unreleased()) void this.#release(batch, false);
      const work = hookWorker && held.size > 0 ? held.drain() : settled?.();
      if (!work) break;
      await Promise.race([work, aborted(deadline)]);
    }
    this.#isStopped = true;
    clearInterval(sweeper);
    refused.stop();
    for (const worker of workers) await worker.pause(true);
    const runIds = new Set([...held.runIds(), ...(hookWorker?.running ?? []).map(({ runId }) => runId)]);
    hookWorker?.stop();
    await this.#closeWorkers(workers);
    held.forgetAll();
    if (runIds.size > 0) await this.#nameLeft(runIds, queue);
    await producer.close();
    await promoter?.close();
    await queue.store.close();
  }

  /** Names the hooks that this process has stored or begun, and that have not ended. */
  async #nameLeft(runIds: ReadonlySet<string>, { store }: QueueConnection): Promise<void> {
    try {
      const left = await store.list({ state: 'scheduled', limit: NAMED_AT_STOP });
      const names = left
        .filter(({ runId }) => runIds.has(runId))
        .map(({ hook, runId }) => `${quoted(hook)} of run ${runId}`);
      if (names.length === 0) return;
      this.#logger.warn(
        `Shutdown has left these background hooks in the store, for other workers or the next start: ${names.join(', ')}.`,
      );
    } catch (thrown) {
      this.#logger.warn(
        `Shutdown has left background hooks of ${runIds.size} runs in the store, which cannot be reached: ${reasonOf(thrown)}`,
      );
    }
  }

  /** Workers end when their hooks have been given back; those that do not are closed all the same. */
  async #closeWorkers(workers: readonly JobWorker[]): Promise<void> {
    if (workers.length === 0) return;
    let timer: NodeJS.Timeout | undefined;
    const timeIsUp = new Promise<'late'>(
      (resolve) => (timer = setTimeout(() => resolve('late'), HANDING_BACK_TIME)),
    );
    const closing = Promise.all(workers.map((worker) => worker.close()));
    const end = await Promise.race([closing, timeIsUp]);
    clearTimeout(timer);
    if (end === 'late') await Promise.all(workers.map((worker) => worker.abandon()));
  }

  #open(bullmq: Bullmq): Promise<QueueConnection> {
    const { queue } = this.#settings;
    const { folder, pool, connection } = this.#place;
    if (folder !== undefined) return openFolderQueue(bullmq, folder, queue);
    if (pool !== undefined) return openPoolQueue(bullmq, pool, queue);
    return openRedisQueue(bullmq, connection, queue, this.#logger);
  }

  #checkRole({ role }: HookExecutorHost, { isOfOneProcess, connections }: QueueConnection): void {
    if (isOfOneProcess && role !== 'both')
      throw new AgentOsConfigurationError(
        `bullmq({ folder }) is used by one process alone, which answers requests and runs hooks; role: '${role}' needs ` +
          'bullmq({ pool }) or bullmq({ connection }).',
      );
    const needed = (role === 'server' ? 0 : 1) + 2;
    if (connections !== undefined && connections < needed)
      throw new AgentOsConfigurationError(
        `bullmq(): the Pool has max: ${connections}, and at least ${needed} connections are needed: one for each worker, and 2.`,
      );
  }

  #createWorkers(
    { UnrecoverableError, DelayedError, WaitingError }: Bullmq,
    {
      host,
      queue,
      held,
      snapshots,
      lost,
    }: Pick<Started, 'host' | 'queue' | 'held' | 'snapshots'> & { readonly lost: LostExecutions },
  ): Pick<Started, 'workers' | 'hookWorker' | 'promoter'> {
    const { stalledInterval, maxTakeovers, concurrency, unknownAfter, keepFailed } = this.#settings;
    const lockDuration = Math.max(
      this.#settings.lockDuration,
      queue.isOfOneProcess ? LOCK_OF_ONE_PROCESS : 0,
    );
    const promoter = queue.createPromoter((error) => this.#logOutage(error));
    const hookWorker = new HookWorker({
      host,
      store: queue.store,
      snapshots,
      lost,
      errors: { UnrecoverableError, DelayedError, WaitingError },
      lockDuration,
      unknownAfter,
      logger: host.logger,
      promote: (jobId) => promote(promoter, jobId),
      onBatchEnded: (id) => held.end(id),
    });
    const worker = queue.createWorker(
      this.#settings.queue,
      (job, token = '') => hookWorker.process(job, token),
      {
        ...{ concurrency, lockDuration, stalledInterval, maxStalledCount: maxTakeovers },
        removeOnFail: { age: Math.ceil(keepFailed / 1_000) },
      },
    );
    worker.on('error', (error) => this.#logOutage(error));
    worker.on('lockRenewalFailed', (ids) => hookWorker.abandon(ids));
    worker.on('failed', (job, error) => {
      if (job && error.message.includes('stalled'))
        hookWorker.endStalled(job).catch((thrown: Error) => this.#logOutage(thrown));
    });
    return { workers: [worker], hookWorker, promoter };
  }

  /** Stores a batch. Its promise resolves when the batch is in the store, and with it the result may be handed back. */
  async #store(batch: HookBatch, started: Started, storeRun: StoreRun | undefined): Promise<void> {
    const { host, queue, producer, held, refused, limit, sharesTransactions } = started;
    supersedeWithin(batch);
    const { waiting, snapshots, files } = await this.#encode(batch);
    const [first] = waiting;
    if (!first) return;
    const batchId = `${first.execution.runId}-${batch.tasks.indexOf(first)}`.replaceAll(':', '.');
    const carry = batch.runInContext(() => host.carry?.capture());
    const place = {
      queue: this.#settings.queue,
      batchId,
      // Not before it is stored as a whole.
      releaseAfter: Math.max(host.releaseAfter, this.#settings.storeTimeout) + GRACE,
      isLater: batch.cannotWait,
      isEncoded: this.#texts.isEncoding,
    };
    const executions = batch.tasks.map(({ execution }) => ({ ...execution }));
    const stored = {
      id: batchId,
      tree: batch.id,
      executions,
      jobs: new Map(waiting.map(({ execution }, index) => [execution.id, jobIdOf(batchId, index)])),
      keys: new Map(
        waiting.flatMap(({ execution, key }) => (key === undefined ? [] : [[execution.id, key]])),
      ),
      origins: new Map(batch.tasks.map(({ execution, origin }) => [execution.runId, origin])),
    };
    let promote: (() => Promise<void>) | undefined;
    let superseded: readonly string[] = [];
    let isRefused = false;
    const addJobs = async (): Promise<void> => {
      let node = await producer.add(toFlow(waiting, place));
      // Nothing waits for it any longer, so it is not committed.
      if (isRefused) throw new Error('The jobs were added too late.');
      while (node.children?.[0]) node = node.children[0];
      const { job } = node;
      promote = () => job.promote();
    };
    const plain = { snapshots, files, ...(carry === undefined ? {} : { carry }) };
    const adding = this.#texts.encodeBatch(plain).then((payload) => {
      const add = async (connection?: object): Promise<void> => {
        superseded = await queue.store.add({ ...stored, ...payload }, addJobs, connection);
      };
      return sharesTransactions && storeRun ? this.#addWithRun(add, storeRun) : add();
    });
    try {
      await this.#inTime(adding);
    } catch (thrown) {
      isRefused = true;
      // The run is stored if its hooks are. The answer to the commit may have been lost, or may be late.
      const isCommitted = sharesTransactions && storeRun ? await this.#isStored(batchId, queue) : false;
      if (!isCommitted) {
        if (isCommitted === false || this.#settings.onUnavailable !== 'fail') refused.add(stored, adding);
        if (this.#settings.onUnavailable === 'fail')
          throw new HooksNotStoredError(batch.id, withoutParameters(thrown));
        return this.#keepInProcess(batch, reasonOf(thrown));
      }
      this.#logger.warn(
        `Run ${batch.id} and its background hooks are stored, although the store did not say so in time: ${reasonOf(thrown)}`,
      );
    }
    const cancelled = waiting.filter(({ execution }) => execution.endedAt !== undefined);
    for (const { execution } of batch.tasks) host.ledger.forget(execution);
    limit.add();
    held.add(batch, {
      id: batchId,
      tree: batch.id,
      runIds: [...new Set(executions.map(({ runId }) => runId))],
      promote: promote ?? (() => Promise.resolve()),
    });
    if (superseded.length > 0)
      this.#tell(superseded, started).catch((thrown: Error) => this.#logOutage(thrown));
    // They were cancelled while they were being stored, and the ledger of this process has told of it.
    const ended = { state: 'dropped', reason: 'cancelled', endedAt: now() } as const;
    for (const { execution } of cancelled)
      await this.#inTime(this.#endWaiting(execution.id, ended)).catch((thrown: Error) =>
        this.#logOutage(thrown),
      );
  }

  /** Encodes each run once. Hooks whose run cannot be stored fail now: they would fail in any process. */
  async #encode(batch: HookBatch): Promise<StoredTasks> {
    const snapshots = new Map<string, EncodedSnapshot>();
    const files = new Map<string, string>();
    const failed = new Map<string, Error>();
    for (const { execution, snapshot } of batch.tasks) {
      const { runId } = execution;
      if (snapshots.has(runId) || failed.has(runId) || snapshot instanceof Error) continue;
      const encoded = tryToEncode(snapshot);
      if (encoded instanceof Error) {
        failed.set(runId, encoded);
      } else if (encoded.size > this.#settings.maxRunSize) {
        failed.set(runId, new RunTooLargeError(encoded.size, this.#settings.maxRunSize));
      } else {
        snapshots.set(runId, encoded.snapshot);
        for (const [hash, content] of encoded.files) files.set(hash, content);
      }
    }
    for (const task of batch.tasks) {
      // It fails with its snapshot's error, without being called.
      if (task.snapshot instanceof Error) await task.run({});
      const error = failed.get(task.execution.runId);
      if (error) task.fail(error);
    }
    return {
      waiting: batch.tasks.filter(({ execution }) => execution.endedAt === undefined),
      snapshots,
      files,
    };
  }

  async #release(held: HeldBatch, delivered: boolean | undefined): Promise<void> {
    if (held.isReleased) return;
    held.markReleased();
    const { store } = this.#started?.queue ?? {};
    try {
      await store?.release(held.id, delivered);
      await held.promote();
    } catch (thrown) {
      // It may be running by itself already, since its response was open for long.
      if (isNotDelayed(thrown)) return;
      this.#logger.warn(
        `The hooks of run ${held.tree} could not be released (${reasonOf(thrown)}); they begin by themselves after releaseAfter.`,
      );
    }
  }

  /** The run is stored first, since its hooks may read it. */
  async #runNow(batch: HookBatch, storeRun: StoreRun | undefined): Promise<void> {
    await storeRun?.();
    await this.#overflow.accept(batch);
  }

  #warnOfOverflow({ id }: HookBatch): void {
    this.#overflowCount += 1;
    // A load that causes one overflow causes many.
    if (this.#overflowCount % 1_000 !== 1) return;
    this.#logger.warn(
      `The hooks of ${this.#settings.maxStored} runs are in the store (maxStored), so those of run ${id} run before its ` +
        `result is returned. This happened ${this.#overflowCount} times since the start. Add workers or make hooks faster.`,
    );
  }

  #keepInProcess(batch: HookBatch, reason: string): Promise<void> | undefined {
    this.#volatileBatches.add(batch);
    this.#volatileCount += 1;
    for (const task of batch.tasks) task.markVolatile();
    if (this.#volatileCount % 100 === 1)
      this.#logger.warn(
        `The background hooks of run ${batch.id} are volatile: they run from the memory of this process (${reason}). ` +
          `This happened ${this.#volatileCount} times since the start.`,
      );
    return this.#volatile.accept(batch);
  }

  /**
   * Adds a batch in the transaction of its run. If the run is not stored, or its session is locked for too long, the
   * batch is added by itself.
   */
  async #addWithRun(add: (connection?: object) => Promise<void>, storeRun: StoreRun): Promise<void> {
    let state: 'waiting' | 'called' | 'late' = 'waiting';
    const storing = storeRun(async (connection) => {
      if (state === 'waiting') {
        state = 'called';
        return add(connection);
      }
      // The hooks are being stored by themselves. The run is stored after them if that may fail it.
      if (this.#settings.onUnavailable === 'fail')
        throw new Error('Its background hooks are not stored yet.');
    });
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<false>((resolve) => {
      timer = setTimeout(() => {
        if (state !== 'waiting') return;
        state = 'late';
        resolve(false);
      }, this.#settings.storeTimeout / 2);
    });
    try {
      if (await Promise.race([storing, late])) return;
    } finally {
      clearTimeout(timer);
    }
    await add();
  }

  /** @returns undefined if the store does not tell in time */
  async #isStored(batchId: string, { store }: QueueConnection): Promise<boolean | undefined> {
    try {
      return await this.#inTime(store.isStored(batchId));
    } catch (thrown) {
      this.#logger.warn(`Whether batch ${batchId} is stored could not be found out: ${reasonOf(thrown)}`);
      return undefined;
    }
  }

  async #inTime<R>(adding: Promise<R>): Promise<R> {
    const { storeTimeout } = this.#settings;
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<never>((_, reject) => {
      const isLate = (): void => reject(new Error(`the store did not answer within ${storeTimeout} ms`));
      // A process that was suspended first reads an answer that arrived meanwhile.
      timer = setTimeout(() => setImmediate(isLate), storeTimeout);
    });
    try {
      return await Promise.race([adding, late]);
    } finally {
      clearTimeout(timer);
    }
  }

  #lastOutage = '';

  /** A lost connection causes the same error repeatedly until it is restored. */
  #logOutage(error: Error): void {
    const reason = reasonOf(error);
    if (reason === this.#lastOutage) return;
    this.#lastOutage = reason;
    this.#logger.error(`The queue of background hooks: ${reason}`);
  }
}

/** A run with its files is larger than `maxRunSize`. */
export class RunTooLargeError extends Error {
  readonly code = 'run_too_large';

  constructor(size: number, limit: number) {
    super(
      `The run is too large for the store of background hooks: ${size} characters with its files, at most ${limit} are ` +
        'stored (maxRunSize).',
    );
    this.name = new.target.name;
  }
}

/** Of the hooks of one batch with the same key, only the last one is kept. */
function supersedeWithin({ tasks }: HookBatch): void {
  const last = new Map(tasks.map((task) => [task.key, task]));
  for (const task of tasks) if (task.key !== undefined && last.get(task.key) !== task) task.supersede();
}

function tryToEncode(snapshot: unknown): ReturnType<typeof encodeSnapshot> | Error {
  try {
    return encodeSnapshot(snapshot);
  } catch (thrown) {
    return thrown instanceof Error ? thrown : new Error(String(thrown));
  }
}

/** Another worker may have promoted it a moment before. */
async function promote(promoter: JobPromoter, jobId: string): Promise<boolean> {
  try {
    const job = await promoter.getJob(jobId);
    await job?.promote();
    return job !== undefined;
  } catch (thrown) {
    if (isNotDelayed(thrown)) return false;
    throw thrown;
  }
}

/** Errors of drivers hold the command or statement that failed: the data of the run, or a password. */
function withoutParameters(thrown: unknown): Error {
  const error = new Error(reasonOf(thrown));
  const { code } = (thrown ?? {}) as { readonly code?: unknown };
  return typeof code === 'string' ? Object.assign(error, { code }) : error;
}

function isNotDelayed(thrown: unknown): boolean {
  return thrown instanceof Error && /not in the delayed state|Missing key/.test(thrown.message);
}
