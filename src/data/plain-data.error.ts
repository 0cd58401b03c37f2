/**
 * Run data holds a value that cannot be copied, so a background hook cannot be given a copy of its own.
 * Run data is plain data: JSON values, `Date`, `Map`, `Set`, `Buffer` and typed arrays. Services come by
 * injection, not through the run.
 */
export class PlainDataError extends TypeError {
  readonly code = 'not_plain_data';

  /**
   * @param path - the path of the value, such as `runContext.metadata.client`
   * @param found - the kind of the value, such as `a function`
   * @param cause - the error that was thrown when it was read
   */
  constructor(
    readonly path: string,
    readonly found: string,
    cause?: unknown,
  ) {
    super(
      `Expected ${path} to be plain data (JSON values, Date, Map, Set, Buffer or typed arrays), got ${found}. ` +
        'Remove it from the run; inject services into the hook provider instead.',
      cause === undefined ? undefined : { cause },
    );
    this.name = new.target.name;
  }
}
