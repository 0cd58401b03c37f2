import type { LoggerService } from '@nestjs/common';
import type { Redis, RedisOptions } from 'ioredis';

import { AgentOsConfigurationError } from '../errors/agent-os-configuration.error.js';
import { reasonOf } from '../errors/log.text.js';
import { importNeeded } from '../peers/optional-peer.js';
import { KEPT_JOBS, WORKER_DEFAULTS, type Bullmq, type QueueConnection } from './queue.connection.js';
import { createQueueWorker } from './queue.worker.js';
import { redisClientClass, type RedisClientClass } from './redis.client.js';
import { RedisQueueStore } from './redis-queue.store.js';

/**
 * Opens a queue in Redis.
 *
 * @param given - a URL, options or a client of `ioredis`, which the application closes
 * @throws Error if the server cannot be reached
 */
export async function openRedisQueue(
  bullmq: Bullmq,
  given: string | object,
  queue: string,
  logger: Pick<LoggerService, 'warn'>,
): Promise<QueueConnection> {
  const ioredis = await importNeeded(
    { name: 'ioredis', load: () => import('ioredis') },
    'bullmq({ connection })',
  );
  // Commands fail while the server is away, rather than wait: a run does not wait for its hooks to be stored.
  const commands = { maxRetriesPerRequest: null, enableOfflineQueue: false, lazyConnect: true } as const;
  // A blocked command of a worker waits until the server is back.
  const blocking = { maxRetriesPerRequest: null, enableOfflineQueue: true, lazyConnect: false } as const;
  const isGiven = typeof given !== 'string' && isClient(given);
  const RedisClient = redisClientClass(ioredis.Redis);
  const client = isGiven ? given : create(RedisClient, given, commands);
  const workers: Redis[] = [];
  const onError = (error: Error): void => void error;
  client.on('error', onError);
  if (client.status === 'wait') await connect(client);
  const close = async (): Promise<void> => {
    for (const worker of workers) worker.disconnect();
    client.off('error', onError);
    if (!isGiven) client.disconnect();
    await Promise.resolve();
  };
  const store = new RedisQueueStore(client, queue, close);
  for (const warning of await store.open()) logger.warn(warning);
  const { FlowProducer, Queue, createRedisBackend } = bullmq;
  return {
    store,
    isOfOneProcess: false,
    createProducer: (onProducerError) =>
      Promise.resolve(new FlowProducer({ connection: client }).on('error', onProducerError)),
    createPromoter: (onPromoterError) =>
      new Queue(queue, { connection: client, skipMetasUpdate: true }).on('error', onPromoterError),
    createWorker: (name, process, settings) => {
      const connection = new RedisClient({ ...client.options, ...blocking });
      connection.on('error', onError);
      workers.push(connection);
      const options = { ...WORKER_DEFAULTS, ...settings, removeOnComplete: KEPT_JOBS, connection };
      return createQueueWorker(bullmq, { queue: name, process, options, backend: createRedisBackend });
    },
  };
}

function create(Client: RedisClientClass, given: string | object, options: RedisOptions): Redis {
  if (typeof given === 'string') return new Client(checkUrl(given), options);
  return new Client({ ...given, ...options });
}

/** The error of an invalid URL holds all of it, with its password. */
function checkUrl(url: string): string {
  // `ioredis` also takes a port, the path of a socket, and an address without a protocol.
  const isUrl = url.includes('://');
  if (!isUrl || URL.canParse(url)) return url;
  throw new AgentOsConfigurationError(
    'bullmq(): expected connection to be a URL such as redis://localhost:6379, got one that cannot be read. Special characters ' +
      'of a password need encodeURIComponent().',
  );
}

/** Of the application's installation, which may be another one: not `instanceof`. */
function isClient(given: object): given is Redis {
  return 'duplicate' in given && typeof given.duplicate === 'function';
}

/**
 * Connecting fails at the first error: a start that waits for a missing server would not tell the reason. The errors of `ioredis`
 * hold the command that was refused, and with it the password.
 */
async function connect(client: Redis): Promise<void> {
  let reason: string | undefined;
  const onError = (error: Error): void => void (reason ??= reasonOf(error));
  client.on('error', onError);
  const failure = await client.connect().then(
    () => undefined,
    (thrown: unknown) => reason ?? reasonOf(thrown),
  );
  client.off('error', onError);
  if (failure === undefined) return;
  client.disconnect();
  throw new Error(`bullmq({ connection }): Redis cannot be reached: ${failure}`);
}
