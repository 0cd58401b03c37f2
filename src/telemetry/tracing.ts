import type { ComponentIdentity } from '../model/component.js';

/** The span of a run, for its background hooks. */
export interface LinkedSpan {
  /** Its ids, in the format of the header `traceparent` of W3C Trace Context. */
  readonly traceparent: string;
  /** Runs a background hook of the run in a span of its own: a new root, linked to this one. */
  linked<R>(name: string, attributes: Readonly<Record<string, string>>, callback: () => R): R;
}

/** The span of a run, while it lasts. */
export interface RunSpan extends LinkedSpan {
  /** Runs the callback with the span as the active one. */
  enter<R>(callback: () => R): R;
  /** The run has settled. */
  end(error?: Error): void;
}

/** The port to a tracer. */
export abstract class Tracing {
  /** Returns undefined if no tracer records. */
  abstract startRun(component: ComponentIdentity, runId: string): RunSpan | undefined;

  /** The span of a run in another process. Returns undefined if there is no tracer, or these are no ids of a span. */
  spanOf(_traceparent: string): LinkedSpan | undefined {
    return undefined;
  }
}

/** No tracer is installed. */
export class NoTracing extends Tracing {
  override startRun(): undefined {
    return undefined;
  }
}
