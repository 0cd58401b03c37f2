import { AsyncLocalStorage } from 'node:async_hooks';

import type { RunOrigin } from '../model/run-origin.js';
import type { RunWork } from '../telemetry/telemetry.js';
import type { EvalStore, Evaluation } from '../sessions/eval.store.js';
import { isUndisclosed } from './hold/redaction.js';
import type { RunEnvironment } from './environment.js';
import type { ResponseLifecycle } from './background/response.lifecycle.js';
import type { RunView } from './run.view.js';

/** The surroundings of the code that is running now. */
export interface RunScope {
  /** The response that the current handler will answer with. */
  readonly response?: ResponseLifecycle;
  /** The run that this code is a part of: its engine, its step, or an inline hook of it. */
  readonly run?: ScopedRun;
  /** Set inside a hook. Inside a background hook there is no `run`: it has settled. */
  readonly hook?: HookScope;
  /** Inside a background hook: the run that it is a hook of. */
  readonly origin?: RunOrigin;
}

/** The run that the running code is a part of. */
export interface ScopedRun extends RunView {
  readonly environment: RunEnvironment;
  /** A background hook has started the run's tree. */
  readonly isOfBackgroundHook: boolean;
  /** Runs the callback as a step or a tool call of the run, for telemetry. */
  enterWork<R>(work: RunWork, callback: () => R): R;
  /** Saves a judge's evaluation of the run, once the guardrails that hold the run have passed. */
  recordEvaluation(store: EvalStore, evaluation: Evaluation): Promise<void>;
}

/** Where a hook runs. */
export interface HookScope {
  readonly environment: RunEnvironment;
  readonly isBackground: boolean;
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

/** The origin of the runs that background hooks of a settled run start. */
export function originOf(run: RunView): RunOrigin {
  const { session, namedUserId } = run;
  return {
    sessionId: session.id,
    ...(namedUserId === undefined ? {} : { userId: namedUserId }),
    ...(session.owner === undefined ? {} : { owner: session.owner }),
    isWithdrawn: isUndisclosed(run),
  };
}
