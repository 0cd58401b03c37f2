import type { ComponentIdentity } from '../model/component.js';
import type { RunInput } from '../model/run-input.js';
import type { RunEvent } from '../model/run-event.js';
import type { RunOutput, RunStatus } from '../model/run-output.js';
import type { Session } from '../model/session.js';

import type { SessionChanges } from './session.changes.js';

/** A run as it is remembered: its input after all inline pre-hooks, its output after all inline post-hooks. */
export interface StoredRun {
  readonly runId: string;
  readonly parentRunId?: string;
  readonly component: ComponentIdentity;
  readonly input: RunInput;
  readonly output: RunOutput;
  /** What happened, without pieces of content and without the last event; empty if nobody read the run's events. */
  readonly events: readonly RunEvent[];
}

/** What {@link SessionStore.runs} may be narrowed to. */
export interface StoredRunFilter {
  readonly componentId?: string;
  readonly status?: RunStatus;
  /** At most so many, the latest ones. Default 100. */
  readonly limit?: number;
}

/** What a session is created with, if it does not exist yet. */
export interface SessionInit {
  readonly id: string;
  readonly userId?: string;
}

/**
 * The port that keeps sessions and their runs.
 *
 * Every store promises: what it returns are copies, so that changing them changes nothing; what it is given is never
 * changed afterwards and may be kept as it is; and appending runs of one session at the same time loses neither a run
 * nor a change: of two runs that change the same key, the one that settles last wins.
 */
export abstract class SessionStore {
  /** The session with this id, new if there is none. */
  abstract open(init: SessionInit): Promise<Session>;

  /** Adds a settled run to its session, which is created if it is new, and makes the run's changes to the session. */
  abstract append(session: SessionInit, run: StoredRun, changes: SessionChanges): Promise<void>;

  /** The latest runs of a session, the oldest first; empty if it does not exist. */
  abstract runs(sessionId: string, filter?: StoredRunFilter): Promise<readonly StoredRun[]>;
}
