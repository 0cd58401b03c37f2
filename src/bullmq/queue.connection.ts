import type * as BullmqPackage from 'bullmq';
import type { FlowJob, FlowProducer, Job, Queue } from 'bullmq';

import type { QueueStore } from './queue.store.js';

/** BullMQ's package, which is an optional peer. */
export type Bullmq = typeof BullmqPackage;

/** Runs the job that a worker was given. */
export type Process = (job: Job, token?: string, signal?: AbortSignal) => Promise<unknown>;

/** The options of a worker that do not depend on the store. */
export interface WorkerSettings {
  readonly concurrency: number;
  readonly lockDuration: number;
  readonly stalledInterval: number;
  readonly maxStalledCount: number;
  /** `age`: seconds that jobs of failed hooks are kept for dashboards. */
  readonly removeOnFail: { readonly age: number };
  readonly limiter?: { readonly max: number; readonly duration: number };
}

/** Adds the jobs of batches. */
export interface JobProducer extends Pick<FlowProducer, 'close'> {
  add(flow: FlowJob): ReturnType<FlowProducer['add']>;
}

/** Lets delayed jobs run now. */
export interface JobPromoter extends Pick<Queue, 'close'> {
  getJob(jobId: string): Promise<Pick<Job, 'promote'> | undefined>;
}

/** A worker of BullMQ. */
export interface JobWorker {
  waitUntilReady(): Promise<void>;
  close(force?: boolean): Promise<void>;
  /** Ends its timers and connections although jobs are at work: `close()` waits for them. */
  abandon(): Promise<void>;
  pause(doNotWaitActive?: boolean): Promise<void>;
  on(event: 'error', listener: (error: Error) => void): unknown;
  on(event: 'lockRenewalFailed', listener: (jobIds: string[]) => void): unknown;
  on(event: 'failed', listener: (job: Job | undefined, error: Error) => void): unknown;
}

/** A store that is open, and BullMQ on it. */
export interface QueueConnection {
  readonly store: QueueStore;
  /** Only this process can use the store. */
  readonly isOfOneProcess: boolean;
  /** The maximum number of connections; each worker keeps one. Undefined if workers open their own. */
  readonly connections?: number;
  createProducer(onError: (error: Error) => void): Promise<JobProducer>;
  createPromoter(onError: (error: Error) => void): JobPromoter;
  createWorker(queue: string, process: Process, settings: WorkerSettings): JobWorker;
}

/** Jobs of hooks that have succeeded are kept for dashboards: so many of them, for so many seconds. */
export const KEPT_JOBS = { age: 86_400, count: 1_000 } as const;

/** Options of every worker. */
export const WORKER_DEFAULTS = {
  // An idle worker on Redis begins a hook that was taken over only when its wait ends.
  drainDelay: 1,
  // After an error of the connection.
  runRetryDelay: 1_000,
} as const;
