import type { RunOrigin } from '../model/run-origin.js';
import type { RunOptions } from '../model/runnable-component.js';
import { APPLICATION, type SessionOwner } from '../sessions/session.store.js';
import type { RunView } from './run.view.js';

/** Where a run comes from: the run above it, or the run whose background hook has started it. */
export interface RunSource {
  readonly parent: RunView | undefined;
  readonly origin: RunOrigin | undefined;
}

/** The origin of the runs that background hooks of a settled run start. */
export function originOf(run: RunView): RunOrigin {
  const { session, namedUserId } = run;
  return {
    sessionId: session.id,
    ...(namedUserId === undefined ? {} : { userId: namedUserId }),
    ...(session.owner === undefined ? {} : { owner: session.owner }),
    // Runs that a pre-hook has rejected, and runs that hooks start for themselves, are not part of the conversation.
    isWithdrawn: run.isWithdrawn || run.endedBeforeExecution || run.isAside,
  };
}

/**
 * The required owner of the session of a run that application code starts inside another run. The application may name
 * its own sessions, but clients may choose any session id. So, below a run whose user the host has named: a session
 * of a run above keeps its owner; another one belongs to the user that the application names, else to the application.
 */
export function inheritedOwner(
  { sessionId, userId }: RunOptions,
  source: RunSource,
): SessionOwner | undefined {
  const { parent, origin } = source;
  const { owner } = parent?.session ?? origin ?? {};
  if (owner === undefined || sessionId === undefined) return owner;
  return sessionsAbove(source).get(sessionId) ?? userId ?? APPLICATION;
}

/** Whether a run names a session that none of the runs above it, or of its origin, has. */
export function namesOwnSession({ sessionId }: RunOptions, source: RunSource): boolean {
  return sessionId !== undefined && !sessionsAbove(source).has(sessionId);
}

/** The sessions of the runs that a run comes from, with their owners. */
function sessionsAbove({ parent, origin }: RunSource): ReadonlyMap<string, SessionOwner | undefined> {
  const sessions = new Map<string, SessionOwner | undefined>();
  if (origin) sessions.set(origin.sessionId, origin.owner);
  for (let run = parent; run; run = run.parent) sessions.set(run.session.id, run.session.owner);
  return sessions;
}
