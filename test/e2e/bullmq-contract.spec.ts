import { afterAll, beforeAll, describe } from '@jest/globals';
import type { PGlite } from '@electric-sql/pglite';
import { drizzle } from 'drizzle-orm/pglite';
import { Redis } from 'ioredis';
import { bullmq } from 'nestjs-agentos/bullmq';
import { hookExecutorContract } from 'nestjs-agentos/testing';
import { Pool } from 'pg';

import { describeContract } from '../support/contracts.js';
import { createPglite } from '../support/pglite.js';
import { isPostgresInstalled, startPostgres, type PostgresServer } from '../support/postgres.js';
import { isRedisInstalled, startRedis, type RedisServer } from '../support/redis.js';
import { describeWherePossible } from '../support/where-possible.js';

const SLOW = 120_000;

/** Each case begins with an empty queue. */
let queues = 0;
const nextQueue = (): string => `contract-${process.pid}-${queues++}`;

const isCi = process.env['CI'] !== undefined;

describe('A folder', () => {
  let pglite: PGlite;

  beforeAll(async () => {
    pglite = await createPglite();
  }, SLOW);
  afterAll(() => pglite.close());

  describeContract(
    'An executor on BullMQ',
    hookExecutorContract(
      ({ concurrency }) => {
        const folder = { database: drizzle({ client: pglite }), close: () => Promise.resolve() };
        return bullmq({ folder, queue: nextQueue(), concurrency });
      },
      { isDurable: true },
    ),
  );
});

describeWherePossible(isPostgresInstalled() || isCi, 'PostgreSQL', 'install PostgreSQL', () => {
  let server: PostgresServer;
  let pool: Pool;

  beforeAll(async () => {
    server = await startPostgres();
    pool = new Pool({ connectionString: server.url });
  }, SLOW);
  afterAll(async () => {
    await pool.end();
    await server.stop();
  });

  describeContract(
    'An executor on BullMQ',
    hookExecutorContract(({ concurrency }) => bullmq({ pool, queue: nextQueue(), concurrency }), {
      isDurable: true,
    }),
  );
});

describeWherePossible(isRedisInstalled() || isCi, 'Redis', 'install Redis', () => {
  let server: RedisServer;
  let client: Redis;

  beforeAll(async () => {
    server = await startRedis();
    client = new Redis(server.url, { maxRetriesPerRequest: null });
  }, SLOW);
  afterAll(async () => {
    client.disconnect();
    await server.stop();
  });

  describeContract(
    'An executor on BullMQ',
    hookExecutorContract(
      ({ concurrency }) => bullmq({ connection: client, queue: nextQueue(), concurrency }),
      {
        isDurable: true,
      },
    ),
  );
});
