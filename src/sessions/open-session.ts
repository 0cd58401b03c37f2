import { StoreTimeoutError } from '../errors/store-timeout.error.js';
import { copyPlainData } from '../data/copy-plain-data.js';
import type { ComponentIdentity } from '../model/component-identity.js';
import type { PlainRecord, RunContext } from '../model/run-context.js';
import type { Session } from '../model/session.js';
import { changesOf, type SessionChanges } from './session.changes.js';
import { sessionNotFound } from './session-not-found.js';
import { isOf } from './session.filter.js';
import type { RunSession, SessionOwner, SessionStore, StoredRun, StoreWithin } from './session.store.js';
import { userOf } from './user-id.js';

/** The initial data of an {@link OpenSession}. */
export interface OpenSessionInit {
  /** The session as it is if the store has none. */
  readonly session: Session;
  /** The caller has named the session, so the store may have it. */
  readonly isNamed: boolean;
  /** The component of the run that opens the session. */
  readonly component: ComponentIdentity;
  /** The owner that the session must have if it exists. Undefined: any owner. */
  readonly owner: SessionOwner | undefined;
}

/**
 * The session data that a settled run stores:
 *
 * - `all`: all changes since the session was opened.
 * - `state`: changes of the shared state alone; name and metadata are stored by a run above, or not at all.
 * - a name and metadata, as they were when the run began: changes of the state, and of this name and metadata.
 */
export type StoredChanges = 'all' | 'state' | Readonly<Pick<Session, 'name' | 'metadata'>>;

/** The data of a session at the moment when a run settled, and the part that this run stores. */
export interface SettledSession {
  readonly session: Session;
  readonly changes: StoredChanges;
}

/** How an attempt to store a run ended. */
export type AppendResult = 'stored' | 'deleted' | 'refused';

/** The part of a session store that runs need. */
export interface RunStore extends Pick<SessionStore, 'append'> {
  /** `append()` for a caller that waits for nothing. Absent if the store cannot do it at once. */
  readonly appendNow?:
    ((session: RunSession, run: StoredRun, changes: SessionChanges) => boolean) | undefined;
}

/** A write of a run, and the state of the session before and after it. */
interface SessionWrite {
  readonly changes: SessionChanges;
  readonly wasKnown: boolean;
  readonly earlier: PlainRecord;
  readonly latest: PlainRecord;
}

/**
 * A session that is open in runs in flight: the run that has opened it, and the runs below that name no other session.
 * They share the session's state.
 */
export class OpenSession {
  readonly id: string;
  readonly isNamed: boolean;
  readonly component: ComponentIdentity;
  readonly owner: SessionOwner | undefined;
  /** Pending writes of settled runs. */
  readonly #writes = new Set<Promise<unknown>>();
  #found: Session;
  #opened: Session;
  #userId: string | undefined;
  /** The state when the latest run settled, from the run on that opened the session. */
  #settled: PlainRecord | undefined;
  /** The state as it was stored last; as the session was opened, if it was not stored yet. */
  #saved: PlainRecord;
  #isKnown = false;
  #deletion: Promise<boolean> | undefined;
  #isDeleted = false;

  constructor({ session, isNamed, component, owner }: OpenSessionInit) {
    this.id = session.id;
    this.isNamed = isNamed;
    this.component = component;
    this.owner = owner;
    this.#found = session;
    this.#userId = session.userId;
    this.#opened = { ...session, state: {}, metadata: {} };
    this.#saved = this.#opened.state;
  }

  /** The data that the run which opens the session begins with. */
  get found(): Session {
    return this.#found;
  }

  /** The session was deleted since it was opened here, as far as this process knows. */
  get isDeleted(): boolean {
    return this.#isDeleted;
  }

