/**
 * A call of a session or evaluation store did not settle within `storeTimeout` or before the shutdown deadline. It
 * counts as an error of the store. The call itself may continue: its late result is ignored and logged.
 */
export class StoreTimeoutError extends Error {
  readonly code = 'store_timeout';
  readonly #late: Promise<unknown>;

  /**
   * @param call - store and method, such as `SessionStore.append`
   * @param waited - milliseconds
   * @param late - settles with the call, if that ever happens
   */
  constructor(
    readonly call: string,
    readonly waited: number,
    late: Promise<unknown>,
  ) {
    super(
      `${call}() did not answer within ${waited} ms. Check for a locked row or a full connection pool, ` +
        'give the statements of the store a time limit, or raise storeTimeout.',
    );
    this.name = new.target.name;
    this.#late = late;
  }

  /** The late result of the call; it may never settle. */
  get late(): Promise<unknown> {
    return this.#late;
  }
}
