/** Makes an `Error` of any thrown value, which it keeps as `cause`. */
export function toError(thrown: unknown): Error {
  const value = toReadable(thrown);
  if (value instanceof Error) return value;
  if (isErrorLike(value))
    return Object.assign(new Error(value.message, { cause: value }), { name: value.name });
  return new Error(`A value that is not an Error was thrown: ${describe(value)}`, { cause: value });
}

/**
 * The thrown value, or an error in its place if reading it throws (a revoked proxy, a getter that fails): such a value
 * must not break the code that reports it.
 */
export function toReadable(thrown: unknown): unknown {
  try {
    lookAt(thrown);
    return thrown;
  } catch {
    return new Error('A value that cannot be read was thrown.');
  }
}

/** Reads all properties that reports read. */
function lookAt(thrown: unknown): string {
  if (thrown instanceof Error) return `${thrown.constructor.name}: ${thrown.message}`;
  return isErrorLike(thrown) ? thrown.message : describe(thrown);
}

/** Errors of another realm (worker, VM context) fail `instanceof`. */
function isErrorLike(thrown: unknown): thrown is Error {
  if (typeof thrown !== 'object' || thrown === null) return false;
  const { message, name } = thrown as Partial<Error>;
  return typeof message === 'string' && typeof name === 'string';
}

function describe(value: unknown): string {
  if (typeof value === 'string') return JSON.stringify(value);
  if (typeof value === 'object' && value !== null) return Object.prototype.toString.call(value);
  return String(value);
}
