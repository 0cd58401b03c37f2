/**
 * A call of a session or evaluation store did not answer within `storeTimeout`, or before shutdown could wait no longer.
 * Where it comes up, it counts as an error of the store. The call itself may go on: its late result is ignored and logged.
 */
export class StoreTimeoutError extends Error {
  readonly code = 'store_timeout';
  readonly #late: Promise<unknown>;

  /**
   * @param call - which method of which store, such as `SessionStore.append`
   * @param waited - milliseconds
   * @param late - settles with the call, if that ever happens
   */
  constructor(
    readonly call: string,
    readonly waited: number,
    late: Promise<unknown>,
  ) {
    super(
      `${call}() did not answer within ${waited} ms. Look at what it waits for (a locked row, a full pool), ` +
        'give the statements of the store a time limit, or raise storeTimeout.',
    );
    this.name = new.target.name;
    this.#late = late;
  }

  /** What the call answers in the end; it may never settle. */
  get late(): Promise<unknown> {
    return this.#late;
  }
}
