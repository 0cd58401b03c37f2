/** A hook took longer than its `timeout` allows. */
export class HookTimeoutError extends Error {
  readonly code = 'hook_timeout';

  constructor(
    readonly hook: string,
    readonly timeout: number,
  ) {
    super(
      `Hook "${hook}" did not finish within ${timeout} ms. Its signal was aborted; ` +
        'raise `timeout` in its decorator if it needs longer.',
    );
    this.name = new.target.name;
  }
}
