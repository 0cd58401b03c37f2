import type { RunOrigin } from '../model/run-origin.js';
import type { RunOptions } from '../model/runnable-component.js';
import { APPLICATION, type SessionOwner } from './session.store.js';

/** A run as a user of its session, with the runs above it. */
export interface SessionUser {
  readonly session: { readonly id: string; readonly owner: SessionOwner | undefined };
  readonly parent: SessionUser | undefined;
}

/** The sessions that code runs among: those of the run above and its origin, the run whose background hook it is. */
export interface SessionSource {
  readonly parent: SessionUser | undefined;
  readonly origin: Pick<RunOrigin, 'sessionId' | 'owner'> | undefined;
}

/**
 * The required owner of the session of a run that application code starts inside another run. The application may name
 * its own sessions, but clients may choose any session id. So, below a run whose user the host has named: a session
 * of a run above keeps its owner; another one belongs to the user that the application names, else to the application.
 */
export function inheritedOwner(
  { sessionId, userId }: Pick<RunOptions, 'sessionId' | 'userId'>,
  source: SessionSource,
): SessionOwner | undefined {
  const { parent, origin } = source;
  const { owner } = parent?.session ?? origin ?? {};
  if (owner === undefined || sessionId === undefined) return owner;
  return sessionsAbove(source).get(sessionId) ?? userId ?? APPLICATION;
}

/** Whether a run names a session that none of the runs above it, or of its origin, has. */
export function namesOwnSession(
  { sessionId }: Pick<RunOptions, 'sessionId'>,
  source: SessionSource,
): boolean {
  return sessionId !== undefined && !sessionsAbove(source).has(sessionId);
}

/** The sessions that a run comes from, with their owners. */
function sessionsAbove({ parent, origin }: SessionSource): ReadonlyMap<string, SessionOwner | undefined> {
  const sessions = new Map<string, SessionOwner | undefined>();
  if (origin) sessions.set(origin.sessionId, origin.owner);
  for (let run = parent; run; run = run.parent) sessions.set(run.session.id, run.session.owner);
  return sessions;
}
