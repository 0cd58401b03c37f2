import type { ComponentIdentity, ComponentKind } from '../model/component-identity.js';
import type { PlainRecord } from '../model/run-context.js';
import type { RunInput } from '../model/run-input.js';
import type { RunEvent } from '../model/run-event.js';
import type { ModelIdentity, RunOutput, RunStatus } from '../model/run-output.js';
import type { RunUsage } from '../model/run-usage.js';
import type { Session } from '../model/session.js';

import type { SessionChanges } from './session.changes.js';

/** A run as it is stored: its input after all inline pre-hooks, its output after all inline post-hooks. */
export interface StoredRun {
  readonly runId: string;
  readonly parentRunId?: string;
  readonly component: ComponentIdentity;
  /** Files are stored without their content. */
  readonly input: RunInput;
  readonly output: RunOutput;
  /** The session's state at the end of the run. */
  readonly sessionState: PlainRecord;
  /** Events of the run and the runs below it, without pieces of content; empty if the run's events had no reader. */
  readonly events: readonly RunEvent[];
  /** The code of the error that ended the run, such as `run_failed`. */
  readonly errorCode?: string;
  /** Input and output are left out because a guardrail of a run above has refused or changed them. */
  readonly isWithdrawn?: boolean;
}

/**
 * Stores something in a transaction that others have begun and will commit.
 *
 * @param connection - that of the transaction: a client of a `Pool` of `pg`, or a `Transaction` of PGlite
 */
export type StoreWithin = (connection: object) => Promise<void>;

/** The owner of a session: a user, or none (`null`). */
export type SessionOwner = string | null;

/**
 * The owner of sessions that application code names in a hook or a run without a user while `http.userId` is set. They
 * belong to no client; the application reads them from the store.
 */
export const APPLICATION = 'agent-os:application';

/** The filter of {@link SessionStore.runs}. */
export interface StoredRunFilter {
  /** Returns runs only if the session belongs to this owner. */
  readonly owner?: SessionOwner;
  readonly runId?: string;
  readonly componentId?: string;
  /** Runs with one of these; none for an empty list. */
  readonly statuses?: readonly RunStatus[];
  readonly isWithdrawn?: boolean;
  /** Earliest start, inclusive, in epoch seconds. */
  readonly createdAfter?: number;
  /** Latest start, inclusive, in epoch seconds. */
  readonly createdBefore?: number;
  /** Id of a run of the session: only runs added before it are returned; none if the id is unknown. */
  readonly before?: string;
  /** Maximum number of runs; the latest are returned. Default 100. */
  readonly limit?: number;
  /**
   * Maximum total size of the runs in bytes, as the store counts it: beyond it the oldest runs are left out, but never
   * the latest. A page that is shorter than `limit` is then not necessarily the last one. Default: no limit.
   */
  readonly maxSize?: number;
}

/** The initial data of a session. */
export interface SessionInit {
  readonly id: string;
  readonly userId?: string;
  /** The component of the session's first run. */
  readonly component?: ComponentIdentity;
}

/** The session that a run is added to; if it is new, it is created. */
export interface RunSession extends SessionInit {
  /** The session existed when the run began; if it was deleted since, it is not recreated. Default false. */
  readonly isKnown?: boolean;
  /** The owner that the session must have if it exists. Default: any owner. */
  readonly owner?: SessionOwner;
}

/** Tokens that the runs of a session have used with one model, or without any. */
export interface SessionUsage extends RunUsage {
  readonly model?: ModelIdentity;
}

/** A session as it is stored. */
export interface StoredSession extends Session {
  /** The kind of the session's component, set even if the component is not known yet. */
  readonly kind: ComponentKind;
  readonly component?: ComponentIdentity;
  /** The input of its first run, unless it was refused; displayed for a session without a name. */
  readonly firstInput?: string;
  /** Its runs have settled, but their inputs were refused or must not be stored; only set without a first input. */
  readonly isInputWithheld?: boolean;
  /** A summary written by a client; see {@link SessionStore.update}. */
  readonly summary?: PlainRecord;
  /** Usage of all its runs, including members and steps, per model in the order of first use. */
  readonly usage: readonly SessionUsage[];
  /** Epoch milliseconds. */
  readonly createdAt: number;
  /** Epoch milliseconds of the latest run or change. */
  readonly updatedAt: number;
}

