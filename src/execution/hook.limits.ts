/** At most `max` starts within `per` milliseconds. */
export interface HookRate {
  /** The number of starts, at least 1; a further attempt is a start, too. */
  readonly max: number;
  /** Milliseconds. Any period of this length has at most `max` starts. */
  readonly per: number;
}

/** The limits of a background hook. They hold for all components that the hook is attached to. */
export interface HookLimits {
  /** The name of the hook in every process: `SupportHooks.notify`, or `function count`. */
  readonly hook: string;
  /** Executions that run at one time, the time between their attempts included. */
  readonly concurrency?: number;
  readonly rate?: HookRate;
}
