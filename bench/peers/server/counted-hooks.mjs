import { readContent } from '../../server/hooks.mjs';

const SLEEP_MILLISECONDS = 50;

/** What held hooks wait for. All wait for the same: a promise that nobody knows would be garbage, and its hooks with it. */
const gate = new Promise(() => undefined);

let ended = 0;

/** The kinds of hooks: one that reads the answer, one that waits as for a service, one that does not end. */
const KINDS = {
  read: readContent,
  sleep: () => new Promise((resolve) => setTimeout(resolve, SLEEP_MILLISECONDS)),
  held: () => gate,
};

/** A hook of this kind that is counted when it ends. */
export function countedHook(kind) {
  const run = KINDS[kind];
  return async (hookArguments) => {
    await run(hookArguments);
    ended += 1;
  };
}

export function endedHooks() {
  return ended;
}
