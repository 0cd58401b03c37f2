import { isOf } from './session.filter.js';
import { SessionStore, type SessionInit, type SessionOwner } from './session.store.js';
import { SESSION_ANSWERS } from './store.answers.js';
import type { StoreCalls } from './store.calls.js';

/** A pending call that may create a session. */
interface Creation {
  readonly session: SessionInit;
  /** The session has been deleted since the call began. */
  isDeleted: boolean;
}

/**
 * A session store whose calls have a time limit. A late call may still do its work: if it creates a session that was
 * deleted meanwhile, that session is deleted again.
 */
export class TimeLimitedSessionStore extends SessionStore {
  readonly #store: SessionStore;
  readonly #calls: StoreCalls;
  readonly #creations = new Map<string, Set<Creation>>();

  constructor(store: SessionStore, calls: StoreCalls) {
    super();
    this.#store = store;
    this.#calls = calls;
  }

  override get client(): object | undefined {
    return this.#store.client;
  }

  override open(...call: Parameters<SessionStore['open']>): ReturnType<SessionStore['open']> {
    return this.#calls.wait('SessionStore.open', SESSION_ANSWERS.open, () => this.#store.open(...call));
  }

  override append(...call: Parameters<SessionStore['append']>): ReturnType<SessionStore['append']> {
    const [{ owner, ...session }] = call;
    return this.#calls.wait('SessionStore.append', SESSION_ANSWERS.isDone, () =>
      this.#create(owner == null ? session : { ...session, userId: owner }, () =>
        this.#store.append(...call),
      ),
    );
  }

  override runs(...call: Parameters<SessionStore['runs']>): ReturnType<SessionStore['runs']> {
    return this.#calls.wait('SessionStore.runs', SESSION_ANSWERS.runs, () => this.#store.runs(...call));
  }

  override find(...call: Parameters<SessionStore['find']>): ReturnType<SessionStore['find']> {
    return this.#calls.wait('SessionStore.find', SESSION_ANSWERS.find, () => this.#store.find(...call));
  }

  override list(...call: Parameters<SessionStore['list']>): ReturnType<SessionStore['list']> {
    return this.#calls.wait('SessionStore.list', SESSION_ANSWERS.list, () => this.#store.list(...call));
  }

  override create(...call: Parameters<SessionStore['create']>): ReturnType<SessionStore['create']> {
    return this.#calls.wait('SessionStore.create', SESSION_ANSWERS.isDone, () =>
      this.#create(call[0], () => this.#store.create(...call)),
    );
  }

  override update(...call: Parameters<SessionStore['update']>): ReturnType<SessionStore['update']> {
    return this.#calls.wait('SessionStore.update', SESSION_ANSWERS.isDone, () => this.#store.update(...call));
  }

  override annotate(...call: Parameters<SessionStore['annotate']>): ReturnType<SessionStore['annotate']> {
    return this.#calls.wait('SessionStore.annotate', SESSION_ANSWERS.isDone, () =>
      this.#store.annotate(...call),
    );
  }

  override delete(...call: Parameters<SessionStore['delete']>): ReturnType<SessionStore['delete']> {
    const [ids, owner] = call;
    return this.#calls.wait('SessionStore.delete', SESSION_ANSWERS.delete, async () => {
      const deleted = await this.#store.delete(...call);
      for (const id of ids) this.#markDeleted(id, owner);
      return deleted;
    });
  }

  /** Watches the session until the call has ended, however late that is. */
  async #create(session: SessionInit, write: () => Promise<boolean>): Promise<boolean> {
    const { id } = session;
    const creation: Creation = { session, isDeleted: false };
    const creations = this.#creations.get(id) ?? new Set();
    this.#creations.set(id, creations.add(creation));
    try {
      const isDone = await write();
      if (isDone !== true) return isDone;
      if (creation.isDeleted) {
        await this.#store.delete([id], session.userId ?? null);
        return false;
      }
      // The session exists again, created by a call that began after its deletion.
      for (const other of creations) other.isDeleted = false;
      return true;
    } finally {
      creations.delete(creation);
      if (creations.size === 0) this.#creations.delete(id);
    }
  }

  #markDeleted(id: string, owner: SessionOwner | undefined): void {
    for (const creation of this.#creations.get(id) ?? []) {
      if (isOf(creation.session, owner)) creation.isDeleted = true;
    }
  }
}
