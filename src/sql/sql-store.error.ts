import { reasonOf } from '../errors/log.text.js';

/**
 * A statement that the database refused or never answered. Unlike the driver's errors its message holds neither the
 * statement nor its parameters, which contain users' questions and answers.
 */
export class SqlStoreError extends Error {
  /**
   * @param message - the reason, in the words of the database or of the connection
   * @param cause - the error of the driver
   * @param code - the SQLSTATE of the database, or the code of the connection's error, such as `ECONNREFUSED`
   */
  constructor(
    message: string,
    cause: unknown,
    readonly code?: string,
  ) {
    super(message, { cause });
    this.name = new.target.name;
  }

  /** Converts an error of drizzle or a driver. */
  static of(thrown: unknown): SqlStoreError {
    if (thrown instanceof SqlStoreError) return thrown;
    const cause = driverErrorOf(thrown);
    return new SqlStoreError(reasonOf(cause), cause, codeOf(cause));
  }
}

/** Drizzle wraps errors of drivers, with the statement and all its parameters in the message. */
function driverErrorOf(thrown: unknown): unknown {
  if (thrown instanceof Error && 'query' in thrown && 'params' in thrown) return thrown.cause ?? thrown;
  return thrown;
}

function codeOf(cause: unknown): string | undefined {
  if (typeof cause !== 'object' || cause === null || !('code' in cause)) return undefined;
  return typeof cause.code === 'string' ? cause.code : undefined;
}
