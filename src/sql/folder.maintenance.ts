import type { PGlite } from '@electric-sql/pglite';

import { AgentOsLogger } from '../errors/agent-os.logger.js';
import { reasonOf } from '../errors/log.text.js';
import { checkSpaceOf } from './free-space.js';

/** Milliseconds between two looks at the tables. Often, since a statement blocks the process for as long as it takes. */
const INTERVAL = 10_000;

/** The tables that a server would maintain, by its own settings; those with the oldest transactions first. */
const DUE = `
SELECT format('%I.%I', stats.schemaname, stats.relname) AS name
  FROM pg_stat_all_tables stats JOIN pg_class class ON class.oid = stats.relid
 WHERE class.relkind = 'r' AND class.relpersistence = 'p'
   AND (stats.n_dead_tup > current_setting('autovacuum_vacuum_threshold')::float8
          + current_setting('autovacuum_vacuum_scale_factor')::float8 * greatest(class.reltuples, 0)
     OR stats.n_mod_since_analyze > current_setting('autovacuum_analyze_threshold')::float8
          + current_setting('autovacuum_analyze_scale_factor')::float8 * greatest(class.reltuples, 0)
     OR age(class.relfrozenxid) > current_setting('autovacuum_freeze_max_age')::int)
 ORDER BY age(class.relfrozenxid) DESC, name`;

/** Bytes of the write-ahead log after which it is written into the tables: its files are used again only then. */
const LOG_SIZE = 64 * 1_048_576;

const WRITTEN =
  'SELECT (pg_current_wal_insert_lsn() - redo_lsn)::float8 AS bytes FROM pg_control_checkpoint()';

/**
 * Maintains PostgreSQL inside the process, as a server does in processes of its own: it removes rows that were changed or
 * deleted, so that their space is used again, counts rows for the planner, and keeps the write-ahead log short. Table by table,
 * since each statement keeps others waiting.
 */
export class FolderMaintenance {
  readonly #client: PGlite;
  readonly #logger = new AgentOsLogger();
  readonly #timer: NodeJS.Timeout;
  #working: Promise<void> | undefined;
  #isStopped = false;
  #lastFailure = '';

  constructor(client: PGlite) {
    this.#client = client;
    this.#timer = setInterval(() => void this.run(), INTERVAL).unref();
  }

  /**
   * Maintains the tables that need it. A failure with one of them does not keep the others from it, and is logged. Work that
   * is going on already is not begun a second time.
   */
  run(): Promise<void> {
    this.#working ??= this.#work().finally(() => (this.#working = undefined));
    return this.#working;
  }

  /** Resolves when nothing is at work any longer. */
  async stop(): Promise<void> {
    this.#isStopped = true;
    clearInterval(this.#timer);
    await this.#working;
  }

  async #work(): Promise<void> {
    // The application may have closed it without its folder.
    if (this.#client.closed) return clearInterval(this.#timer);
    let failure = '';
    try {
      // Removing rows writes to the log of the database first.
      await checkSpaceOf(this.#client);
      const { rows } = await this.#client.query<{ readonly name: string }>(DUE);
      for (const { name } of rows) {
        if (this.#isStopped) return;
        try {
          await this.#client.exec(`VACUUM (ANALYZE) ${name}`);
        } catch (thrown) {
          failure ||= `${name}: ${reasonOf(thrown)}`;
        }
      }
      await this.#shortenLog();
    } catch (thrown) {
      failure ||= reasonOf(thrown);
    }
    this.#logFailure(failure);
  }

  async #shortenLog(): Promise<void> {
    const { rows } = await this.#client.query<{ readonly bytes: number }>(WRITTEN);
    if (!this.#isStopped && (rows[0]?.bytes ?? 0) > LOG_SIZE) await this.#client.exec('CHECKPOINT');
  }

  /**
   * The same failure is logged once, until all work has succeeded.
   *
   * @param reason - empty if it has
   */
  #logFailure(reason: string): void {
    if (reason === this.#lastFailure) return;
    this.#lastFailure = reason;
    if (reason !== '')
      this.#logger.warn(
        `The database of the folder could not be maintained, so its files may grow: ${reason}`,
      );
  }
}
