import { z } from 'zod';

import { AgentOsConfigurationError } from '../errors/agent-os-configuration.error.js';
import type { SqlFolder } from '../sql/sql.folder.js';
import type { PoolLike } from './queue.database.js';

/** Where {@link bullmq} keeps hooks: exactly one of the three. */
export type BullmqStore =
  | {
      /**
       * A folder of this application, with PostgreSQL in this process (PGlite): its path, or what `openFolder()` of
       * `nestjs-agentos/sql` has opened, to keep sessions and hooks in one folder. One process at a time.
       */
      readonly folder: string | SqlFolder;
      readonly pool?: undefined;
      readonly connection?: undefined;
    }
  | {
      /**
       * A `Pool` of `pg`, which the application closes. It needs a connection for each queue besides those that it is
       * used for, and sessions: no pooler in transaction mode.
       */
      readonly pool: PoolLike;
      readonly folder?: undefined;
      readonly connection?: undefined;
    }
  | {
      /**
       * Redis: a URL such as `redis://localhost:6379`, options of `ioredis`, or a client of `ioredis`, which the application
       * closes.
       */
      readonly connection: string | object;
      readonly folder?: undefined;
      readonly pool?: undefined;
    };

/** The options of {@link bullmq}. */
export type BullmqOptions = BullmqStore & BullmqSettings;

/** The settings of {@link bullmq} for every store. */
export interface BullmqSettings {
  /** The name of the queue; applications with names of their own can share a store. Default `agent-os-hooks`. */
  readonly queue?: string;
  /** The number of hooks that this process runs at once. Default 100. */
  readonly concurrency?: number;
  /** Milliseconds after which another worker takes over a hook whose process does not answer. Default 30,000. */
  readonly lockDuration?: number;
  /** Milliseconds between looks for such hooks. Default as `lockDuration`. */
  readonly stalledInterval?: number;
  /** How often a hook is taken over before it is failed. Default 25. */
  readonly maxTakeovers?: number;
  /** Milliseconds that workers which do not know a hook leave it to others; then it is failed. Default 3,600,000. */
  readonly unknownAfter?: number;
  /**
   * What happens to the hooks of a run while the store cannot be reached. `'in-process'`: they run in this process,
   * from memory, and are counted as volatile. `'fail'`: the run fails. Default `'in-process'`.
   */
  readonly onUnavailable?: 'in-process' | 'fail';
  /** Milliseconds that the store may take to store a batch. Default 5,000. */
  readonly storeTimeout?: number;
  /** The maximum size of a run with its files, in characters. Hooks of a larger run fail. Default 67,108,864. */
  readonly maxRunSize?: number;
  /** The number of ended executions that the ledger remembers. Default 10,000. */
  readonly remembered?: number;
  /** Milliseconds that the data of a run with failed hooks is kept. Default 604,800,000 (7 days). */
  readonly keepFailed?: number;
}

const milliseconds = z
  .number()
  .min(1)
  .max(2 ** 31 - 1);
const count = z.number().int().min(1);

const settings = z.strictObject({
  queue: z
    .string()
    .regex(/^[A-Za-z0-9][A-Za-z0-9._-]*$/, 'expected letters, digits, ".", "_" and "-"')
    .max(40)
    .default('agent-os-hooks'),
  concurrency: count.default(100),
  lockDuration: milliseconds.default(30_000),
  stalledInterval: milliseconds.optional(),
  maxTakeovers: z.number().int().min(10).default(25),
  unknownAfter: milliseconds.default(3_600_000),
  onUnavailable: z.enum(['in-process', 'fail']).default('in-process'),
  storeTimeout: milliseconds.default(5_000),
  maxRunSize: count.default(64 * 1_048_576),
  remembered: count.default(10_000),
  keepFailed: z
    .number()
    .min(1)
    .default(7 * 86_400_000),
});

/** The settings with their defaults. */
export type ResolvedBullmqSettings = z.output<typeof settings> & { readonly stalledInterval: number };

const STORES = ['folder', 'pool', 'connection'] as const;

/**
 * Checks the options.
 *
 * @throws AgentOsConfigurationError that names the option
 */
export function resolveBullmqOptions(options: BullmqOptions): {
  readonly store: BullmqStore;
  readonly settings: ResolvedBullmqSettings;
} {
  const { folder, pool, connection, ...rest } = options;
  const given = STORES.filter((name) => options[name] !== undefined);
  if (given.length !== 1)
    throw wrong(
      `expected one of folder, pool and connection, got ${given.length === 0 ? 'none' : given.join(' and ')}`,
    );
  if (folder !== undefined && typeof folder !== 'string' && !('database' in folder))
    throw wrong('expected folder to be a path, or what openFolder() has opened');
  if (pool !== undefined && (typeof pool.connect !== 'function' || !('totalCount' in pool)))
    throw wrong('expected pool to be a Pool of "pg"');
  if (
    connection !== undefined &&
    typeof connection !== 'string' &&
    (typeof connection !== 'object' || connection === null)
  )
    throw wrong('expected connection to be a URL, options or a client of "ioredis"');
  const checked = settings.safeParse(rest);
  if (!checked.success) {
    const [issue] = checked.error.issues;
    const name = issue?.path.join('.') ?? '';
    throw wrong(name === '' ? (issue?.message ?? 'wrong options') : `${name}: ${issue?.message}`);
  }
  const { lockDuration, stalledInterval = lockDuration } = checked.data;
  return { store: options, settings: { ...checked.data, stalledInterval } };
}

function wrong(problem: string): AgentOsConfigurationError {
  return new AgentOsConfigurationError(`bullmq(): ${problem}.`);
}