/** The session for {@link SessionStore.create}. */
export interface NewSession extends SessionInit {
  /** Default: the kind of `component`, else `agent`. */
  readonly kind?: ComponentKind;
  readonly name?: string;
  readonly state?: PlainRecord;
  readonly metadata?: PlainRecord;
}

/** Filter, order and page of {@link SessionStore.list}. */
export interface SessionFilter {
  readonly kind?: ComponentKind;
  readonly componentId?: string;
  /** `null`: sessions without an owner. */
  readonly userId?: SessionOwner;
  /** Part of the displayed name (the session's name, else its first input), case-insensitive. */
  readonly name?: string;
  /** Maximum number of sessions. Default 20. */
  readonly limit?: number;
  /** Number of sessions to skip. Default 0. */
  readonly offset?: number;
  /** Default `createdAt`. */
  readonly sortBy?: 'createdAt' | 'updatedAt' | 'name';
  /** Default `desc`. */
  readonly sortOrder?: 'asc' | 'desc';
}

/** A page of a list of sessions. */
export interface SessionPage {
  readonly sessions: readonly StoredSession[];
  /** Total number of matching sessions on all pages. */
  readonly total: number;
}

/** The changes for {@link SessionStore.update}. */
export interface SessionUpdate extends SessionChanges {
  readonly summary?: PlainRecord;
}

/**
 * The port that stores sessions and their runs.
 *
 * Every store guarantees: it returns copies, which callers may change without effect on the store; appending runs to
 * one session concurrently loses neither a run nor a change: of two runs that change the same key, the one that settles
 * last wins; and if an owner is given, it checks the session's owner in the same atomic step, since sessions may be
 * deleted and created anew at any time. Callers never change the values they pass, so the store need not copy them.
 */
export abstract class SessionStore {
  /**
   * The client of the database in whose transactions {@link append} can store more: a `Pool` of `pg` or a PGlite. An
   * executor with the same client stores the hooks of a run in the transaction of the run. Undefined unless overridden.
   */
  get client(): object | undefined {
    return undefined;
  }

  /** The session for a run that begins; undefined if there is none with this id. */
  abstract open(id: string): Promise<Session | undefined>;

  /**
   * Adds a settled run to its session, and applies the run's changes to the session.
   *
   * @param within - only given if the store has a {@link client}: stores more in the transaction of the run. Called once,
   *   with the connection of the transaction, unless append() returns false. If it rejects, nothing is stored, and
   *   append() rejects.
   * @returns false, and does nothing, if the session was deleted since the run began or belongs to another owner
   */
  abstract append(
    session: RunSession,
    run: StoredRun,
    changes: SessionChanges,
    within?: StoreWithin,
  ): Promise<boolean>;

  /** The latest runs of a session, the oldest of them first; empty if the session does not exist. */
  abstract runs(sessionId: string, filter?: StoredRunFilter): Promise<readonly StoredRun[]>;

  /** The whole stored session with this id; undefined if there is none or it belongs to another owner. */
  abstract find(id: string, owner?: SessionOwner): Promise<StoredSession | undefined>;

  /** One page of the sessions that match the filter. */
  abstract list(filter?: SessionFilter): Promise<SessionPage>;

  /** Creates a session without runs. @returns false, and does nothing, if there is one with this id */
  abstract create(session: NewSession): Promise<boolean>;

  /** Changes a session. @returns false if there is none with this id, or it belongs to another owner */
  abstract update(id: string, update: SessionUpdate, owner?: SessionOwner): Promise<boolean>;

  /**
   * Adds metadata to the output of a stored run; keys that it has already are replaced. Nothing else changes: neither
   * the events of the run nor its session. Concurrent calls for one run lose no key, and of two that set the same key,
   * the one that is applied last wins.
   *
   * @returns false, and does nothing, if no run with this id is stored, its session belongs to another owner, or it is
   *   stored without its answer (`isWithdrawn`): the metadata may quote text that guardrails have refused
   * @throws RunNotStoredError if this is the injected store, and the run is in flight in this process and not being stored
   */
  abstract annotate(runId: string, metadata: Readonly<PlainRecord>, owner?: SessionOwner): Promise<boolean>;

  /**
   * Deletes sessions with their runs. Unknown ids and ids of another owner are no error.
   *
   * @returns the ids of the deleted sessions
   */
  abstract delete(ids: readonly string[], owner?: SessionOwner): Promise<readonly string[]>;
}
