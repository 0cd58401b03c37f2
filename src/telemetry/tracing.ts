import type { ComponentIdentity } from '../model/component.js';

/** The span of a run, while it lasts. */
export interface RunSpan {
  /** Runs the callback with the span as the active one. */
  enter<R>(callback: () => R): R;
  /** The run has settled. */
  end(error?: Error): void;
  /** Runs a background hook of the run in a span of its own: a new root, linked to this one. */
  linked<R>(name: string, attributes: Readonly<Record<string, string>>, callback: () => R): R;
}

/** The port to a tracer. */
export abstract class Tracing {
  /** Returns undefined if no tracer records. */
  abstract startRun(component: ComponentIdentity, runId: string): RunSpan | undefined;
}

/** No tracer is installed. */
export class NoTracing extends Tracing {
  override startRun(): undefined {
    return undefined;
  }
}
