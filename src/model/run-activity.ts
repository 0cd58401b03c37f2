/**
 * A part of a run's work that takes time, as timelines show it: names and times, never content.
 *
 * - `attempt`: one try of the component to do its work.
 * - `model-request`: one request to the model. Its name is the id of the model.
 * - `tool-call`: one call of a tool.
 * - `step`: one execution of a step or block of a workflow.
 */
export interface RunActivity {
  readonly kind: 'attempt' | 'model-request' | 'tool-call' | 'step';
  readonly name?: string;
  /** Epoch milliseconds. */
  readonly startedAt: number;
  readonly endedAt?: number;
  readonly hasFailed?: true;
}
