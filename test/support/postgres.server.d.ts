/** A PostgreSQL server that the test may also restart. */
export interface OwnPostgresServer {
  readonly url: string;
  stop(): Promise<void>;
  /** Ends every connection, and takes new ones again when the callback has ended. */
  restart(meanwhile?: () => Promise<void>): Promise<void>;
}

/** Whether {@link startOwnPostgres} has something to start. */
export function isOwnPostgresInstalled(): boolean;

/** Starts the PostgreSQL server that is installed on this machine, on a free port, with a fresh folder. */
export function startOwnPostgres(): Promise<OwnPostgresServer>;
