import { randomUUID } from 'node:crypto';

import type { ComponentIdentity } from '../model/component.js';
import type { RunContext } from '../model/run-context.js';
import type { RunOutput } from '../model/run-output.js';
import type { SessionOwner } from '../sessions/session.store.js';
import type { ActiveRun } from './active-run.js';
import type { RunComponent } from './run.component.js';
import type { RunOrigin } from './run.origin.js';
import { SharedSession } from './shared-session.js';

/** How many workflows stand around a run's own. */
export function nestedDepthOf({ component, parent, step }: ActiveRun): number {
  if (!parent) return 0;
  return component.kind === 'workflow' && step !== undefined ? parent.nestedDepth + 1 : parent.nestedDepth;
}

/** What hooks and engines read about a run. */
export function createContext(run: ActiveRun, origin: RunOrigin | undefined): RunContext {
  const { parent, options } = run;
  const userId = options.userId ?? parent?.context.userId ?? origin?.userId;
  return {
    runId: run.runId,
    sessionId: options.sessionId ?? parent?.sessionId ?? randomUUID(),
    ...(parent ? { parentRunId: parent.runId } : {}),
    ...(userId === undefined ? {} : { userId }),
    // What the caller passed stays the caller's: hooks and engines add to the run's own.
    metadata: { ...(options.metadata ?? parent?.context.metadata) },
    dependencies: options.dependencies ? { ...options.dependencies } : (parent?.context.dependencies ?? {}),
    sessionState: {},
  };
}

/** The session of the run above, or one of the run's own. */
export function shareSession(
  { parent, context, options, identity }: ActiveRun,
  owner: SessionOwner | undefined,
): SharedSession {
  const { sessionId: id, sessionState: state } = context;
  if (parent?.sharedSession.id === id) return parent.sharedSession;
  const session = { id, state, metadata: {}, ...userOf(context) };
  return new SharedSession({ session, isNamed: options.sessionId !== undefined, component: identity, owner });
}

/** The output a run starts with. */
export function createOutput({ context, component, identity, step, createdAt }: ActiveRun): RunOutput {
  const { runId, sessionId, parentRunId, metadata } = context;
  return {
    runId,
    ...(parentRunId === undefined ? {} : { parentRunId }),
    sessionId,
    ...userOf(context),
    component: identity,
    ...(step && step.workflowRunId === parentRunId ? { stepId: step.stepId } : {}),
    content: '',
    status: 'RUNNING',
    metrics: {},
    ...(component.model ? { model: component.model } : {}),
    messages: [],
    tools: [],
    metadata,
    memberResponses: [],
    stepResults: [],
    createdAt,
  };
}

/** A component as others see it. */
export function identityOf({ kind, id, name, description }: RunComponent): ComponentIdentity {
  return description === undefined ? { kind, id, name } : { kind, id, name, description };
}

/** The user, if there is one. */
export function userOf({ userId }: { readonly userId?: string | undefined }): { userId?: string } {
  return userId === undefined ? {} : { userId };
}
