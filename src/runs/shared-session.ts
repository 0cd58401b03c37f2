import { StoreTimeoutError } from '../errors/store-timeout.error.js';
import type { ComponentIdentity } from '../model/component.js';
import type { Session } from '../model/session.js';
import type { SessionOwner } from '../sessions/session.store.js';

/** What a {@link SharedSession} starts with. */
export interface SharedSessionInit {
  /** The session of a run that nobody has given a past yet. */
  readonly session: Session;
  /** The caller has named it, so it may have a past. */
  readonly isNamed: boolean;
  /** Of the run that opens it. */
  readonly component: ComponentIdentity;
  /** Whose it must be, if it exists. */
  readonly owner: SessionOwner | undefined;
}

/** The session of a run, shared with the runs below it that name no other. */
export class SharedSession {
  readonly id: string;
  readonly isNamed: boolean;
  readonly component: ComponentIdentity;
  readonly owner: SessionOwner | undefined;
  /** What its runs read and change. */
  live: Session;
  /** As it was before its first run, to tell what has changed. */
  opened: Session;
  /** As that run has left it, once that is stored. */
  saved: Session | undefined;
  /** It is there: it was when it was opened, or what is kept of a run has created it. */
  isKnown = false;
  /** What is being stored of its runs. None of them rejects. */
  readonly writes = new Set<Promise<void>>();
  #deleted: Promise<boolean> | undefined;

  /** Whether it was deleted while its runs went on: then they are not kept. Undefined if nobody has tried. */
  get deleted(): Promise<boolean> | undefined {
    return this.#deleted;
  }

  /** It is being deleted; if that fails, it is still there, unless it was deleted before. */
  follow(deletion: Promise<unknown>): void {
    const before = this.#deleted;
    this.#deleted = deletion.then(
      () => true,
      (thrown: unknown) => {
        if (thrown instanceof StoreTimeoutError) void this.#followLate(thrown);
        return before ?? false;
      },
    );
  }

  /** It was not deleted in time, but may be later. */
  async #followLate({ late }: StoreTimeoutError): Promise<void> {
    try {
      await late;
      this.#deleted = Promise.resolve(true);
    } catch {
      // It was not deleted; that was logged where it was waited for.
    }
  }

  /** Whose it is. */
  get userId(): string | undefined {
    return this.owner === undefined ? this.live.userId : (this.owner ?? undefined);
  }

  constructor({ session, isNamed, component, owner }: SharedSessionInit) {
    this.id = session.id;
    this.isNamed = isNamed;
    this.component = component;
    this.owner = owner;
    this.live = session;
    this.opened = { ...session, state: {}, metadata: {} };
  }
}
