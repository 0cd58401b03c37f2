import { APPLICATION, type SessionOwner } from '../sessions/session.store.js';
import type { RunOptions } from '../model/runnable-component.js';
import type { ActiveRun } from './active-run.js';

/** What a background hook knows of its run, which has settled: runs that it starts are on behalf of the same user. */
export interface RunOrigin {
  readonly sessionId: string;
  readonly userId?: string;
  readonly owner?: SessionOwner;
  /** Guardrails have not let the run be seen. */
  readonly isWithdrawn: boolean;
}

/** What is left of a settled run for those that its background hooks start. */
export function originOf(run: ActiveRun): RunOrigin {
  const { sessionId, sharedSession, context } = run;
  const { owner } = sharedSession;
  return {
    sessionId,
    ...(context.userId === undefined ? {} : { userId: context.userId }),
    ...(owner === undefined ? {} : { owner }),
    // What was rejected before its execution was asked in vain, and what hooks ask is nobody's conversation.
    isWithdrawn: run.isWithdrawn || run.phase === 'pre' || isAside(run),
  };
}

/** A run that a hook has started for itself, and that is not kept. */
export function isAside({ position, isStored }: ActiveRun): boolean {
  return position === 'inside-hook' && !isStored;
}

/** Where a run comes from: the run above it, or the run whose background hook has started it. */
export interface RunSource {
  readonly parent?: ActiveRun | undefined;
  readonly origin?: RunOrigin | undefined;
}

/**
 * Whose the session of a run must be that somebody else has started. The application may name sessions of its own,
 * but clients begin sessions with whatever id: below a run whose user the host has named, a session is that user's if
 * it is the run's own, else the user's whom the application names, else the application's.
 */
export function inheritedOwner(
  { sessionId, userId }: RunOptions,
  source: RunSource,
): SessionOwner | undefined {
  const { parent, origin } = source;
  const { owner } = parent?.sharedSession ?? origin ?? {};
  if (owner === undefined || sessionId === undefined) return owner;
  return sessionsAbove(source).get(sessionId) ?? userId ?? APPLICATION;
}

/** Whether a run names a session that none of the runs has which it comes from. */
export function namesOwnSession({ sessionId }: RunOptions, source: RunSource): boolean {
  return sessionId !== undefined && !sessionsAbove(source).has(sessionId);
}

/** The sessions of the runs that a run comes from, with whose they must be. */
function sessionsAbove({ parent, origin }: RunSource): ReadonlyMap<string, SessionOwner | undefined> {
  const sessions = new Map<string, SessionOwner | undefined>();
  if (origin) sessions.set(origin.sessionId, origin.owner);
  for (let run = parent; run; run = run.parent) sessions.set(run.sessionId, run.sharedSession.owner);
  return sessions;
}
