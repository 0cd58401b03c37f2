import type { Observable } from 'rxjs';

import type { AgentRunError } from '../errors/agent-run.error.js';
import type { RunEventBody } from '../model/run-event.js';
import type { RunInput } from '../model/run-input.js';
import type { RunOutcome, RunOutput } from '../model/run-output.js';
import type { DescribedEvaluation, DescribedHook, DescribedRun, SpanOwner } from './conventions.js';

/** The option `telemetry` of the module, with its defaults. */
export interface TelemetrySettings {
  /** Whether spans of background hooks are roots of their own traces, linked to the run, or children of the run. */
  readonly hookSpans: 'linked' | 'child';
  /** Whether spans and events show inputs and answers. */
  readonly content: boolean;
}

/** A run as its telemetry sees it. */
export interface TracedRun extends DescribedRun {
  readonly input: Readonly<Pick<RunInput, 'content'>>;
  readonly output: Readonly<Pick<RunOutput, 'content' | 'metrics' | 'model' | 'tools'>>;
}

/** How a run has ended. */
export interface TracedEnd {
  readonly outcome: RunOutcome;
  readonly error: AgentRunError | undefined;
}

/** The span of a run as its background hooks need it: it holds ids, not the run. */
export interface HookSpans {
  /** The ids of the run's span, in the format of the header `traceparent` of W3C Trace Context. */
  readonly traceparent: string;
  /** Runs a background hook of the run in a span of its own, linked to this one or below it. */
  run<R>(hook: DescribedHook, callback: () => R): R;
}

/** The span of a run and the spans of its own work: requests to models, tools, steps, inline hooks. */
export interface RunSpan {
  /** For the background hooks of the run; undefined if no tracer records it. */
  readonly hooks: HookSpans | undefined;
  /** Runs the callback with the span as the active one. */
  enter<R>(callback: () => R): R;
  /** Runs the callback with the span of a step or of a tool call of the run as the active one. */
  enterWork<R>(work: RunWork, callback: () => R): R;
  /** Runs an inline hook of the run in a span of its own. */
  runHook<R>(hook: DescribedHook, callback: () => R): R;
  /** An event of the run, which may begin or end a part of its work. */
  note(event: RunEventBody): void;
  /** The attempt has ended, and with it all that it has begun; with an error, if it has failed. */
  endAttempt(error?: AgentRunError): void;
  /** The run has settled. */
  end(end: TracedEnd): void;
  /** The spans show content, so they wait until {@link disclose} says whether they may. */
  readonly awaitsDisclosure: boolean;
  /** Guardrails of the run, and of the runs above it, have passed the run or not: ends the spans that wait. */
  disclose(isDisclosed: boolean): void;
}

/** A part of a run's work that other code runs in. */
export interface RunWork {
  readonly kind: 'step' | 'tool-call';
  /** Of the step's execution, or of the call. */
  readonly id: string;
}

/** An execution of a hook, as its measurements need it. */
export interface MeasuredHook {
  readonly hook: string;
  readonly mode: 'inline' | 'background';
  readonly state: string;
  readonly attempts: number;
  /** Epoch milliseconds. */
  readonly scheduledAt: number;
  readonly endedAt?: number;
}

/** The executions of a hook that have not ended, in numbers. Those of several components are measured together. */
export interface PendingHooks extends Pick<MeasuredHook, 'hook' | 'mode'> {
  readonly waiting: number;
  readonly running: number;
  /** Milliseconds since the longest waiting one was scheduled; absent if none waits. */
  readonly oldestWaiting?: number;
}

/** The record of hook executions, as their measurements need it. */
export interface MeasuredHooks {
  /** Every change of state in this process. */
  readonly changes: Observable<MeasuredHook>;
  /** The executions that wait or run, of all processes that share a store. */
  pending(): Promise<readonly PendingHooks[]>;
}

/** The port to a tracer and a meter. Nothing here throws. */
export abstract class Telemetry {
  /** Returns undefined if nothing is recorded. */
  abstract startRun(run: TracedRun): RunSpan | undefined;

  /** For hooks of a run in another process. Returns undefined if there is no tracer, or these are no ids of a span. */
  hooksOf(_traceparent: string, _owner: SpanOwner): HookSpans | undefined {
    return undefined;
  }

  /** A judge, which is the hook that is running, has evaluated a run. An empty reason is not shown. */
  evaluated(_evaluation: DescribedEvaluation): void {
    // Nothing is recorded.
  }

  /** Measures hooks from now on. @returns ends it */
  measureHooks(_hooks: MeasuredHooks): () => void {
    return () => undefined;
  }
}

/** Nothing is recorded. */
export class NoTelemetry extends Telemetry {
  override startRun(): undefined {
    return undefined;
  }
}
