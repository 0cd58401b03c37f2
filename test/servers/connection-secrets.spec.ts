import { readFile, writeFile } from 'node:fs/promises';
import { inspect } from 'node:util';

import { afterEach, describe, expect, it } from '@jest/globals';
import { Logger } from '@nestjs/common';
import { Redis } from 'ioredis';
import { bullmq, type BullmqOptions } from 'nestjs-agentos/bullmq';
import { Pool } from 'pg';

import { ExecutorStage } from '../../src/testing/contracts/executor.stage.js';
import { isOwnPostgresInstalled, startOwnPostgres } from '../support/postgres.server.js';
import { nextQueue, STARTING_TIME } from '../support/queue-places.js';
import { RecordingLogger } from '../support/recording-logger.js';
import { isRedisInstalled, startRedis } from '../support/redis.js';
import { describeWherePossible } from '../support/where-possible.js';

const SECRET = 'pass-Wort-4711';
/** Nothing listens there. */
const NOWHERE = '127.0.0.1:1';

const isCi = process.env['CI'] !== undefined;
const ends: (() => Promise<unknown>)[] = [];
const log = new RecordingLogger();
/** What a program writes to its console when it inspects an error. */
const shown: string[] = [];

afterEach(async () => {
  for (const end of ends.splice(0).reverse()) await end();
  expect(shown.join('\n')).not.toContain(SECRET);
  expect(inspect(log.entries, { depth: 10 })).not.toContain(SECRET);
  shown.length = 0;
});

/** The message of the error with which an executor does not start, or is not even made. */
async function refusal(options: object): Promise<string> {
  Logger.overrideLogger(log);
  try {
    const stage = new ExecutorStage(bullmq({ queue: nextQueue(), ...options } as BullmqOptions));
    ends.push(() => stage.executor.stop(AbortSignal.abort()));
    await stage.start();
  } catch (thrown) {
    shown.push(inspect(thrown, { depth: 10, showHidden: true }));
    return (thrown as Error).message;
  }
  throw new Error('The executor has started.');
}

describe('The password of a connection', () => {
  it.each<[string, object, RegExp]>([
    ['an unknown option', { connecton: `redis://:${SECRET}@host` }, /unknown option "connecton"/],
    [
      'the URL of a database',
      { pool: `postgres://user:${SECRET}@host/db` },
      /got "postgres:\/\/\*\*\*@host\/db"/,
    ],
    [
      'a password with an @',
      { pool: `postgres://user:${SECRET}@${SECRET}@host/db` },
      /got "postgres:\/\/\*\*\*@host/,
    ],
    [
      'options of a database',
      { pool: { password: SECRET } },
      /expected pool to be a Pool of "pg", got an object/,
    ],
    [
      'an invalid URL',
      { connection: `redis://:${SECRET}@host:99999` },
      /a URL such as .* got one that cannot be read/,
    ],
    [
      'an unreachable Redis',
      { connection: `redis://:${SECRET}@${NOWHERE}` },
      /Redis cannot be reached: .*ECONNREFUSED/,
    ],
    [
      'options of an unreachable Redis',
      { connection: { host: '127.0.0.1', port: 1, password: SECRET } },
      /ECONNREFUSED/,
    ],
  ])('is in no error and no log if the given value is %s', async (_what, options, message) => {
    expect(await refusal(options)).toMatch(message);
  });

  it('is in no error and no log if the given value is the Pool of an unreachable database', async () => {
    const pool = new Pool({ connectionString: `postgres://user:${SECRET}@${NOWHERE}/db` });
    ends.push(() => pool.end());
    expect(await refusal({ pool })).toMatch(/ECONNREFUSED/);
  });
});

describeWherePossible(isRedisInstalled() || isCi, 'A Redis with a password', 'install Redis', () => {
  it('that refuses a wrong password is reported without it, at the start and at run time', async () => {
    const server = await startRedis();
    ends.push(() => server.stop());
    const admin = new Redis(server.url);
    ends.push(() => Promise.resolve(admin.disconnect()));
    const { host, port } = new URL(server.url);
    await admin.config('SET', 'requirepass', 'right');
    expect(await refusal({ connection: `redis://:${SECRET}@${host}` })).toMatch(
      /cannot be reached: WRONGPASS/,
    );
    expect(await refusal({ connection: { port: Number(port), password: SECRET } })).toMatch(/WRONGPASS/);

    await admin.config('SET', 'requirepass', SECRET);
    const executor = bullmq({
      connection: `redis://:${SECRET}@${host}`,
      queue: nextQueue(),
      onUnavailable: 'fail',
      storeTimeout: 1_000,
    });
    const stage = new ExecutorStage(executor);
    await executor.start({ ...stage.host, logger: log });
    ends.push(() => executor.stop(AbortSignal.abort()));
    await admin.config('SET', 'requirepass', 'another');
    await admin.call('CLIENT', 'KILL', 'TYPE', 'normal', 'SKIPME', 'yes');
    const thrown: unknown = await executor
      .accept(stage.batch('run', { hook: stage.step('hook') }))
      ?.catch((error: unknown) => error);
    shown.push(inspect(thrown, { depth: 10, showHidden: true }));
    expect(thrown).toMatchObject({ code: 'hooks_not_stored' });
  });
});

describeWherePossible(
  isOwnPostgresInstalled() || isCi,
  'A PostgreSQL with a password',
  'install PostgreSQL',
  () => {
    it(
      'that refuses a wrong password is reported without it',
      async () => {
        const server = await startOwnPostgres();
        ends.push(() => server.stop());
        const admin = new Pool({ connectionString: server.url, max: 1 });
        await admin.query(`CREATE ROLE app LOGIN PASSWORD 'right'`);
        const { rows } = await admin.query<{ readonly hba_file: string }>('SHOW hba_file');
        const path = rows[0]?.hba_file ?? '';
        const rules = await readFile(path, 'utf8');
        await writeFile(path, `host all app 127.0.0.1/32 scram-sha-256\n${rules}`);
        await admin.query('SELECT pg_reload_conf()');
        await admin.end();
        const pool = new Pool({ connectionString: server.url.replace('agent_os', `app:${SECRET}`) });
        ends.push(() => pool.end());
        expect(await refusal({ pool })).toMatch(/password authentication failed for user "app"/);
      },
      STARTING_TIME,
    );
  },
);
