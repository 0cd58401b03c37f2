import type { LoggerService } from '@nestjs/common';

import { quoted } from '../errors/log.text.js';
import type { HookExecution } from '../execution/hook-execution.js';
import { now } from '../model/clock.js';
import type { LostExecution, QueueStore } from './queue.store.js';

/** The options of {@link LostExecutions}. */
export interface LostExecutionsOptions {
  readonly store: QueueStore;
  readonly logger: Pick<LoggerService, 'error'>;
  /** Tells of the end of an execution. */
  readonly tell: (execution: HookExecution) => void;
  /** All hooks of a batch have ended. */
  readonly onBatchEnded: (batchId: string) => void;
}

/**
 * Ends executions that no worker will run, since BullMQ has failed their job or does not have it any longer. They would stay
 * open, with their batch and the place that they have within the limits of their hook.
 */
export class LostExecutions {
  readonly #options: LostExecutionsOptions;

  constructor(options: LostExecutionsOptions) {
    this.#options = options;
  }

  /**
   * @param executionId - only this one
   * @throws Error if the store cannot be reached
   */
  async end(executionId?: string): Promise<void> {
    for (const lost of await this.#options.store.lost(executionId)) await this.#end(lost);
  }

  async #end({ execution, fence, reason }: LostExecution): Promise<void> {
    const { store, logger, tell, onBatchEnded } = this.#options;
    const { id, hook, runId } = execution;
    const errorName = reason === 'failed' ? 'HookStalledError' : 'HookJobGoneError';
    const ended: HookExecution = { ...execution, state: 'failed', errorName, endedAt: now() };
    // It may be retried, and then keeps other hooks of its tree waiting.
    const { isRecorded, batchEnded } = await store.end({ executionId: id, fence, isRetry: true }, ended);
    if (!isRecorded) return;
    logger.error(
      `Hook ${quoted(hook)} of run ${runId} failed: ` +
        (reason === 'failed'
          ? 'the process that ran it has ended or stood still too often (maxTakeovers).'
          : 'its job is not in the queue any more.'),
    );
    tell(ended);
    if (batchEnded !== undefined) onBatchEnded(batchEnded);
  }
}
