import { copyPlainData } from '../execution/copy-plain-data.js';
import type { Session } from '../model/session.js';
import type { SessionChanges } from './session.changes.js';
import { given, newSession, withRun, withUpdate } from './kept-session.js';
import { matchesRun, matchesSession, orderOf } from './session.filter.js';
import {
  SessionStore,
  type NewSession,
  type SessionFilter,
  type SessionInit,
  type SessionPage,
  type SessionUpdate,
  type StoredRun,
  type StoredRunFilter,
  type StoredSession,
} from './session.store.js';

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
  readonly #maxSessions: number;
  readonly #maxRuns: number;

  constructor({ maxSessions = 1_000, maxRunsPerSession = 100 }: InMemorySessionStoreOptions = {}) {
    super();
    this.#maxSessions = maxSessions;
    this.#maxRuns = maxRunsPerSession;
  }

  override open({ id, userId }: SessionInit): Promise<Session> {
    const { session } = this.#sessions.get(id) ?? {};
    if (!session) return Promise.resolve({ id, state: {}, metadata: {}, ...given({ userId }) });
    const { userId: owner, name, state, metadata } = session;
    return Promise.resolve(
      copyPlainData({ id, ...given({ userId: owner, name }), state, metadata }, 'session'),
    );
  }

  override append(init: SessionInit, run: StoredRun, changes: SessionChanges): Promise<void> {
    const kept = this.#sessions.get(init.id) ?? { session: newSession(init), runs: [] };
    kept.session = withRun(withUpdate(kept.session, changes), init, run);
    kept.runs.push(run);
    if (kept.runs.length > this.#maxRuns) kept.runs.shift();
    this.#use(init.id, kept);
    return Promise.resolve();
  }

  override runs(sessionId: string, filter: StoredRunFilter = {}): Promise<readonly StoredRun[]> {
    const { limit = DEFAULT_LIMIT } = filter;
    const found = (this.#sessions.get(sessionId)?.runs ?? []).filter((run) => matchesRun(run, filter));
    const latest = found.slice(Math.max(0, found.length - limit));
    return Promise.resolve(latest.map((run) => copyPlainData(run, 'run')));
  }

  override find(id: string): Promise<StoredSession | undefined> {
    const kept = this.#sessions.get(id);
    return Promise.resolve(kept && copyPlainData(kept.session, 'session'));
  }

  override list(filter: SessionFilter = {}): Promise<SessionPage> {
    const { limit = 20, offset = 0 } = filter;
    const sessions = [...this.#sessions.values()].map(({ session }) => session);
    const found = sessions.filter((session) => matchesSession(session, filter)).sort(orderOf(filter));
    const page = found.slice(offset, offset + limit);
    return Promise.resolve({ sessions: copyPlainData(page, 'sessions'), total: found.length });
  }

  override create({ name, state = {}, metadata = {}, ...init }: NewSession): Promise<boolean> {
    if (this.#sessions.has(init.id)) return Promise.resolve(false);
    const session = { ...newSession(init), ...given({ name }), state, metadata };
    this.#use(init.id, { session: copyPlainData(session, 'session'), runs: [] });
    return Promise.resolve(true);
  }

  override update(id: string, update: SessionUpdate): Promise<boolean> {
    const kept = this.#sessions.get(id);
    if (!kept) return Promise.resolve(false);
    kept.session = withUpdate(kept.session, copyPlainData(update, 'update'));
    this.#use(id, kept);
    return Promise.resolve(true);
  }

  override delete(ids: readonly string[]): Promise<void> {
    for (const id of ids) this.#sessions.delete(id);
    return Promise.resolve();
  }

  #use(id: string, kept: KeptSession): void {
    this.#sessions.delete(id);
    this.#sessions.set(id, kept);
    const [oldest] = this.#sessions.keys();
    if (this.#sessions.size > this.#maxSessions && oldest !== undefined) this.#sessions.delete(oldest);
  }
}
