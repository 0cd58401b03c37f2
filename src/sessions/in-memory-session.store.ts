import { copyPlainData } from '../execution/copy-plain-data.js';
import type { Session } from '../model/session.js';
import { SessionStore, type SessionInit, type StoredRun } from './session.store.js';

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

  override open({ id, userId }: SessionInit): Promise<Session> {
    const stored = this.#sessions.get(id);
    if (stored) return Promise.resolve(copyPlainData(stored.session, 'session'));
    return Promise.resolve({ id, state: {}, metadata: {}, ...(userId === undefined ? {} : { userId }) });
  }

  override append(session: Session, run: StoredRun): Promise<void> {
    const stored = this.#sessions.get(session.id) ?? { session, runs: [] };
    stored.session = session;
    stored.runs.push(run);
    if (stored.runs.length > this.#maxRuns) stored.runs.shift();
    this.#sessions.delete(session.id);
    this.#sessions.set(session.id, stored);
    this.#forgetOldest();
    return Promise.resolve();
  }

  override runs(sessionId: string, limit = this.#maxRuns): Promise<readonly StoredRun[]> {
    const runs = this.#sessions.get(sessionId)?.runs.slice(-limit) ?? [];
    return Promise.resolve(runs.map((run) => copyPlainData(run, 'run')));
  }

  #forgetOldest(): void {
    if (this.#sessions.size <= this.#maxSessions) return;
    for (const id of this.#sessions.keys()) {
      this.#sessions.delete(id);
      return;
    }
  }
}
