import { Module } from '@nestjs/common';
import { context, metrics, trace } from '@opentelemetry/api';
import { AsyncLocalStorageContextManager } from '@opentelemetry/context-async-hooks';
import { PrometheusExporter } from '@opentelemetry/exporter-prometheus';
import { OTLPTraceExporter } from '@opentelemetry/exporter-trace-otlp-proto';
import { MeterProvider } from '@opentelemetry/sdk-metrics';
import { BasicTracerProvider, BatchSpanProcessor } from '@opentelemetry/sdk-trace-base';
import { Agent, AgentOsModule } from 'nestjs-agentos';

/** Sends all spans of the process to a collector. Shut the provider down when the process ends: it sends in batches. */
export function sendSpans(url: string, headers: Record<string, string> = {}): BasicTracerProvider {
  const exporter = new OTLPTraceExporter({ url, headers });
  const provider = new BasicTracerProvider({ spanProcessors: [new BatchSpanProcessor(exporter)] });
  context.setGlobalContextManager(new AsyncLocalStorageContextManager().enable());
  trace.setGlobalTracerProvider(provider);
  return provider;
}

/** `host`: https://cloud.langfuse.com, https://us.cloud.langfuse.com or your own server. */
export function sendToLangfuse(host: string, publicKey: string, secretKey: string): BasicTracerProvider {
  const key = Buffer.from(`${publicKey}:${secretKey}`).toString('base64');
  return sendSpans(`${host}/api/public/otel/v1/traces`, {
    authorization: `Basic ${key}`,
    'x-langfuse-ingestion-version': '4',
  });
}

/** `host`: http://localhost:6006, or that of a space in the cloud, which needs a key. */
export function sendToPhoenix(host: string, apiKey?: string): BasicTracerProvider {
  return sendSpans(`${host}/v1/traces`, apiKey === undefined ? {} : { authorization: `Bearer ${apiKey}` });
}

/** `host`: http://localhost:4318. */
export function sendToJaeger(host: string): BasicTracerProvider {
  return sendSpans(`${host}/v1/traces`);
}

/** Serves the metrics of the process at http://localhost:9464/metrics. */
export function serveMetrics(port = 9464): MeterProvider {
  const provider = new MeterProvider({ readers: [new PrometheusExporter({ port })] });
  metrics.setGlobalMeterProvider(provider);
  return provider;
}

const support = new Agent({ id: 'support', engine: ({ input }) => `You asked: ${input}` });

@Module({
  imports: [AgentOsModule.forRoot({ agents: [support], telemetry: { hookSpans: 'child', content: true } })],
})
export class TelemetryModule {}
