import { describe, expect, it } from '@jest/globals';
import { AgentOsConfigurationError } from 'nestjs-agentos';

import { resolveBullmqOptions } from '../../../src/bullmq/bullmq.options.js';

const resolve = (options: object | undefined): ReturnType<typeof resolveBullmqOptions> =>
  resolveBullmqOptions(options as never);

describe('The options of bullmq()', () => {
  it('have the defaults that their documentation names', () => {
    expect(resolve({ folder: 'hooks' })).toEqual({
      store: { folder: 'hooks' },
      settings: {
        queue: 'agent-os-hooks',
        concurrency: 100,
        lockDuration: 30_000,
        stalledInterval: 30_000,
        maxTakeovers: 25,
        unknownAfter: 3_600_000,
        onUnavailable: 'in-process',
        storeTimeout: 5_000,
        maxStored: 100_000,
        maxRunSize: 67_108_864,
        remembered: 10_000,
        keepFailed: 604_800_000,
      },
    });
  });

  it('pass on the pool or client of the application', () => {
    const pool = { connect: () => undefined, totalCount: 0 };
    const connection = { host: 'localhost' };
    expect(resolve({ pool }).store.pool).toBe(pool);
    expect(resolve({ connection }).store.connection).toBe(connection);
  });

  it.each<[object | undefined, string]>([
    [undefined, 'expected an object of options, got undefined.'],
    [{}, 'expected one of folder, pool and connection, got none.'],
    [
      { folder: 'a', connection: 'redis://b' },
      'expected one of folder, pool and connection, got folder and connection.',
    ],
    [{ folder: 5 }, 'expected folder to be a path, or the result of openFolder(), got 5 (number).'],
    [{ pool: {} }, 'expected pool to be a Pool of "pg", got an object.'],
    [
      { connection: 6379 },
      'expected connection to be a URL, options or a client of "ioredis", got 6379 (number).',
    ],
    [
      { folder: 'a', maxTakeovers: 9 },
      'expected maxTakeovers to be a whole number from 10 on, got 9 (number).',
    ],
    [
      { folder: 'a', onUnavailable: 'wait' },
      'expected onUnavailable to be "in-process" or "fail", got "wait".',
    ],
    [
      { folder: 'a', queue: ' ' },
      'expected queue to be at most 40 letters, digits, ".", "_" and "-", with a letter or digit first, got " ".',
    ],
  ])('are refused with the value %j', (options, problem) => {
    expect(() => resolve(options)).toThrow(new AgentOsConfigurationError(`bullmq(): ${problem}`));
  });

  it('are refused with an unknown name', () => {
    expect(() => resolve({ folder: 'a', lock: 1 })).toThrow(
      'bullmq(): unknown option "lock". Known options: folder, pool, connection, queue, ',
    );
  });
});
