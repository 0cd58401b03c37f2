import { assignOwn } from '../data/assign-own.js';
import type { Session } from '../model/session.js';
import { changesOf } from '../sessions/session.changes.js';
import { replaceContent } from './hold/given-data.js';
import { copyToKeep } from '../data/lenient-copy.js';

/** What of a session a run has for itself. */
export type OwnSessionData = Readonly<Pick<Session, 'name' | 'metadata'>>;

/**
 * The session as one run sees it: the state is that of all runs that have the session open, the name and the metadata
 * are the run's own. What the run has made of them goes to the run above when it settles, unless it was withdrawn: so
 * members side by side do not take back what the others have written, and what guardrails have not seen stays out.
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

  /** What hooks and steps read and write. */
  get data(): Session {
    return this.#data;
  }

  /** For a run below that has the same session: it begins with what this run has now. */
  branch(): SessionView {
    return new SessionView(ownCopyOf(this.#data));
  }

  /** Those who hold on to the data cannot write into the view any more. */
  detach(): void {
    this.#data = ownCopyOf(this.#data);
  }

  /** Goes back to an earlier name. In place, as with metadata: hooks hold on to the data. */
  restoreName({ name }: OwnSessionData): void {
    if (name === undefined) delete this.#data.name;
    else this.#data.name = name;
  }

  /** Goes back to earlier metadata. */
  restoreMetadata({ metadata }: OwnSessionData): void {
    replaceContent(this.#data.metadata, metadata);
  }

  /** Writes what has become of name and metadata into the view of the run above, key by key: the latest write counts. */
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
