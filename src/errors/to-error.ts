/** Makes an `Error` of whatever was thrown, keeping the thrown value as `cause`. */
export function toError(thrown: unknown): Error {
  if (thrown instanceof Error) return thrown;
  if (isErrorLike(thrown))
    return Object.assign(new Error(thrown.message, { cause: thrown }), { name: thrown.name });
  return new Error(`A value that is not an Error was thrown: ${describe(thrown)}`, { cause: thrown });
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
