/** The hooks of each run, in their order. */
export const HOOKS = ['first', 'second', 'third'];
/** Milliseconds. Short, so that much happens in little time. */
export const LOCK_DURATION = 4_000;

/** `faults`: how many times a process or the store is disturbed; `starts`: how often the process of a folder is started. */
export const PLAN = { seconds: 90, faults: 24, clients: 12, starts: 50, defaultPass: ['redis', 'postgres'] };
/** At most three minutes on two cores, the build included. */
export const SHORT_PLAN = { seconds: 15, faults: 6, clients: 8, starts: 4, defaultPass: ['redis'] };
