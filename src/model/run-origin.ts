/**
 * What a background hook knows of its run, which has settled: runs that it starts are on behalf of the same user. Plain
 * data, which can be written as JSON.
 */
export interface RunOrigin {
  readonly sessionId: string;
  readonly userId?: string;
  /** Whose the run's session must be; `null` for nobody's, absent for anybody's. */
  readonly owner?: string | null;
  /** Guardrails have not let the run be seen. */
  readonly isWithdrawn: boolean;
}
