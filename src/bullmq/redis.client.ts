import type { Redis, RedisOptions } from 'ioredis';

/** The class of clients that end whenever `disconnect()` is called, and with them their commands and timers. */
export interface RedisClientClass {
  new (options: RedisOptions): Redis;
  new (url: string, options: RedisOptions): Redis;
}

/**
 * While a client of `ioredis` waits for its next attempt to connect, its own `disconnect()` neither ends it nor rejects the
 * commands that wait, and leaves a timer behind: a worker could not be closed while the server is away.
 *
 * @param Client - the class of the package, which is an optional peer
 */
export function redisClientClass(Client: typeof Redis): RedisClientClass {
  const RedisClient: RedisClientClass = class extends Client {
    override disconnect(reconnect = false): void {
      if (this.status === 'end') return;
      // In this state it ends at once.
      if (!reconnect && this.status === 'reconnecting') this.status = 'wait';
      super.disconnect(reconnect);
    }

    /** BullMQ blocks one connection of each worker, a duplicate of the one that it was given. */
    override duplicate(options?: Partial<RedisOptions>): Redis {
      return new RedisClient({ ...this.options, ...options });
    }
  };
  return RedisClient;
}
