import { TestEnvironment } from 'jest-environment-node';

/** What Jest keeps in the global object for one spec, by the descriptions of its symbols. */
const OF_ONE_SPEC = new Set(['JEST_STATE_SYMBOL', 'EVENT_HANDLERS', '$$jest-matchers-object']);

/** The environment of this worker, once its first spec has started. */
let kept;

/**
 * One environment for all specs of a worker, where Jest makes one for each spec. So modules that `worker.runtime.js` keeps
 * and the modules of each spec have the same global object and the same built-in classes.
 *
 * A spec that needs an environment for itself begins with the comment `@jest-environment node`.
 * One that counts fake timers does: code that an earlier spec has left behind would set some of them.
 */
export default class WorkerEnvironment extends TestEnvironment {
  /** Tells `worker.runtime.js` that modules can be kept. */
  keepsModules = true;
  #variables;
  #exit;

  constructor(config, context) {
    if (kept !== undefined) return kept;
    super(config, context);
    const { process } = this.global;
    this.#variables = { ...process.env };
    this.#exit = process.exit;
    keep(this);
  }

  /** Takes back what the spec and Jest have changed, and keeps the environment. */
  async teardown() {
    this.fakeTimersModern.useRealTimers();
    const { process } = this.global;
    for (const name of Object.keys(process.env)) if (!(name in this.#variables)) delete process.env[name];
    Object.assign(process.env, this.#variables);
    process.exit = this.#exit;
    for (const key of Object.getOwnPropertySymbols(this.global))
      if (OF_ONE_SPEC.has(key.description)) Reflect.deleteProperty(this.global, key);
  }
}

function keep(environment) {
  kept = environment;
}
