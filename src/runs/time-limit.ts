/** Milliseconds that a run may take, unless its component or the module says otherwise. */
export const RUN_TIMEOUT = 600_000;

/** The time by which a run must have ended. */
export interface TimeLimit {
  /** In the time of `performance.now()`. */
  readonly endsAt: number;
  /** Milliseconds; Infinity for no limit. */
  readonly timeout: number;
}

/** Whether a value can be the time limit of runs. */
export function isRunTimeout(value: unknown): boolean {
  return value === Infinity || (typeof value === 'number' && value > 0 && value < 2 ** 31);
}
