import type * as OpenTelemetry from '@opentelemetry/api';

import { toJsonValue } from '../data/to-json-value.js';
import type { AgentRunError } from '../errors/agent-run.error.js';
import { CheckError } from '../errors/check.errors.js';
import { millisecondsSince } from '../model/clock.js';
import type { RunEventBody, StepPlace } from '../model/run-event.js';
import type { ModelIdentity, RunOutcome } from '../model/run-output.js';
import { sumUsage, USAGE_FIELDS, type ModelRequestMetrics, type RunUsage } from '../model/run-usage.js';
import {
  CHECK_TRIGGER,
  ERROR_TYPE,
  inputContent,
  modelAttributes,
  modelSpanName,
  OUTCOME,
  outputContent,
  ownerAttributes,
  requestAttributes,
  stepAttributes,
  stepSpanName,
  toolAttributes,
  toolContent,
  toolSpanName,
  usageAttributes,
  type Attributes,
  type DescribedHook,
  type SpanOwner,
} from './conventions.js';
import type { Instruments, MeasuredWork } from './instruments.js';
import { fail, OpenTelemetryHookSpans, runHookIn, type Tracer } from './open-telemetry.hook.spans.js';
import type { HookSpans, RunSpan, RunWork, TracedEnd, TracedRun } from './telemetry.js';

/** The error type of tool calls: engines report that they have failed, not why. */
const TOOL_ERROR = 'tool_error';
const STEP_ERROR = 'step_failed';

/** A part of a run's work. */
interface Work {
  readonly kind: RunWork['kind'] | 'model-request';
  /** Of a request to a model, which has none: empty. */
  readonly id: string;
  readonly spanName: string;
  readonly attributes: Attributes;
  readonly spanKind?: OpenTelemetry.SpanKind;
  /** Records how long it has taken. */
  readonly measure?: (work: MeasuredWork) => void;
}

/** A part of a run's work that has not ended. */
interface OpenWork extends Work {
  readonly span: OpenTelemetry.Span;
  readonly context: OpenTelemetry.Context;
  /** In the time of `performance.now()`. */
  readonly startedAt: number;
}

/** The span of a tool call that has ended; it waits for its content. */
interface EndedTool {
  readonly id: string;
  readonly span: OpenTelemetry.Span;
  readonly endedAt: number;
}

/** A run that starts. */
interface StartedRun {
  readonly run: TracedRun;
  readonly span: OpenTelemetry.Span;
  /** Undefined if there is no meter. */
  readonly instruments: Instruments | undefined;
}

/** The span of a run with the spans of its own work, and their measurements. */
export class OpenTelemetryRunSpan implements RunSpan {
  readonly hooks: HookSpans | undefined;
  readonly awaitsDisclosure: boolean;
  readonly #tracer: Tracer;
  readonly #instruments: Instruments | undefined;
  readonly #run: TracedRun;
  readonly #owner: SpanOwner;
  readonly #span: OpenTelemetry.Span;
  readonly #context: OpenTelemetry.Context;
  readonly #startedAt = performance.now();
  /** The work that has not ended, by kind and id. */
  readonly #open = new Map<string, OpenWork>();
  readonly #endedTools: EndedTool[] = [];
  #end: { readonly at: number; readonly outcome: RunOutcome } | undefined;
  #modelCalls = 0;
  #toolCalls = 0;
  /** Of all requests to models. */
  #requested: RunUsage = {};

