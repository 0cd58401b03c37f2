import { RunNotStoredError } from '../errors/run-not-stored.error.js';
import type { PlainRecord } from '../model/run-context.js';
import type { Session } from '../model/session.js';
import { InMemorySessionStore } from './in-memory-session.store.js';
import type { OpenSession, RunStore } from './open-session.js';
import { isOf } from './session.filter.js';
import {
  SessionStore,
  type NewSession,
  type SessionFilter,
  type SessionOwner,
  type SessionPage,
  type SessionUpdate,
  type StoredRun,
  type StoredRunFilter,
  type StoredSession,
} from './session.store.js';

/** A run that is not stored yet. */
interface OpenRun {
  readonly session: OpenSession;
  isBeingStored: boolean;
  /** Called when the run leaves its session. */
  onLeft?: () => void;
}

/** How many sessions of a user are deleted at once. */
const AT_ONCE = 100;

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
 * later are not stored, so that they cannot bring the session back. An annotation waits for its run to be stored.
 */
export class CoordinatedSessionStore extends SessionStore {
  readonly #store: SessionStore;
  /** The runs that are not stored yet, by id. */
  readonly #open = new Map<string, OpenRun>();
  /** The end of the latest annotation of each run, by the run's id. */
  readonly #annotations = new Map<string, Promise<boolean>>();
  readonly #deletionListeners: ((deletion: DeletedSessions) => Promise<void> | void)[] = [];

  /** {@link append} for a caller that waits for nothing; undefined if the store cannot do it at once. */
  readonly appendNow: RunStore['appendNow'];

  constructor(store: SessionStore) {
    super();
    this.#store = store;
    this.appendNow = InMemorySessionStore.appendNowOf(store);
  }

  /** Calls back after each deletion, so that other data about the sessions is removed too. The deletion waits for that. */
  onDeleted(listener: (deletion: DeletedSessions) => Promise<void> | void): void {
    this.#deletionListeners.push(listener);
  }

  /** A run has the session open, until {@link leave}. */
  enter(runId: string, session: OpenSession): void {
    this.#open.set(runId, { session, isBeingStored: false });
  }

  /** The run has settled, guardrails do not hold it, and it is being stored until {@link leave}. */
  beginStoring(runId: string): void {
    const run = this.#open.get(runId);
    if (run) run.isBeingStored = true;
  }

  /** The run is stored, or will not be. */
  leave(runId: string): void {
    const run = this.#open.get(runId);
    this.#open.delete(runId);
    run?.onLeft?.();
  }

  override async delete(ids: readonly string[], owner?: SessionOwner): Promise<readonly string[]> {
    // A session whose first run is in flight is known only here.
    const sessions = new Set([...this.#open.values()].map(({ session }) => session));
    const open = [...sessions].filter((session) => ids.includes(session.id) && isOf(session, owner));
    const pending = open.flatMap((session) => session.pending);
    const deletion = Promise.all(pending).then(() => this.#store.delete(ids, owner));
    for (const session of open) session.followDeletion(deletion);
    const deleted = await deletion;
    for (const listener of this.#deletionListeners) await listener({ ids, owner, deleted });
    return deleted;
  }

  override get client(): object | undefined {
    return this.#store.client;
  }

  /**
   * Deletes all sessions of a user, those too that only runs in flight know.
   *
   * @returns the ids of the deleted sessions
   */
  async deleteAllOf(userId: string): Promise<readonly string[]> {
    const open = [...this.#open.values()].filter(({ session }) => isOf(session, userId));
    const ids = new Set(open.map(({ session }) => session.id));
    const all = [...(await this.delete([...ids], userId))];
    for (;;) {
      const { sessions } = await this.#store.list({ userId, limit: AT_ONCE });
      if (sessions.length === 0) return all;
      const deleted = await this.delete(
        sessions.map(({ id }) => id),
        userId,
      );
      if (deleted.length === 0) return all;
      all.push(...deleted);
    }
  }

  override open(id: string): Promise<Session | undefined> {
    return this.#store.open(id);
  }

  override append(...call: Parameters<SessionStore['append']>): Promise<boolean> {
    return this.#store.append(...call);
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
  /**
   * Annotations of one run are applied in the order of their calls. A run that is being stored is waited for.
   *
   * @throws RunNotStoredError if the run is in flight or guardrails hold it: it might wait for the caller
   */
  override async annotate(
    runId: string,
    metadata: Readonly<PlainRecord>,
    owner?: SessionOwner,
  ): Promise<boolean> {
    const annotate = (): Promise<boolean> => this.#store.annotate(runId, metadata, owner);
    const annotation = (this.#annotations.get(runId) ?? this.#stored(runId)).then(annotate, annotate);
    this.#annotations.set(runId, annotation);
    try {
      return await annotation;
    } finally {
      if (this.#annotations.get(runId) === annotation) this.#annotations.delete(runId);
    }
  }

  /** @throws RunNotStoredError if the run is not being stored yet */
  #stored(runId: string): Promise<unknown> {
    const run = this.#open.get(runId);
    if (!run) return Promise.resolve();
    if (!run.isBeingStored) throw new RunNotStoredError(runId);
    return new Promise<void>((resolve) => (run.onLeft = resolve));
  }
}
