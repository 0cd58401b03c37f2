import { copyPlainData } from '../execution/copy-plain-data.js';
import type { Session } from '../model/session.js';
import { withoutUndefined } from '../model/without-undefined.js';
import type { SessionChanges } from './session.changes.js';
import { newSession, withRun, withUpdate } from './kept-session.js';
import { latestWithin } from './run.size.js';
import { isOf, matchesRun, matchesSession, orderOf } from './session.filter.js';
import { storableAppend, storableSession, storableUpdate } from './storable.js';
import {
  SessionStore,
  type NewSession,
  type RunSession,
  type SessionFilter,
  type SessionOwner,
  type SessionPage,
  type SessionUpdate,
  type StoredRun,
  type StoredRunFilter,
  type StoredSession,
} from './session.store.js';
import { checkUserId } from './user-id.js';

interface KeptSession {
  session: StoredSession;
  readonly runs: StoredRun[];
}

/** Runs that are read at once, unless the caller says otherwise. */
const DEFAULT_LIMIT = 100;

/** How much an {@link InMemorySessionStore} keeps. */
export interface InMemorySessionStoreOptions {
  /** The sessions used least recently are forgotten beyond this. Default 1,000. */
  readonly maxSessions?: number;
  /** A session's oldest runs are forgotten beyond this. Default 100. */
  readonly maxRunsPerSession?: number;
}

/** Sessions in this process: nothing to install, bounded, and gone with the process. */
export class InMemorySessionStore extends SessionStore {
  /** The one used least recently first. */
  readonly #sessions = new Map<string, KeptSession>();
  /** Ids of deleted sessions: one that is only forgotten begins anew when a run of it settles. */
  readonly #deleted = new Set<string>();
  readonly #maxSessions: number;
  readonly #maxRuns: number;

  constructor({ maxSessions = 1_000, maxRunsPerSession = 100 }: InMemorySessionStoreOptions = {}) {
    super();
    this.#maxSessions = maxSessions;
    this.#maxRuns = maxRunsPerSession;
  }

  override open(id: string): Promise<Session | undefined> {
    const kept = this.#sessions.get(id);
    if (!kept) return Promise.resolve(undefined);
    this.#use(id, kept);
    const { userId, name, state, metadata } = kept.session;
    return Promise.resolve(
      copyPlainData({ id, ...withoutUndefined({ userId, name }), state, metadata }, 'session'),
    );
  }

  override append(
    { isKnown = false, owner, ...init }: RunSession,
    givenRun: StoredRun,
    givenChanges: SessionChanges,
  ): Promise<boolean> {
    const { run, changes } = storableAppend(init.id, givenRun, givenChanges);
    checkUserId(owner);
    const known = this.#sessions.get(init.id);
    const isOpen = known ? isOf(known.session, owner) : !(isKnown && this.#deleted.has(init.id));
    if (!isOpen) return Promise.resolve(false);
    const kept = known ?? { session: newSession(init), runs: [] };
    kept.session = withRun(withUpdate(kept.session, changes), init, run);
    kept.runs.push(run);
    if (kept.runs.length > this.#maxRuns) kept.runs.shift();
    this.#use(init.id, kept);
    return Promise.resolve(true);
  }

  override runs(sessionId: string, filter: StoredRunFilter = {}): Promise<readonly StoredRun[]> {
    const { limit = DEFAULT_LIMIT, owner, before, maxSize } = filter;
    const kept = this.#find(sessionId, owner)?.runs ?? [];
    const end = before === undefined ? kept.length : kept.findIndex(({ runId }) => runId === before);
    const found = kept.slice(0, Math.max(0, end)).filter((run) => matchesRun(run, filter));
    const latest = found.slice(Math.max(0, found.length - limit));
    const fitting = maxSize === undefined ? latest : latestWithin(latest, maxSize);
    return Promise.resolve(fitting.map((run) => copyPlainData(run, 'run')));
  }

  override find(id: string, owner?: SessionOwner): Promise<StoredSession | undefined> {
    const kept = this.#find(id, owner);
    return Promise.resolve(kept && copyPlainData(kept.session, 'session'));
  }

  override list(filter: SessionFilter = {}): Promise<SessionPage> {
    const { limit = 20, offset = 0, userId } = filter;
    checkUserId(userId);
    const sessions = [...this.#sessions.values()].map(({ session }) => session);
    const found = sessions.filter((session) => matchesSession(session, filter)).sort(orderOf(filter));
    const page = found.slice(offset, offset + limit);
    return Promise.resolve({ sessions: copyPlainData(page, 'sessions'), total: found.length });
  }

  override create(given: NewSession): Promise<boolean> {
    const { name, state = {}, metadata = {}, ...init } = storableSession(given);
    if (this.#sessions.has(init.id)) return Promise.resolve(false);
    const session = { ...newSession(init), ...withoutUndefined({ name }), state, metadata };
    this.#use(init.id, { session: copyPlainData(session, 'session'), runs: [] });
    return Promise.resolve(true);
  }

  override update(id: string, update: SessionUpdate, owner?: SessionOwner): Promise<boolean> {
    const kept = this.#find(id, owner);
    if (!kept) return Promise.resolve(false);
    kept.session = withUpdate(kept.session, copyPlainData(storableUpdate(id, update), 'update'));
    this.#use(id, kept);
    return Promise.resolve(true);
  }

  override delete(ids: readonly string[], owner?: SessionOwner): Promise<readonly string[]> {
    const deleted = ids.filter((id) => this.#find(id, owner) && this.#sessions.delete(id));
    for (const id of deleted) this.#deleted.add(id);
    while (this.#deleted.size > this.#maxSessions) this.#deleted.delete(firstOf(this.#deleted));
    return Promise.resolve(deleted);
  }

  #find(id: string, owner: SessionOwner | undefined): KeptSession | undefined {
    checkUserId(owner);
    const kept = this.#sessions.get(id);
    return kept && isOf(kept.session, owner) ? kept : undefined;
  }

  #use(id: string, kept: KeptSession): void {
    this.#sessions.delete(id);
    this.#sessions.set(id, kept);
    this.#deleted.delete(id);
    if (this.#sessions.size > this.#maxSessions) this.#sessions.delete(firstOf(this.#sessions));
  }
}

function firstOf(ids: { keys(): Iterator<string> }): string {
  return ids.keys().next().value as string;
}
