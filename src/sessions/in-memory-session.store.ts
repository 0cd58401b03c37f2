import { copyPlainData } from '../execution/copy-plain-data.js';
import type { Session } from '../model/session.js';
import { withChanges, type SessionChanges } from './session.changes.js';
import { SessionStore, type SessionInit, type StoredRun, type StoredRunFilter } from './session.store.js';

interface StoredSession {
  session: Session;
  readonly runs: StoredRun[];
}

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
  readonly #sessions = new Map<string, StoredSession>();
  readonly #maxSessions: number;
  readonly #maxRuns: number;

  constructor({ maxSessions = 1_000, maxRunsPerSession = 100 }: InMemorySessionStoreOptions = {}) {
    super();
    this.#maxSessions = maxSessions;
    this.#maxRuns = maxRunsPerSession;
  }

  override open(init: SessionInit): Promise<Session> {
    const stored = this.#sessions.get(init.id);
    return Promise.resolve(stored ? copyPlainData(stored.session, 'session') : newSession(init));
  }

  override append(init: SessionInit, run: StoredRun, changes: SessionChanges): Promise<void> {
    const stored = this.#sessions.get(init.id) ?? { session: newSession(init), runs: [] };
    stored.session = {
      ...stored.session,
      ...(changes.name === undefined ? {} : { name: changes.name }),
      state: withChanges(stored.session.state, changes.state),
      metadata: withChanges(stored.session.metadata, changes.metadata),
    };
    stored.runs.push(run);
    if (stored.runs.length > this.#maxRuns) stored.runs.shift();
    this.#sessions.delete(init.id);
    this.#sessions.set(init.id, stored);
    this.#forgetOldest();
    return Promise.resolve();
  }

  override runs(sessionId: string, filter: StoredRunFilter = {}): Promise<readonly StoredRun[]> {
    const { componentId, status, limit = this.#maxRuns } = filter;
    const found = (this.#sessions.get(sessionId)?.runs ?? []).filter(
      ({ component, output }) =>
        (componentId === undefined || component.id === componentId) &&
        (status === undefined || output.status === status),
    );
    const latest = found.slice(Math.max(0, found.length - limit));
    return Promise.resolve(latest.map((run) => copyPlainData(run, 'run')));
  }

  #forgetOldest(): void {
    if (this.#sessions.size <= this.#maxSessions) return;
    for (const id of this.#sessions.keys()) {
      this.#sessions.delete(id);
      return;
    }
  }
}

function newSession({ id, userId }: SessionInit): Session {
  return { id, state: {}, metadata: {}, ...(userId === undefined ? {} : { userId }) };
}
