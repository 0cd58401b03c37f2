import { context, metrics, SpanStatusCode, trace } from '@opentelemetry/api';
import { AsyncLocalStorageContextManager } from '@opentelemetry/context-async-hooks';
import {
  AggregationTemporality,
  InMemoryMetricExporter,
  MeterProvider,
  PeriodicExportingMetricReader,
} from '@opentelemetry/sdk-metrics';
import {
  BasicTracerProvider,
  InMemorySpanExporter,
  SimpleSpanProcessor,
  type ReadableSpan,
  type Sampler,
} from '@opentelemetry/sdk-trace-base';

/** One value of a metric, or the counts of a histogram. */
export interface Measurement {
  readonly attributes: Readonly<Record<string, unknown>>;
  /** Of a histogram: how often it was recorded. */
  readonly value: number;
  /** Of a histogram: the sum of what was recorded. */
  readonly sum?: number;
}

/** The SDK of OpenTelemetry, which keeps what it is given in memory. */
export class MemoryTelemetry {
  readonly #spans = new InMemorySpanExporter();
  readonly #metrics = new InMemoryMetricExporter(AggregationTemporality.DELTA);
  readonly #meters: MeterProvider;
  readonly #tracers: BasicTracerProvider;

  /** Registers it for the whole process. */
  constructor(sampler?: Sampler) {
    const spanProcessors = [new SimpleSpanProcessor(this.#spans)];
    this.#tracers = new BasicTracerProvider({ spanProcessors, ...(sampler ? { sampler } : {}) });
    const reader = new PeriodicExportingMetricReader({
      exporter: this.#metrics,
      exportIntervalMillis: 10_000_000,
    });
    this.#meters = new MeterProvider({ readers: [reader] });
    context.setGlobalContextManager(new AsyncLocalStorageContextManager());
    trace.setGlobalTracerProvider(this.#tracers);
    metrics.setGlobalMeterProvider(this.#meters);
  }

  /** The spans that have ended, in the order of their ends. */
  get spans(): readonly ReadableSpan[] {
    return this.#spans.getFinishedSpans();
  }

  /** The only span with this name. */
  span(name: string): ReadableSpan {
    const found = this.spans.filter((span) => span.name === name);
    if (found.length === 1 && found[0]) return found[0];
    throw new Error(
      `${found.length} spans are named "${name}". There are: ${this.spans.map((span) => span.name).join(', ')}.`,
    );
  }

  /** One line for each span: where it stands, what it is linked to, the type of its error. */
  get tree(): string[] {
    return treeOf(this.spans);
  }

  /** What was measured since the last call, by metric. */
  async measured(): Promise<Readonly<Record<string, readonly Measurement[]>>> {
    await this.#meters.forceFlush();
    const collected = this.#metrics.getMetrics();
    this.#metrics.reset();
    const found: Record<string, Measurement[]> = {};
    for (const { descriptor, dataPoints } of collected.flatMap(({ scopeMetrics }) =>
      scopeMetrics.flatMap((scope) => scope.metrics),
    )) {
      const list = (found[descriptor.name] ??= []);
      for (const { attributes, value } of dataPoints)
        list.push(
          typeof value === 'number'
            ? { attributes, value }
            : {
                attributes,
                value: value.count,
                ...('sum' in value && value.sum !== undefined ? { sum: value.sum } : {}),
              },
        );
    }
    return found;
  }

  reset(): void {
    this.#spans.reset();
  }

  async close(): Promise<void> {
    trace.disable();
    metrics.disable();
    context.disable();
    await this.#tracers.shutdown();
    await this.#meters.shutdown();
  }
}

/** One line for each span: where it stands, what it is linked to, the type of its error. */
export function treeOf(spans: readonly ReadableSpan[]): string[] {
  const names = new Map(spans.map((span) => [span.spanContext().spanId, span.name]));
  return spans
    .map(({ name, parentSpanContext, links, status, attributes }) => {
      const parent = parentSpanContext
        ? (names.get(parentSpanContext.spanId) ?? 'a span that has not ended')
        : 'nothing';
      const linked = links.map((link) => `, linked to ${names.get(link.context.spanId)}`);
      const failure =
        status.code === SpanStatusCode.ERROR ? `, failed: ${String(attributes['error.type'])}` : '';
      return `${name}, below ${parent}${linked.join('')}${failure}`;
    })
    .sort();
}
