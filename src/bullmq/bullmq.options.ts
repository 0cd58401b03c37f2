import { z } from 'zod';

import { isRecord } from '../data/is-record.js';
import { AgentOsConfigurationError } from '../errors/agent-os-configuration.error.js';
import { checkOptions } from '../options/check.options.js';
import { milliseconds, oneOf, optionsOf, valueOf, wholeNumber } from '../options/option.schemas.js';
import type { SqlFolder } from '../sql/sql.folder.js';
import type { PayloadCodec } from './payload.codec.js';
import type { PoolLike } from './queue.database.js';

/** Where {@link bullmq} keeps hooks: exactly one of the three. */
export type BullmqStore =
  | {
      /**
       * A folder of this application, with PostgreSQL in this process (PGlite): its path, or the result of `openFolder()` of
       * `nestjs-agentos/sql`, to keep sessions and hooks in one folder. One process at a time.
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
  /**
   * Milliseconds after which another worker takes over a hook whose process does not answer. In a folder, which no other process
   * uses, at least ten minutes; the next start takes over at once. Default 30,000.
   */
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
  /**
   * The number of batches in the store, one for each run with hooks, above which the hooks of a run are run right there,
   * before its result is returned. Each process counts them about once a second. Default 100,000.
   */
  readonly maxStored?: number;
  /** The maximum size of a run with its files, in characters. Hooks of a larger run fail. Default 67,108,864. */
  readonly maxRunSize?: number;
  /**
   * The number of ended executions that the ledger remembers, and besides as many that have failed or timed out, so that others
   * do not displace them. A failure that is not remembered cannot be retried. Default 10,000.
   */
  readonly remembered?: number;
  /** Milliseconds that the data of a run with failed hooks is kept. Default 604,800,000 (7 days). */
  readonly keepFailed?: number;
  /** Encrypts the stored data of a run, its files and the captured context of `carry`. Default: none. */
  readonly codec?: PayloadCodec;
}

/** Both parts of the options, without the rule that there is one store. */
type AnyOptions = BullmqSettings & {
  readonly folder?: string | SqlFolder;
  readonly pool?: PoolLike;
  readonly connection?: string | object;
};

const OPTIONS = optionsOf<AnyOptions>()({
  folder: valueOf<string | SqlFolder>('a path, or the result of openFolder()', isFolder).optional(),
  pool: valueOf<PoolLike>('a Pool of "pg"', isPool).optional(),
  connection: valueOf<string | object>('a URL, options or a client of "ioredis"', isConnection).optional(),
  queue: valueOf<string>(
    'at most 40 letters, digits, ".", "_" and "-", with a letter or digit first',
    (value) => typeof value === 'string' && /^[A-Za-z0-9][A-Za-z0-9._-]{0,39}$/.test(value),
  ).default('agent-os-hooks'),
  concurrency: wholeNumber(1).default(100),
  lockDuration: milliseconds(1).default(30_000),
  stalledInterval: milliseconds(1).optional(),
  maxTakeovers: wholeNumber(10).default(25),
  unknownAfter: milliseconds(1).default(3_600_000),
  onUnavailable: oneOf('in-process', 'fail').default('in-process'),
  storeTimeout: milliseconds(1).default(5_000),
  maxStored: wholeNumber(1).default(100_000),
  maxRunSize: wholeNumber(1).default(64 * 1_048_576),
  remembered: wholeNumber(1).default(10_000),
  keepFailed: z
    .number()
    .min(1)
    .describe('a number of milliseconds from 1 on')
    .default(7 * 86_400_000),
  codec: valueOf<PayloadCodec>('an object with the functions encode and decode', isCodec).optional(),
});

const STORES = ['folder', 'pool', 'connection'] as const;

/** The settings with their defaults. */
export type ResolvedBullmqSettings = Omit<z.output<typeof OPTIONS>, (typeof STORES)[number]> & {
  readonly stalledInterval: number;
};

/**
 * Checks the options.
 *
 * @throws AgentOsConfigurationError that names the option
 */
export function resolveBullmqOptions(options: BullmqOptions): {
  readonly store: BullmqStore;
  readonly settings: ResolvedBullmqSettings;
} {
  const { folder, pool, connection, ...settings } = checkOptions('bullmq()', OPTIONS, options);
  const given = STORES.filter((name) => options[name] !== undefined);
  if (given.length !== 1)
    throw new AgentOsConfigurationError(
      `bullmq(): expected one of folder, pool and connection, got ${given.length === 0 ? 'none' : given.join(' and ')}.`,
    );
  const { lockDuration, stalledInterval = lockDuration } = settings;
  return { store: { folder, pool, connection } as BullmqStore, settings: { ...settings, stalledInterval } };
}

function isFolder(value: unknown): boolean {
  return typeof value === 'string' || (isRecord(value) && 'database' in value);
}

function isPool(value: unknown): boolean {
  return isRecord(value) && typeof value['connect'] === 'function' && 'totalCount' in value;
}

function isCodec(value: unknown): boolean {
  return isRecord(value) && typeof value['encode'] === 'function' && typeof value['decode'] === 'function';
}

function isConnection(value: unknown): boolean {
  return typeof value === 'string' || isRecord(value);
}
