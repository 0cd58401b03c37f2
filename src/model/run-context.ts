/** Plain data by name: JSON values, `Date`, `Map`, `Set`, `Buffer` and typed arrays. */
export type PlainRecord = Record<string, unknown>;

/** The circumstances of a run, shared by its hooks, its engine and its members. */
export interface RunContext {
  readonly runId: string;
  /** The run that started this one: a team for its member, a workflow for its step. */
  readonly parentRunId?: string;
  readonly sessionId: string;
  readonly userId?: string;
  /** What the caller wants to be remembered with the run. Stored with it. */
  readonly metadata: PlainRecord;
  /** What the caller hands to hooks and engine for this run only. Never stored. */
  readonly dependencies: PlainRecord;
  /** The session's state. Inline hooks and engines may change what is in it; it is saved when the run settles. */
  readonly sessionState: PlainRecord;
}
