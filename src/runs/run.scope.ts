import { AsyncLocalStorage } from 'node:async_hooks';

import type { HookBatch } from '../execution/hook.executor.js';
import type { ActiveRun } from './active-run.js';
import type { ResponseLifecycle } from './response.lifecycle.js';
import type { RunEnvironment } from './run.environment.js';
import type { RunOrigin } from './run.origin.js';

/** What is known about the code that is running now. */
export interface RunScope {
  /** The response that the current handler will answer with. */
  readonly response?: ResponseLifecycle;
  /** The run that this code is a part of: its engine, its step, or an inline hook of it. */
  readonly run?: ActiveRun;
  /** Set inside a hook. Inside a background hook there is no `run`: it has settled. */
  readonly hook?: HookScope;
  /** Inside a background hook: the run that it is a hook of. */
  readonly origin?: RunOrigin;
}

/** Where a hook runs. */
export interface HookScope {
  readonly environment: RunEnvironment;
  /** The batch a background hook belongs to. */
  readonly batch?: HookBatch;
}

const storage = new AsyncLocalStorage<RunScope>();
const NOWHERE: RunScope = {};

/** The scope of the code that is running now; empty outside requests, runs and hooks. */
export function currentScope(): RunScope {
  return storage.getStore() ?? NOWHERE;
}

/** Runs the callback, and all that it starts, in the given scope. */
export function enterScope<R>(scope: RunScope, callback: () => R): R {
  return storage.run(scope, callback);
}
