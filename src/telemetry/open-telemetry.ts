import type * as OpenTelemetry from '@opentelemetry/api';
import type { LoggerService } from '@nestjs/common';

import { importIfInstalled } from '../peers/optional-peer.js';
import {
  EVALUATION_EVENT,
  evaluationAttributes,
  runAttributes,
  runSpanName,
  SCOPE,
  type DescribedEvaluation,
  type SpanOwner,
} from './conventions.js';
import { Instruments } from './instruments.js';
import { OpenTelemetryHookSpans, type Tracer } from './open-telemetry.hook.spans.js';
import { OpenTelemetryRunSpan } from './open-telemetry.run.span.js';
import {
  NoTelemetry,
  Telemetry,
  type HookSpans,
  type MeasuredHooks,
  type RunSpan,
  type TelemetrySettings,
  type TracedRun,
} from './telemetry.js';
import { TelemetryGuard } from './telemetry.guard.js';

type Api = typeof OpenTelemetry;

/** Telemetry through OpenTelemetry if the application has its API installed and wants it, else none. */
export async function loadTelemetry(
  { enabled, ...settings }: TelemetrySettings & { readonly enabled: boolean },
  logger: Pick<LoggerService, 'error'>,
): Promise<Telemetry> {
  if (!enabled) return new NoTelemetry();
  const load = (): Promise<Api> => import('@opentelemetry/api');
  const api = await importIfInstalled({ name: '@opentelemetry/api', load });
  return api ? new OpenTelemetryTelemetry(api, settings, new TelemetryGuard(logger)) : new NoTelemetry();
}

class OpenTelemetryTelemetry extends Telemetry {
  readonly #api: Api;
  readonly #settings: TelemetrySettings;
  readonly #guard: TelemetryGuard;
  /** Undefined if the application has registered no meter. */
  readonly #instruments: Instruments | undefined;
  #tracer: Tracer | undefined;

  constructor(api: Api, settings: TelemetrySettings, guard: TelemetryGuard) {
    super();
    this.#api = api;
    this.#settings = settings;
    this.#guard = guard;
    this.#instruments = guard.call(() => {
      const meter = api.metrics.getMeter(SCOPE);
      return meter === api.createNoopMeter() ? undefined : new Instruments(meter, guard);
    });
  }

  override startRun(run: TracedRun): RunSpan | undefined {
    const found = this.#findTracer();
    const instruments = this.#instruments;
    if (!found && !instruments) return undefined;
    return this.#guard.call(() => {
      const tracer = found ?? this.#tracerOf(new this.#api.ProxyTracerProvider());
      const attributes = runAttributes(run);
      const span = tracer.tracer.startSpan(runSpanName(run.identity), { attributes });
      if (!instruments && !this.#api.isSpanContextValid(span.spanContext())) return undefined;
      return new OpenTelemetryRunSpan(tracer, { run, span, instruments });
    });
  }

  override hooksOf(traceparent: string, owner: SpanOwner): HookSpans | undefined {
    const tracer = this.#findTracer();
    if (!tracer) return undefined;
    const [, traceId = '', spanId = '', flags = ''] =
      /^00-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})$/.exec(traceparent) ?? [];
    const spanContext = { traceId, spanId, traceFlags: Number.parseInt(flags, 16), isRemote: true };
    return this.#api.isSpanContextValid(spanContext)
      ? new OpenTelemetryHookSpans(tracer, spanContext, owner)
      : undefined;
  }

  override evaluated(evaluation: DescribedEvaluation): void {
    if (!this.#tracer) return;
    const shown = this.#settings.content ? evaluation : { ...evaluation, reason: '' };
    this.#guard.call(() =>
      this.#api.trace.getActiveSpan()?.addEvent(EVALUATION_EVENT, evaluationAttributes(shown)),
    );
  }

  override measureHooks(hooks: MeasuredHooks): () => void {
    return this.#instruments?.measureHooks(hooks) ?? super.measureHooks(hooks);
  }

  /** The application may register its tracer at any time. */
  #findTracer(): Tracer | undefined {
    return (this.#tracer ??= this.#guard.call(() => {
      const { trace, ProxyTracerProvider } = this.#api;
      const provider = trace.getTracerProvider();
      const isRegistered =
        !(provider instanceof ProxyTracerProvider) || provider.getDelegateTracer(SCOPE) !== undefined;
      return isRegistered ? this.#tracerOf(provider) : undefined;
    }));
  }

  #tracerOf(provider: OpenTelemetry.TracerProvider): Tracer {
    return {
      api: this.#api,
      tracer: provider.getTracer(SCOPE),
      guard: this.#guard,
      settings: this.#settings,
    };
  }
}