  constructor(tracer: Tracer, { run, span, instruments }: StartedRun) {
    const { api, settings } = tracer;
    const spanContext = span.spanContext();
    this.#tracer = tracer;
    this.#instruments = instruments;
    this.#run = run;
    this.#owner = { sessionId: run.session.id, userId: run.userId };
    this.#span = span;
    this.#context = api.trace.setSpan(api.context.active(), span);
    this.hooks = api.isSpanContextValid(spanContext)
      ? new OpenTelemetryHookSpans(tracer, spanContext, this.#owner)
      : undefined;
    this.awaitsDisclosure = settings.content && span.isRecording();
  }

  enter<R>(callback: () => R): R {
    return this.#within(this.#context, callback);
  }

  enterWork<R>(work: RunWork, callback: () => R): R {
    const open = this.#open.get(keyOf(work));
    return open ? this.#within(open.context, callback) : callback();
  }

  runHook<R>(hook: DescribedHook, callback: () => R): R {
    return runHookIn(this.#tracer, { hook, owner: this.#owner }, callback);
  }

  note(event: RunEventBody): void {
    this.#tracer.guard.call(() => this.#note(event));
  }

  endAttempt(error?: AgentRunError): void {
    if (this.#open.size === 0) return;
    // Those inside first.
    for (const work of [...this.#open.values()].reverse())
      this.#tracer.guard.call(() => this.#finish(work, error && error.code));
  }

  end({ outcome, error }: TracedEnd): void {
    this.endAttempt(error);
    this.#end = { at: performance.now(), outcome };
    this.#measure(error);
    const { guard, api } = this.#tracer;
    guard.call(() => {
      const span = this.#span;
      span.setAttributes({ [OUTCOME]: outcome, ...usageAttributes(this.#run.output.metrics) });
      if (error instanceof CheckError) span.setAttribute(CHECK_TRIGGER, error.trigger);
      if (error) fail(api, span, error, { errorType: error.code, isShown: outcome === 'failed' });
      if (!this.awaitsDisclosure) span.end();
    });
  }

  disclose(isDisclosed: boolean): void {
    const { guard } = this.#tracer;
    const { input, output } = this.#run;
    const isAnswered = isDisclosed && this.#end?.outcome === 'completed';
    for (const { id, span, endedAt } of this.#endedTools.splice(0))
      guard.call(() => {
        // As it stands in the output: a guardrail may have masked or removed it.
        const tool = isAnswered ? output.tools.findLast((call) => call.id === id) : undefined;
        if (tool) span.setAttributes(toolContent(JSON.stringify(toJsonValue(tool.arguments)), tool.result));
        span.end(endedAt);
      });
    guard.call(() => {
      if (isDisclosed) this.#span.setAttributes(inputContent(input.content));
      if (isAnswered) this.#span.setAttributes(outputContent(output.content));
      this.#span.end(this.#end?.at);
    });
  }

  #within<R>(context: OpenTelemetry.Context, callback: () => R): R {
    const { api, guard } = this.#tracer;
    return guard.within((enter) => api.context.with(context, enter), callback);
  }

  #note(event: RunEventBody): void {
    switch (event.type) {
      case 'model-request-started':
        return this.#startRequest(event.model);
      case 'model-request-completed':
        return this.#endRequest(event.metrics, event.model);
      case 'tool-call-started':
        return this.#startTool(event.tool);
      case 'tool-call-completed':
        return this.#finishWork({ kind: 'tool-call', id: event.tool.id });
      case 'tool-call-failed':
        return this.#finishWork({ kind: 'tool-call', id: event.tool.id }, TOOL_ERROR);
      case 'step-started':
        return this.#startStep(event);
      case 'block-started':
        return this.#startStep(event, event.block);
      case 'step-completed':
      case 'block-completed': {
        const errorType = event.output.success ? undefined : STEP_ERROR;
        return this.#finishWork({ kind: 'step', id: event.stepId }, errorType);
      }
      default:
        return undefined;
    }
  }

  #startRequest(model: ModelIdentity | undefined): void {
    this.#modelCalls += 1;
    this.#start({
      ...REQUEST,
      spanName: modelSpanName(model),
      spanKind: this.#tracer.api.SpanKind.CLIENT,
      attributes: modelAttributes(model),
      measure: (work) => this.#instruments?.modelRequest(model, work),
    });
  }

  #endRequest(metrics: ModelRequestMetrics, model: ModelIdentity | undefined): void {
    this.#requested = sumUsage(this.#requested, metrics);
    this.#instruments?.tokens(model, metrics);
    this.#open.get(keyOf(REQUEST))?.span.setAttributes(requestAttributes(metrics));
    this.#finishWork(REQUEST);
  }

  #startTool({ id, name }: { readonly id: string; readonly name: string }): void {
    this.#toolCalls += 1;
    this.#start({
      kind: 'tool-call',
      id,
      spanName: toolSpanName(name),
      attributes: toolAttributes({ id, name }),
      measure: (work) => this.#instruments?.toolCall(name, work),
    });
  }

  #startStep({ stepId: id, stepName, parentStepId }: StepPlace, block?: string): void {
    const around =
      parentStepId === undefined ? undefined : this.#open.get(keyOf({ kind: 'step', id: parentStepId }));
    const attributes = stepAttributes(stepName, block);
    this.#start({ kind: 'step', id, spanName: stepSpanName(stepName), attributes }, around);
  }

  /** @param around - the block that the work stands in */
  #start(work: Work, around?: OpenWork): void {
    const { api, tracer } = this.#tracer;
    const parent = around?.context ?? this.#context;
    const { spanName, spanKind, attributes } = work;
    const span = tracer.startSpan(
      spanName,
      {
        ...(spanKind === undefined ? {} : { kind: spanKind }),
        attributes: { ...attributes, ...ownerAttributes(this.#owner) },
      },
      parent,
    );
    const context = api.trace.setSpan(parent, span);
    this.#open.set(keyOf(work), { ...work, span, context, startedAt: performance.now() });
  }

  #finishWork(work: Pick<Work, 'kind' | 'id'>, errorType?: string): void {
    const open = this.#open.get(keyOf(work));
    if (open) this.#finish(open, errorType);
  }

  #finish(work: OpenWork, errorType: string | undefined): void {
    const { kind, id, span, startedAt, measure } = work;
    this.#open.delete(keyOf(work));
    measure?.({ seconds: millisecondsSince(startedAt) / 1_000, errorType });
    if (errorType !== undefined) {
      span.setAttribute(ERROR_TYPE, errorType);
      span.setStatus({ code: this.#tracer.api.SpanStatusCode.ERROR });
    }
    if (kind === 'tool-call' && this.awaitsDisclosure)
      this.#endedTools.push({ id, span, endedAt: performance.now() });
    else span.end();
  }

  #measure(error: AgentRunError | undefined): void {
    const { identity, output } = this.#run;
    this.#instruments?.run({
      identity,
      seconds: millisecondsSince(this.#startedAt) / 1_000,
      errorType: error && error.code,
      modelCalls: this.#modelCalls,
      toolCalls: this.#toolCalls,
    });
    // Some engines report the tokens of the whole run instead of those of each request.
    this.#instruments?.tokens(output.model, withoutUsage(output.metrics, this.#requested));
  }
}

/** A run makes one request to its model at a time. */
const REQUEST = { kind: 'model-request', id: '' } as const;

function keyOf({ kind, id }: Pick<Work, 'kind' | 'id'>): string {
  return `${kind} ${id}`;
}

/** The counts of a usage that another one does not hold. */
function withoutUsage(whole: RunUsage, part: RunUsage): RunUsage {
  const rest: RunUsage = {};
  for (const field of USAGE_FIELDS) {
    const count = whole[field];
    if (count !== undefined) rest[field] = count - (part[field] ?? 0);
  }
  return rest;
}
