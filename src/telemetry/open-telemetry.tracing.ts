import type * as OpenTelemetry from '@opentelemetry/api';

import { toError } from '../data/to-error.js';
import { forLog } from '../errors/log.text.js';
import type { ComponentIdentity } from '../model/component.js';
import { importIfInstalled } from '../peers/optional-peer.js';
import { NoTracing, Tracing, type LinkedSpan, type RunSpan } from './tracing.js';

type Api = typeof OpenTelemetry;

/** Tracing through OpenTelemetry if the application has its API installed, else none. */
export async function loadTracing(): Promise<Tracing> {
  const load = (): Promise<Api> => import('@opentelemetry/api');
  const api = await importIfInstalled({ name: '@opentelemetry/api', load });
  return api ? new OpenTelemetryTracing(api) : new NoTracing();
}

class OpenTelemetryTracing extends Tracing {
  readonly #api: Api;

  constructor(api: Api) {
    super();
    this.#api = api;
  }

  override startRun({ kind, id, name }: ComponentIdentity, runId: string): RunSpan | undefined {
    const attributes = { 'agent_os.kind': kind, 'agent_os.component': id, 'agent_os.run_id': runId };
    const span = this.#api.trace.getTracer('nestjs-agentos').startSpan(`${kind} ${name}`, { attributes });
    return span.isRecording() ? new OpenTelemetryRunSpan(this.#api, span) : undefined;
  }

  override spanOf(traceparent: string): LinkedSpan | undefined {
    const [, traceId = '', spanId = '', flags = ''] =
      /^00-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})$/.exec(traceparent) ?? [];
    const spanContext = { traceId, spanId, traceFlags: Number.parseInt(flags, 16), isRemote: true };
    return this.#api.isSpanContextValid(spanContext)
      ? new OpenTelemetryLinkedSpan(this.#api, spanContext)
      : undefined;
  }
}

class OpenTelemetryLinkedSpan implements LinkedSpan {
  readonly #api: Api;
  readonly #spanContext: OpenTelemetry.SpanContext;

  constructor(api: Api, spanContext: OpenTelemetry.SpanContext) {
    this.#api = api;
    this.#spanContext = spanContext;
  }

  get traceparent(): string {
    const { traceId, spanId, traceFlags } = this.#spanContext;
    return `00-${traceId}-${spanId}-${traceFlags.toString(16).padStart(2, '0')}`;
  }

  linked<R>(name: string, attributes: Readonly<Record<string, string>>, callback: () => R): R {
    const { context, trace } = this.#api;
    const links = [{ context: this.#spanContext }];
    const span = trace
      .getTracer('nestjs-agentos')
      .startSpan(name, { root: true, links, attributes: { ...attributes } });
    const end = (error?: unknown): void =>
      finish(this.#api, span, error === undefined ? undefined : toError(error));
    return context.with(trace.setSpan(context.active(), span), () => endWith(callback, end));
  }
}

class OpenTelemetryRunSpan extends OpenTelemetryLinkedSpan implements RunSpan {
  readonly #api: Api;
  readonly #span: OpenTelemetry.Span;

  constructor(api: Api, span: OpenTelemetry.Span) {
    super(api, span.spanContext());
    this.#api = api;
    this.#span = span;
  }

  enter<R>(callback: () => R): R {
    const { context, trace } = this.#api;
    return context.with(trace.setSpan(context.active(), this.#span), callback);
  }

  end(error?: Error): void {
    finish(this.#api, this.#span, error);
  }
}

/** Ends with the callback, or with the promise it returns. */
function endWith<R>(callback: () => R, end: (error?: unknown) => void): R {
  try {
    const result = callback();
    if (result instanceof Promise) result.then(() => end(), end);
    else end();
    return result;
  } catch (error) {
    end(error);
    throw error;
  }
}

function finish({ SpanStatusCode }: Api, span: OpenTelemetry.Span, error: Error | undefined): void {
  if (error) {
    // The text of the log: the message of a database error holds all parameters of its statement.
    const { reason, stack } = forLog(error);
    span.recordException({ name: error.name, message: reason, ...(stack === undefined ? {} : { stack }) });
    span.setStatus({ code: SpanStatusCode.ERROR, message: reason });
  }
  span.end();
}
