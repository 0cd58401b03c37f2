import type { BackendFactory, IQueueBackend, JobProgress, WorkerOptions } from 'bullmq';

import type { Bullmq, JobWorker, Process } from './queue.connection.js';

/** The parts of a worker. */
export interface QueueWorkerParts<B extends IQueueBackend, C> {
  readonly queue: string;
  readonly process: Process;
  readonly options: WorkerOptions<C>;
  readonly backend: BackendFactory<B, C>;
}

/**
 * Creates a worker of BullMQ that can be ended although its store does not answer: the timers of BullMQ's own class end only
 * when its jobs have ended, for which it needs the store.
 */
export function createQueueWorker<B extends IQueueBackend, C>(
  { Worker }: Bullmq,
  { queue, process, options, backend }: QueueWorkerParts<B, C>,
): JobWorker {
  class QueueWorker extends Worker<unknown, unknown, string, B, JobProgress, C> implements JobWorker {
    async abandon(): Promise<void> {
      await this.lockManager.close();
      await this.backend.close(true);
    }

    /** After an error the next look for stalled jobs is the one that is due anyway; nothing could end a pause before it. */
    protected override checkConnectionError<T>(call: () => Promise<T>): Promise<T | undefined> {
      return super.checkConnectionError(call, 0);
    }
  }
  return new QueueWorker(queue, process, options, backend);
}
