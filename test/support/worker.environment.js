import { AsyncLocalStorage } from 'node:async_hooks';
import { setFlagsFromString } from 'node:v8';
import { createContext, runInNewContext } from 'node:vm';

import { ModernFakeTimers } from '@jest/fake-timers';
import { ModuleMocker } from 'jest-mock';

/** What Jest keeps in the global object for one spec, by the descriptions of its symbols. */
const OF_ONE_SPEC = new Set(['JEST_STATE_SYMBOL', 'EVENT_HANDLERS']);

/** Bytes of heap in use from which garbage is collected between two specs: Jest ends a worker that has a gigabyte. */
const MUCH_MEMORY = 600_000_000;

setFlagsFromString('--expose-gc');
const collectGarbage = runInNewContext('gc');

/**
 * The storages that were used since the last spec. Jest makes one for each spec. On Node 20 each of them makes every promise of the
 * worker more expensive until it is disabled: that took a fifth of the processor time of specs. A storage that is used again
 * is enabled again.
 */
const usedStorages = new Set();
const { run } = AsyncLocalStorage.prototype;
AsyncLocalStorage.prototype.run = function (...call) {
  usedStorages.add(this);
  return run.apply(this, call);
};

/** The environment of this worker, once its first spec has started. */
let kept;

/**
 * One environment for all specs of a worker, and it is the worker's own global object. Jest makes a new one for each spec
 * otherwise, in a context of `node:vm`, where each use of a global such as `Promise` takes a detour through a proxy: that took
 * a fifth of the processor time of specs. So modules that `worker.runtime.js` keeps, the modules of each spec and those of Node
 * have the same global object and the same built-in classes, as in a program.
 *
 * A spec that needs an environment for itself begins with the comment `@jest-environment node`.
 * One that counts fake timers does: code that an earlier spec has left behind would set some of them.
 */
export default class WorkerEnvironment {
  /** Tells `worker.runtime.js` that modules can be kept, and to load them without a context. */
  keepsModules = true;
  global = globalThis;
  moduleMocker = new ModuleMocker(globalThis);
  fakeTimersModern;
  /** For nothing but the errors of syntax that Jest makes of a module. */
  #context = createContext({});
  #variables = { ...process.env };
  #console = console;
  #exit = process.exit;

  constructor({ projectConfig }) {
    if (kept !== undefined) return kept;
    this.fakeTimersModern = new ModernFakeTimers({ config: projectConfig, global: globalThis });
    keep(this);
  }

  /** Jest has set ten times this number, Node's default, and each error would pay for it. */
  async setup() {
    Error.stackTraceLimit = 10;
  }

  /** Takes back what the spec and Jest have changed, and keeps the environment. */
  async teardown() {
    this.fakeTimersModern.useRealTimers();
    for (const name of Object.keys(process.env)) if (!(name in this.#variables)) delete process.env[name];
    Object.assign(process.env, this.#variables);
    process.exit = this.#exit;
    globalThis.console = this.#console;
    for (const key of Object.getOwnPropertySymbols(globalThis))
      if (OF_ONE_SPEC.has(key.description)) Reflect.deleteProperty(globalThis, key);
    for (const storage of usedStorages) storage.disable();
    usedStorages.clear();
    if (process.memoryUsage().heapUsed > MUCH_MEMORY) collectGarbage();
  }

  exportConditions() {
    return ['node', 'node-addons'];
  }

  getVmContext() {
    return this.#context;
  }
}

function keep(environment) {
  kept = environment;
}
