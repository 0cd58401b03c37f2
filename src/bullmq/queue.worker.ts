import type { BackendFactory, IQueueBackend, Job, JobJson, JobProgress, WorkerOptions } from 'bullmq';

import type { Bullmq, JobWorker, Process } from './queue.connection.js';

type GivenJob = Job<unknown, unknown, string, JobProgress>;

/** The parts of a worker. */
export interface QueueWorkerParts<B extends IQueueBackend, C> {
  readonly queue: string;
  readonly process: Process;
  readonly options: WorkerOptions<C>;
  readonly backend: BackendFactory<B, C>;
}

/**
 * Creates a worker of BullMQ that can be ended although its store does not answer: the timers of BullMQ's own class end only
 * when its jobs have ended, for which it needs the store. It begins each job before it takes the next one: a hook
 * waits for no other run, and its lock is renewed from its start.
 */
export function createQueueWorker<B extends IQueueBackend, C>(
  { Worker }: Bullmq,
  { queue, process, options, backend }: QueueWorkerParts<B, C>,
): JobWorker {
  class QueueWorker extends Worker<unknown, unknown, string, B, JobProgress, C> implements JobWorker {
    /** The last look for jobs has found one. */
    #hasNewJob = false;

    async abandon(): Promise<void> {
      await this.lockManager.close();
      await this.backend.close(true);
    }

    /** BullMQ's loop takes as many jobs as it may run at once before it begins the first of them, unless it is given none. */
    protected override async moveToActive(token: string, name?: string): Promise<GivenJob> {
      if (!this.#hasNewJob) return super.moveToActive(token, name);
      this.#hasNewJob = false;
      // BullMQ's own method resolves with it, too, which its type does not say.
      return undefined as unknown as GivenJob;
    }

    protected override nextJobFromJobData(data?: JobJson, id?: string, token?: string): Promise<GivenJob> {
      this.#hasNewJob = Boolean(data);
      return super.nextJobFromJobData(data, id, token);
    }

    /** After an error the next look for stalled jobs is the one that is due anyway; nothing could end a pause before it. */
    protected override checkConnectionError<T>(call: () => Promise<T>): Promise<T | undefined> {
      return super.checkConnectionError(call, 0);
    }
  }
  return new QueueWorker(queue, process, options, backend);
}