  /** The session's user as the host has named it, without changes by hooks and engines. */
  get userId(): string | undefined {
    return userOf(this.owner, this.#userId);
  }

  /**
   * Continues from the stored session. If that belongs to another owner, it stays unread: a run that application code
   * starts inside another one goes on with the initial session.
   *
   * @param isRoot - a client has named the session, not the application
   * @throws NotFoundException if a root run has named the session of another owner
   */
  continueFrom(stored: Session | undefined, isRoot: boolean): void {
    this.#isKnown = stored !== undefined && isOf(stored, this.owner);
    if (stored !== undefined && this.#isKnown) this.#found = stored;
    this.#userId = this.#found.userId;
    this.#opened = copyPlainData(this.#found, 'session');
    this.#saved = this.#opened.state;
    if (stored !== undefined && !this.#isKnown && isRoot) throw sessionNotFound(this.id);
  }

  /**
   * A run that is to be stored has settled. Runs may be stored later and in another order, since they wait for
   * guardrails: the first that is stored takes along all changes of the state until then.
   *
   * @param session - a copy of the session's data
   */
  settle(session: Session, changes: StoredChanges): SettledSession {
    // The run that has opened the session stores the state when it settles: until then it may change.
    if (changes === 'all' || this.#settled) this.#settled = session.state;
    return { session, changes };
  }

  /**
   * Adds a settled run to the session, unless the session has been deleted meanwhile. Returns the result at once if the
   * store can.
   *
   * @param within - stores more in the transaction of the run
   * @returns `refused` if the store reports that the session was deleted or belongs to another owner
   */
  append(
    store: RunStore,
    run: StoredRun,
    settled: SettledSession,
    within?: StoreWithin,
  ): Promise<AppendResult> | AppendResult {
    if (store.appendNow && !within && !this.#deletion) return this.#appendNow(store.appendNow, run, settled);
    const writing = this.#append(store, run, settled, within);
    this.#writes.add(writing);
    return writing.finally(() => this.#writes.delete(writing));
  }

  /** The promises that a deletion waits for: runs being stored, and an earlier deletion. None of them rejects. */
  get pending(): readonly Promise<unknown>[] {
    const writes = [...this.#writes].map((writing) => writing.catch(ignore));
    return this.#deletion ? [...writes, this.#deletion] : writes;
  }

  /** The session is being deleted. If that fails, the session is still there, unless it was deleted before. */
  followDeletion(deletion: Promise<unknown>): void {
    const earlier = this.#deletion;
    this.#deletion = deletion.then(
      () => (this.#isDeleted = true),
      (thrown: unknown) => {
        if (thrown instanceof StoreTimeoutError) void this.#followLate(thrown);
        return earlier ?? false;
      },
    );
  }

  /** The session was not deleted in time, but may be later. */
  async #followLate({ late }: StoreTimeoutError): Promise<void> {
    try {
      await late;
      this.#isDeleted = true;
      this.#deletion = Promise.resolve(true);
    } catch {
      // It was not deleted; delete() has reported the error to its caller.
    }
  }

  async #append(
    store: RunStore,
    run: StoredRun,
    settled: SettledSession,
    within: StoreWithin | undefined,
  ): Promise<AppendResult> {
    if (this.#deletion && (await this.#deletion)) return 'deleted';
    const write = this.#beginWrite(settled);
    try {
      return this.#endWrite(write, await store.append(this.#target(), run, write.changes, within));
    } catch (thrown) {
      this.#undoWrite(write);
      throw thrown;
    }
  }

  #appendNow(
    appendNow: NonNullable<RunStore['appendNow']>,
    run: StoredRun,
    settled: SettledSession,
  ): AppendResult {
    const write = this.#beginWrite(settled);
    try {
      return this.#endWrite(write, appendNow(this.#target(), run, write.changes));
    } catch (thrown) {
      this.#undoWrite(write);
      throw thrown;
    }
  }

  #beginWrite({ session, changes }: SettledSession): SessionWrite {
    const earlier = this.#saved;
    const latest = this.#settled ?? earlier;
    const before = this.#before(session, changes);
    this.#saved = latest;
    const changed = changesOf({ ...before, state: earlier }, { ...session, state: latest });
    return { changes: changed, wasKnown: this.#isKnown, earlier, latest };
  }

  #endWrite({ wasKnown }: SessionWrite, isStored: boolean): AppendResult {
    if (isStored) {
      this.#isKnown = true;
      return 'stored';
    }
    // It was there, with this owner: another process has deleted it.
    if (wasKnown) this.#isDeleted = true;
    return 'refused';
  }

  /** The next run that is stored takes the changes along. */
  #undoWrite({ earlier, latest }: SessionWrite): void {
    if (this.#saved === latest) this.#saved = earlier;
  }

  /** The name and metadata before the changes that a run stores. */
  #before(session: Session, changes: StoredChanges): Pick<Session, 'name' | 'metadata'> {
    if (changes === 'all') return this.#opened;
    return changes === 'state' ? session : changes;
  }

  #target(): RunSession {
    const { id, component, owner, userId } = this;
    return {
      id,
      component,
      isKnown: this.#isKnown,
      ...(userId === undefined ? {} : { userId }),
      ...(owner === undefined ? {} : { owner }),
    };
  }
}

/** Where the session of a run comes from. */
export interface SessionRequest extends Omit<OpenSessionInit, 'session'> {
  /** The session of the run above. */
  readonly above: OpenSession | undefined;
  readonly context: Pick<RunContext, 'sessionId' | 'sessionState' | 'userId'>;
}

/** The session of the run above, or one of the run's own. */
export function openSessionFor({ above, context, isNamed, component, owner }: SessionRequest): OpenSession {
  const { sessionId: id, sessionState: state, userId } = context;
  if (above?.id === id) return above;
  const session = { id, state, metadata: {}, ...(userId === undefined ? {} : { userId }) };
  return new OpenSession({ session, isNamed, component, owner });
}

function ignore(): void {
  // append() reports the error to its caller; a deletion only waits for the end.
}
