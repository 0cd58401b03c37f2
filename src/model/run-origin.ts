/**
 * A background hook's record of its settled run: runs that the hook starts are on behalf of the same user. Plain data
 * that can be serialized as JSON.
 */
export interface RunOrigin {
  readonly sessionId: string;
  readonly userId?: string;
  /** The required owner of the run's session: `null` for a session without an owner, absent for any owner. */
  readonly owner?: string | null;
  /** Guardrails withheld the run from the client. */
  readonly isWithdrawn: boolean;
}
