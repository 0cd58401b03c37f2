import { assignOwn } from '../data/assign-own.js';
import type { Session } from '../model/session.js';
import { changesOf } from './session.changes.js';
import { replaceContent } from '../data/replace-content.js';
import { copyToKeep } from '../data/lenient-copy.js';

/** The session data that each run has a copy of. */
export type OwnSessionData = Readonly<Pick<Session, 'name' | 'metadata'>>;

/**
 * The session as one run sees it: the state is that of all runs that have the session open, the name and the metadata
 * are the run's own. Its changes to them go to the run above when it settles, unless it was withdrawn: so parallel
 * members do not undo each other's changes, and changes that guardrails have not seen are not stored.
 */
export class SessionView {
  #data: Session;
  /** As it was when the run began. */
  readonly #begun: Session;

  /** @param session - of the run that opens it: the data of the view from now on */
  constructor(session: Session) {
    this.#data = session;
    this.#begun = ownCopyOf(session);
  }

  /** The session data that hooks and steps read and write. */
  get data(): Session {
    return this.#data;
  }

  /** A view for a run below that has the same session: it begins with this run's present data. */
  branch(): SessionView {
    return new SessionView(ownCopyOf(this.#data));
  }

  /** Code that still holds the data cannot write into the view any more. */
  detach(): void {
    this.#data = ownCopyOf(this.#data);
  }

  /** Restores an earlier name. In place, as with metadata: hooks hold references to the data. */
  restoreName({ name }: OwnSessionData): void {
    if (name === undefined) delete this.#data.name;
    else this.#data.name = name;
  }

  /** Restores earlier metadata. */
  restoreMetadata({ metadata }: OwnSessionData): void {
    replaceContent(this.#data.metadata, metadata);
  }

  /** Writes the changes of name and metadata into the view of the run above, key by key: the latest write counts. */
  mergeInto(above: SessionView): void {
    const { name, metadata } = changesOf(this.#begun, ownCopyOf(this.#data));
    const { data } = above;
    if (name !== undefined) data.name = name;
    for (const key of metadata.removed) delete data.metadata[key];
    assignOwn(data.metadata, metadata.set);
  }

  /** As the run found name and metadata. */
  get begun(): OwnSessionData {
    return this.#begun;
  }
}

function ownCopyOf(session: Session): Session {
  return { ...session, metadata: copyToKeep(session.metadata) };
}
