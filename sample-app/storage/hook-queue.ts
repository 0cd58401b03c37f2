import { bullmq, type BullmqStore } from 'nestjs-agentos/bullmq';
import type { HookExecutor } from 'nestjs-agentos/executor';

/** The values of `EXECUTOR`: a queue, or the memory of the process. */
const EXECUTORS = ['bullmq', 'in-process'];

/** Whether background hooks survive a crash: `EXECUTOR=in-process` keeps them in memory instead. */
function isDurable(): boolean {
  const executor = process.env['EXECUTOR'] ?? 'bullmq';
  if (!EXECUTORS.includes(executor))
    throw new Error(`EXECUTOR is "${executor}", expected one of ${EXECUTORS.join(' and ')}.`);
  return executor === 'bullmq';
}

/** Whether other processes can reach the queue. */
export function isQueueShared(): boolean {
  return isDurable() && (process.env['REDIS_URL'] ?? process.env['DATABASE_URL']) !== undefined;
}

/** `ROLE=server` leaves the hooks of the server to workers. */
export function roleOfServer(): 'both' | 'server' {
  const role = process.env['ROLE'] ?? 'both';
  if (role !== 'both' && role !== 'server')
    throw new Error(`ROLE is "${role}", expected one of both and server.`);
  if (role === 'server' && !isQueueShared())
    throw new Error('ROLE=server leaves hooks to workers, which needs DATABASE_URL or REDIS_URL.');
  return role;
}

/**
 * The executor that keeps background hooks in a queue: in the Redis server that `REDIS_URL` names, else beside the sessions.
 *
 * @param besideSessions - the database of the sessions
 * @returns undefined if they are kept in memory
 */
export function createHookExecutor(besideSessions: BullmqStore): HookExecutor | undefined {
  if (!isDurable()) return undefined;
  const url = process.env['REDIS_URL'];
  const store: BullmqStore = url === undefined ? besideSessions : { connection: url };
  // Shorter than the defaults, so that the hooks of a process that was killed are soon run by another one.
  return bullmq({ ...store, lockDuration: 15_000, stalledInterval: 5_000 });
}

/** Describes where background hooks are kept, without the password of the server. */
export function describeHookQueue(): string {
  if (!isDurable()) return 'in memory, a crash loses them (EXECUTOR=in-process)';
  const url = process.env['REDIS_URL'];
  if (url === undefined) return 'in the same place, a crash loses none (REDIS_URL names a Redis server)';
  return `Redis server ${URL.canParse(url) ? new URL(url).host : 'of REDIS_URL'}`;
}
