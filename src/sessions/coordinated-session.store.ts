import type { Session } from '../model/session.js';
import type { OpenSession } from './open-session.js';
import type { SessionChanges } from './session.changes.js';
import { isOf } from './session.filter.js';
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

/** Sessions that were deleted. */
export interface DeletedSessions {
  /** The requested ids; some may exist only in runs in flight, or belong to another owner. */
  readonly ids: readonly string[];
  /** The owner that the sessions had to have; undefined: any owner. */
  readonly owner: SessionOwner | undefined;
  /** The ids that the store has deleted. */
  readonly deleted: readonly string[];
}

/**
 * The session store that is injected into the application: the configured store, plus the rules about runs in flight,
 * which that store cannot know. A deletion waits for the runs that are being stored in the session; runs that settle
 * later are not stored, so that they cannot bring the session back.
 */
export class CoordinatedSessionStore extends SessionStore {
  readonly #store: SessionStore;
  /** How many runs have a session open. */
  readonly #open = new Map<OpenSession, number>();
  readonly #deletionListeners: ((deletion: DeletedSessions) => void)[] = [];

  constructor(store: SessionStore) {
    super();
    this.#store = store;
  }

  /** Calls back after each deletion, so that other data about the sessions is removed too. */
  onDeleted(listener: (deletion: DeletedSessions) => void): void {
    this.#deletionListeners.push(listener);
  }

  /** A run has the session open, until {@link leave}. */
  enter(session: OpenSession): void {
    this.#open.set(session, (this.#open.get(session) ?? 0) + 1);
  }

  /** The run is stored, or will not be. */
  leave(session: OpenSession): void {
    const runs = (this.#open.get(session) ?? 0) - 1;
    if (runs > 0) this.#open.set(session, runs);
    else this.#open.delete(session);
  }

  override async delete(ids: readonly string[], owner?: SessionOwner): Promise<readonly string[]> {
    // A session whose first run is in flight is known only here.
    const open = [...this.#open.keys()].filter((session) => ids.includes(session.id) && isOf(session, owner));
    const pending = open.flatMap((session) => session.pending);
    const deletion = Promise.all(pending).then(() => this.#store.delete(ids, owner));
    for (const session of open) session.followDeletion(deletion);
    const deleted = await deletion;
    for (const listener of this.#deletionListeners) listener({ ids, owner, deleted });
    return deleted;
  }

  override open(id: string): Promise<Session | undefined> {
    return this.#store.open(id);
  }

  override append(session: RunSession, run: StoredRun, changes: SessionChanges): Promise<boolean> {
    return this.#store.append(session, run, changes);
  }

  override runs(sessionId: string, filter?: StoredRunFilter): Promise<readonly StoredRun[]> {
    return this.#store.runs(sessionId, filter);
  }

  override find(id: string, owner?: SessionOwner): Promise<StoredSession | undefined> {
    return this.#store.find(id, owner);
  }

  override list(filter?: SessionFilter): Promise<SessionPage> {
    return this.#store.list(filter);
  }

  override create(session: NewSession): Promise<boolean> {
    return this.#store.create(session);
  }

  override update(id: string, update: SessionUpdate, owner?: SessionOwner): Promise<boolean> {
    return this.#store.update(id, update, owner);
  }
}
