/** Plain data by name: JSON values, `Date`, `Map`, `Set`, `Buffer` and typed arrays. */
export type PlainRecord = Record<string, unknown>;

/** The circumstances of a run, shared by its hooks, its engine and its members. */
export interface RunContext {
  readonly runId: string;
  /** The run that started this one: a team for its member, a workflow for its step. */
  readonly parentRunId?: string;
  readonly sessionId: string;
  readonly userId?: string;
  /** The caller's data about the run, stored with it. */
  readonly metadata: PlainRecord;
  /** The caller's data for hooks and engine, for this run only. Never stored. */
  readonly dependencies: PlainRecord;
  /** The session's state. Inline hooks and engines may change its contents; it is saved when the run settles. */
  readonly sessionState: PlainRecord;
}
