import type * as OpenTelemetry from '@opentelemetry/api';

import { toError } from '../data/to-error.js';
import { CheckError } from '../errors/check.errors.js';
import { forLog } from '../errors/log.text.js';
import {
  ERROR_TYPE,
  HOOK_SKIPPED,
  hookAttributes,
  hookSpanName,
  ownerAttributes,
  type DescribedHook,
  type SpanOwner,
} from './conventions.js';
import type { HookSpans, TelemetrySettings } from './telemetry.js';
import type { TelemetryGuard } from './telemetry.guard.js';

/** The parts of OpenTelemetry that spans need. */
export interface Tracer {
  readonly api: typeof OpenTelemetry;
  readonly tracer: OpenTelemetry.Tracer;
  readonly guard: TelemetryGuard;
  readonly settings: TelemetrySettings;
}

/** The spans of the background hooks of a run. */
export class OpenTelemetryHookSpans implements HookSpans {
  readonly #tracer: Tracer;
  readonly #run: OpenTelemetry.SpanContext;
  readonly #owner: SpanOwner;

  /** @param run - the span of the run, perhaps of another process */
  constructor(tracer: Tracer, run: OpenTelemetry.SpanContext, owner: SpanOwner) {
    this.#tracer = tracer;
    this.#run = run;
    this.#owner = owner;
  }

  get traceparent(): string {
    const { traceId, spanId, traceFlags } = this.#run;
    return `00-${traceId}-${spanId}-${traceFlags.toString(16).padStart(2, '0')}`;
  }

  run<R>(hook: DescribedHook, callback: () => R): R {
    const { api, settings, guard } = this.#tracer;
    const parent = guard.call(() => api.trace.setSpanContext(api.context.active(), this.#run));
    if (!parent) return callback();
    // The hooks of a run that the sampler has left out are left out with it, whatever they are to the run.
    if ((this.#run.traceFlags & api.TraceFlags.SAMPLED) === 0)
      return guard.within((enter) => api.context.with(parent, enter), callback);
    const place =
      settings.hookSpans === 'child'
        ? { parent }
        : { options: { root: true, links: [{ context: this.#run }] } };
    return runHookIn(this.#tracer, { hook, owner: this.#owner, ...place }, callback);
  }
}

/** Where the span of a hook stands. */
interface HookPlace {
  readonly hook: DescribedHook;
  readonly owner: SpanOwner;
  /** Default: the active context. */
  readonly parent?: OpenTelemetry.Context;
  readonly options?: OpenTelemetry.SpanOptions;
}

/** Runs a hook in a span of its own, which ends with the callback, or with the promise it returns. */
export function runHookIn<R>(
  { api, tracer, guard }: Tracer,
  { hook, owner, parent, options }: HookPlace,
  callback: () => R,
): R {
  const started = guard.call(() => {
    const base = parent ?? api.context.active();
    const attributes = { ...hookAttributes(hook), ...ownerAttributes(owner) };
    const span = tracer.startSpan(hookSpanName(hook), { ...options, attributes }, base);
    return { span, context: api.trace.setSpan(base, span) };
  });
  if (!started) return callback();
  const { span, context } = started;
  const end = (settled: HookEnd): void =>
    void guard.call(() => {
      if ('thrown' in settled) failHook(api, span, hook, toError(settled.thrown));
      else if (settled.returned === 'skipped') span.setAttribute(HOOK_SKIPPED, true);
      span.end();
    });
  return guard.within(
    (enter) => api.context.with(context, enter),
    () => endWith(callback, end),
  );
}

type HookEnd = { readonly returned: unknown } | { readonly thrown: unknown };

/** Ends with the callback, or with the promise it returns. */
function endWith<R>(callback: () => R, end: (settled: HookEnd) => void): R {
  try {
    const result = callback();
    if (result instanceof Promise)
      result.then(
        (returned: unknown) => end({ returned }),
        (thrown: unknown) => end({ thrown }),
      );
    else end({ returned: result });
    return result;
  } catch (thrown) {
    end({ thrown });
    throw thrown;
  }
}

/** The message of a guardrail, or of any other rejection, may quote what was rejected. */
function failHook(
  api: typeof OpenTelemetry,
  span: OpenTelemetry.Span,
  { isGuardrail }: DescribedHook,
  error: Error,
): void {
  const isShown = !isGuardrail && !(error instanceof CheckError);
  fail(api, span, error, { errorType: error.constructor.name, isShown });
}

/** How a span shows an error. */
export interface ShownError {
  readonly errorType: string;
  /** Whether the span shows the message of the error. */
  readonly isShown: boolean;
}

/** Gives a span the status of an error. */
export function fail(
  { SpanStatusCode }: Pick<typeof OpenTelemetry, 'SpanStatusCode'>,
  span: OpenTelemetry.Span,
  error: Error,
  { errorType, isShown }: ShownError,
): void {
  span.setAttribute(ERROR_TYPE, errorType);
  if (!isShown) {
    span.setStatus({ code: SpanStatusCode.ERROR });
    return;
  }
  // The text of the log: the message of a database error holds all parameters of its statement.
  const { reason, stack } = forLog(error);
  span.recordException({ name: error.name, message: reason, ...(stack === undefined ? {} : { stack }) });
  span.setStatus({ code: SpanStatusCode.ERROR, message: reason });
}
