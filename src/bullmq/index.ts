/**
 * Background hooks on a real queue: BullMQ in a folder of the application, in PostgreSQL or in Redis. They survive a
 * crash, and other processes can run them.
 *
 * @example
 * ```ts
 * AgentOsModule.forRoot({ agents: [support], executor: bullmq({ folder: '.agent-os' }) });
 * ```
 *
 * @module nestjs-agentos/bullmq
 */
import type { HookExecutor } from '../execution/hook.executor.js';
import { BullmqHookExecutor } from './bullmq-hook.executor.js';
import type { BullmqOptions } from './bullmq.options.js';

export type { BullmqOptions, BullmqSettings, BullmqStore } from './bullmq.options.js';
export { RunTooLargeError } from './bullmq-hook.executor.js';
export { HookNotFoundError } from './hook.worker.js';
export { CodecMissingError, PayloadDecodeError, type PayloadCodec } from './payload.codec.js';
export { PayloadVersionError } from './stored.batch.js';
export type { PoolClientLike, PoolLike, Queryable, Rows } from './queue.database.js';

/**
 * An executor that keeps background hooks in a queue of BullMQ.
 *
 * @throws AgentOsConfigurationError naming the option; at the start, if a package is not installed, the folder is in use
 *   or the server cannot be reached
 */
export function bullmq(options: BullmqOptions): HookExecutor {
  return new BullmqHookExecutor(options);
}
