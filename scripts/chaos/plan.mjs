/** The hooks of each run, in their order. */
export const HOOKS = ['first', 'second', 'third'];
/** Milliseconds. Short, so that much happens in little time. */
export const LOCK_DURATION = 4_000;

/** What is done to a server, its two workers and their store: each of them in every round, in an order of chance. */
export const FAULTS = [
  'server: kill -9',
  'worker: kill -9',
  'SIGSTOP longer than the lock',
  'SIGTERM',
  'store: restart',
  'store: connections cut',
];

/**
 * `seconds`: of load in a pass, besides the time that the faults take; `rounds` of faults; `starts`: how often the process of a
 * folder is started and killed; `beside`: the number of passes at the same time.
 */
export const PLAN = {
  ...{ seconds: 90, rounds: 4, clients: 12, starts: 50, beside: 1 },
  passes: ['redis, fail', 'redis, default', 'postgres, fail', 'postgres, default', 'folder'],
};
/** At most three minutes on two cores. */
export const SHORT_PLAN = {
  ...{ seconds: 8, rounds: 1, clients: 3, starts: 4, beside: 2 },
  passes: ['redis, fail', 'folder', 'postgres, fail', 'redis, default'],
};
