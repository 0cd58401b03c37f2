import { StoreTimeoutError } from '../errors/store-timeout.error.js';
import { copyPlainData } from '../data/copy-plain-data.js';
import type { ComponentIdentity } from '../model/component.js';
import type { PlainRecord } from '../model/run-context.js';
import type { Session } from '../model/session.js';
import { changesOf } from './session.changes.js';
import { isOf } from './session.filter.js';
import type { RunSession, SessionOwner, SessionStore, StoredRun } from './session.store.js';

/** What an {@link OpenSession} begins with. */
export interface OpenSessionInit {
  /** The session as it is without a past. */
  readonly session: Session;
  /** The caller has named the session, so it may have a past. */
  readonly isNamed: boolean;
  /** The component of the run that opens the session. */
  readonly component: ComponentIdentity;
  /** Whose the session must be, if it exists. Undefined: anybody's. */
  readonly owner: SessionOwner | undefined;
}

/**
 * What a settled run stores of the session's data:
 *
 * - `all`: what was changed since the session was opened.
 * - `state`: what was changed in the shared state; a run above stores name and metadata.
 * - a name and metadata: the state, and what the run has changed of these, which it had when it began.
 */
export type StoredChanges = 'all' | 'state' | Readonly<Pick<Session, 'name' | 'metadata'>>;

/** How an attempt to store a run ended. */
export type AppendResult = 'stored' | 'deleted' | 'refused';

/**
 * A session that runs in flight have open: the run that has opened it, and the runs below that name no other session.
 * They share its state.
 */
export class OpenSession {
  readonly id: string;
  readonly isNamed: boolean;
  readonly component: ComponentIdentity;
  readonly owner: SessionOwner | undefined;
  /** Stored runs that are being written. */
  readonly #writes = new Set<Promise<unknown>>();
  #found: Session;
  #opened: Session;
  #userId: string | undefined;
  /** The state as it was stored last. */
  #saved: PlainRecord | undefined;
  #isKnown = false;
  #deletion: Promise<boolean> | undefined;

  constructor({ session, isNamed, component, owner }: OpenSessionInit) {
    this.id = session.id;
    this.isNamed = isNamed;
    this.component = component;
    this.owner = owner;
    this.#found = session;
    this.#userId = session.userId;
    this.#opened = { ...session, state: {}, metadata: {} };
  }

  /** The data with which the run that opens the session begins. */
  get found(): Session {
    return this.#found;
  }

  /** The user whose session it is: the one that the host has named counts, not what hooks and engines have made of it. */
  get userId(): string | undefined {
    return this.owner === undefined ? this.#userId : (this.owner ?? undefined);
  }

  /**
   * Continues from what the store has.
   *
   * @returns false if the session is another's; then the runs go on with the session as it began
   */
  continueFrom(stored: Session | undefined): boolean {
    this.#isKnown = stored !== undefined && isOf(stored, this.owner);
    if (stored !== undefined && this.#isKnown) this.#found = stored;
    this.#userId = this.#found.userId;
    this.#opened = copyPlainData(this.#found, 'session');
    return stored === undefined || this.#isKnown;
  }

  /**
   * Adds a settled run to the session, unless the session has been deleted meanwhile.
   *
   * @param session - the session's data when the run settled
   * @returns `refused` if the store says that the session is gone or another's
   */
  async append(
    store: SessionStore,
    run: StoredRun,
    session: Session,
    changes: StoredChanges,
  ): Promise<AppendResult> {
    const writing = this.#append(store, run, session, changes);
    this.#writes.add(writing);
    try {
      return await writing;
    } finally {
      this.#writes.delete(writing);
    }
  }

  /** What a deletion waits for: runs that are being stored, and an earlier deletion. None of these rejects. */
  get pending(): readonly Promise<unknown>[] {
    const writes = [...this.#writes].map((writing) => writing.catch(ignore));
    return this.#deletion ? [...writes, this.#deletion] : writes;
  }

  /** The session is being deleted. If that fails, the session is still there, unless it was deleted before. */
  followDeletion(deletion: Promise<unknown>): void {
    const earlier = this.#deletion;
    this.#deletion = deletion.then(
      () => true,
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
      this.#deletion = Promise.resolve(true);
    } catch {
      // It was not deleted; the caller of delete() has heard of that.
    }
  }

  async #append(
    store: SessionStore,
    run: StoredRun,
    session: Session,
    changes: StoredChanges,
  ): Promise<AppendResult> {
    if (this.#deletion && (await this.#deletion)) return 'deleted';
    const before = this.#before(session, changes);
    const kept = run.isWithdrawn ? nameAndMetadataOf(before, session) : session;
    if (changes === 'all' || this.#saved) this.#saved = kept.state;
    const isStored = await store.append(this.#target(), run, changesOf(before, kept));
    if (!isStored) return 'refused';
    this.#isKnown = true;
    return 'stored';
  }

  /** A run below shares the state with the run that opened the session, which stores it when it settles itself. */
  #before(session: Session, changes: StoredChanges): Session {
    if (changes === 'all') return this.#opened;
    const begun = changes === 'state' ? session : changes;
    return { ...nameAndMetadataOf(begun, session), state: this.#saved ?? session.state };
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

/** The session with the name and metadata it had: a withdrawn run may have quoted its answer there. */
function nameAndMetadataOf(
  before: Pick<Session, 'name' | 'metadata'>,
  { name: _, ...session }: Session,
): Session {
  const { name, metadata } = before;
  return { ...session, metadata, ...(name === undefined ? {} : { name }) };
}

function ignore(): void {
  // The caller of append() hears of a failure; a deletion waits only for the end.
}
