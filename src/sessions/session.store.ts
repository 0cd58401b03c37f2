import type { ComponentIdentity, ComponentKind } from '../model/component.js';
import type { PlainRecord } from '../model/run-context.js';
import type { RunInput } from '../model/run-input.js';
import type { RunEvent } from '../model/run-event.js';
import type { ModelIdentity, RunOutput, RunStatus } from '../model/run-output.js';
import type { RunUsage } from '../model/run-usage.js';
import type { Session } from '../model/session.js';

import type { SessionChanges } from './session.changes.js';

/** A run as it is remembered: its input after all inline pre-hooks, its output after all inline post-hooks. */
export interface StoredRun {
  readonly runId: string;
  readonly parentRunId?: string;
  readonly component: ComponentIdentity;
  /** Files are remembered by what they are, without their content. */
  readonly input: RunInput;
  readonly output: RunOutput;
  /** The session's state as the run has left it. */
  readonly sessionState: PlainRecord;
  /** What happened in the run and in those below it, without pieces of content; empty if nobody read the run's events. */
  readonly events: readonly RunEvent[];
  /** Of the error with which it ended, such as `run_failed`. */
  readonly errorCode?: string;
  /** What it was asked and what it answered are left out: a guardrail of a run above has refused or changed it. */
  readonly isWithdrawn?: boolean;
}

/** Whose a session is: a user's, or nobody's (`null`). */
export type SessionOwner = string | null;

/**
 * Whose the sessions are that application code names in a hook or a run, with `http.userId` and without a user: no
 * client's. The application reads them from the store.
 */
export const APPLICATION = 'agent-os:application';

/** What {@link SessionStore.runs} may be narrowed to. */
export interface StoredRunFilter {
  /** Runs of a session of this owner only: of another's there are none. */
  readonly owner?: SessionOwner;
  readonly runId?: string;
  readonly componentId?: string;
  readonly status?: RunStatus;
  readonly isWithdrawn?: boolean;
  /** Started at this time or later, in epoch seconds. */
  readonly createdAfter?: number;
  /** Started at this time or earlier, in epoch seconds. */
  readonly createdBefore?: number;
  /** Id of a run of the session: those that were added before it. Of an unknown run there are none. */
  readonly before?: string;
  /** At most so many, the latest ones. Default 100. */
  readonly limit?: number;
  /**
   * Bytes that the runs may have together, as the store counts them: of more than that it leaves out the oldest, but
   * never the latest. A page that is shorter than `limit` is then not the last one. Default: no limit.
   */
  readonly maxSize?: number;
}

/** What a session is created with. */
export interface SessionInit {
  readonly id: string;
  readonly userId?: string;
  /** Whose session it is: the component of its first run. */
  readonly component?: ComponentIdentity;
}

/** The session that a run is added to; if it is new, it is created. */
export interface RunSession extends SessionInit {
  /** Whether the session was there when the run began: if it is gone by now, it stays gone. Default false. */
  readonly isKnown?: boolean;
  /** Whose the session must be, if it is there. Left out, runs are added to anybody's. */
  readonly owner?: SessionOwner;
}

/** Tokens that the runs of a session have used with one model, or without any. */
export interface SessionUsage extends RunUsage {
  readonly model?: ModelIdentity;
}

/** A session as it is kept. */
export interface StoredSession extends Session {
  /** What kind of component it is for, also if it does not know yet for which. */
  readonly kind: ComponentKind;
  readonly component?: ComponentIdentity;
  /** What its first run was asked, unless that was refused: how people call a session without a name. */
  readonly firstInput?: string;
  /** Its runs have settled, but what they were asked was refused or is not for keeping; only without a first input. */
  readonly isInputWithheld?: boolean;
  /** What a client has written about it; see {@link SessionStore.update}. */
  readonly summary?: PlainRecord;
  /** Of all its runs, those of members and steps included, model by model in the order of first use. */
  readonly usage: readonly SessionUsage[];
  /** Epoch milliseconds. */
  readonly createdAt: number;
  /** Epoch milliseconds of the latest run or change. */
  readonly updatedAt: number;
}

/** What {@link SessionStore.create} makes. */
export interface NewSession extends SessionInit {
  /** Default: that of its component, else `agent`. */
  readonly kind?: ComponentKind;
  readonly name?: string;
  readonly state?: PlainRecord;
  readonly metadata?: PlainRecord;
}

/** What {@link SessionStore.list} may be narrowed to, and which part of it is wanted. */
export interface SessionFilter {
  readonly kind?: ComponentKind;
  readonly componentId?: string;
  /** `null`: those that belong to nobody. */
  readonly userId?: SessionOwner;
  /** A part of the name that people see (the session's, else its first input), in any case of letters. */
  readonly name?: string;
  /** At most so many. Default 20. */
  readonly limit?: number;
  /** How many of the list are left out at its beginning. Default 0. */
  readonly offset?: number;
  /** Default `createdAt`. */
  readonly sortBy?: 'createdAt' | 'updatedAt' | 'name';
  /** Default `desc`. */
  readonly sortOrder?: 'asc' | 'desc';
}

/** A part of a list of sessions. */
export interface SessionPage {
  readonly sessions: readonly StoredSession[];
  /** How many there are in all. */
  readonly total: number;
}

/** What {@link SessionStore.update} changes. */
export interface SessionUpdate extends SessionChanges {
  readonly summary?: PlainRecord;
}

/**
 * The port that keeps sessions and their runs.
 *
 * Every store promises: what it returns are copies, so that changing them changes nothing; what it is given is never
 * changed afterwards and may be kept as it is; and appending runs of one session at the same time loses neither a run
 * nor a change: of two runs that change the same key, the one that settles last wins. Where an owner is given, whose
 * the session is, is looked at in the same step: sessions may be deleted and created anew at any time.
 */
export abstract class SessionStore {
  /** The session in which a run begins; undefined if there is none with this id. */
  abstract open(id: string): Promise<Session | undefined>;

  /**
   * Adds a settled run to its session, and makes the run's changes to the session.
   *
   * @returns false, and does nothing, if the session has been deleted since the run began or is another's
   */
  abstract append(session: RunSession, run: StoredRun, changes: SessionChanges): Promise<boolean>;

  /** The latest runs of a session, the oldest first; empty if it does not exist. */
  abstract runs(sessionId: string, filter?: StoredRunFilter): Promise<readonly StoredRun[]>;

  /** The session with this id, with all that is known about it; undefined if it is another's. */
  abstract find(id: string, owner?: SessionOwner): Promise<StoredSession | undefined>;

  /** The sessions that fit, a page at a time. */
  abstract list(filter?: SessionFilter): Promise<SessionPage>;

  /** Creates a session without runs. @returns false, and does nothing, if there is one with this id */
  abstract create(session: NewSession): Promise<boolean>;

  /** Changes a session. @returns false if there is none with this id, or it is another's */
  abstract update(id: string, update: SessionUpdate, owner?: SessionOwner): Promise<boolean>;

  /**
   * Deletes sessions with their runs. Ids that are not there, or are another's, are no error.
   *
   * @returns the ids of those that it has deleted
   */
  abstract delete(ids: readonly string[], owner?: SessionOwner): Promise<readonly string[]>;
}
