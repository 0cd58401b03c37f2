import { afterEach, describe, expect, it } from '@jest/globals';
import {
  context,
  metrics,
  trace,
  type ContextManager,
  type MeterProvider,
  type TracerProvider,
} from '@opentelemetry/api';
import { MeterProvider as SdkMeterProvider, PeriodicExportingMetricReader } from '@opentelemetry/sdk-metrics';
import { BasicTracerProvider, SimpleSpanProcessor } from '@opentelemetry/sdk-trace-base';
import { Agent, defineHook } from 'nestjs-agentos';
import { scriptedEngine } from 'nestjs-agentos/testing';

import { inBackground } from '../support/background-hook.js';
import { politeJudge } from '../support/judge.js';
import { ask } from '../support/surfaces.js';
import { closeApps, startApp } from '../support/test-app.js';

afterEach(async () => {
  await closeApps();
  trace.disable();
  metrics.disable();
  context.disable();
});

function broken(): never {
  throw new Error('the telemetry is broken');
}

/** An object of which every function throws. */
const brokenObject = <T extends object>(): T => new Proxy({} as T, { get: () => broken });

/** A tracer whose spans throw, once they have started. */
const brokenSpans: TracerProvider = {
  getTracer: () => ({
    startSpan: () => ({
      spanContext: () => ({ traceId: '0'.repeat(31) + '1', spanId: '0'.repeat(15) + '1', traceFlags: 1 }),
      isRecording: () => true,
      setAttribute: broken,
      setAttributes: broken,
      setStatus: broken,
      recordException: broken,
      addEvent: broken,
      addLink: broken,
      addLinks: broken,
      updateName: broken,
      end: broken,
    }),
    startActiveSpan: broken,
  }),
};
const brokenInstruments = { record: broken, add: broken };
const brokenMeasurements = {
  getMeter: () => ({
    createHistogram: () => brokenInstruments,
    createCounter: () => brokenInstruments,
    createObservableGauge: () => ({ addCallback: broken, removeCallback: broken }),
    addBatchObservableCallback: broken,
    removeBatchObservableCallback: broken,
  }),
} as unknown as MeterProvider;

const brokenContexts: ContextManager = {
  active: broken,
  with: broken,
  bind: broken,
  enable: broken,
  disable(): ContextManager {
    return this;
  },
};

const FAULTS: readonly (readonly [string, () => void])[] = [
  ['the provider of tracers', () => trace.setGlobalTracerProvider(brokenObject<TracerProvider>())],
  ['a tracer', () => trace.setGlobalTracerProvider({ getTracer: () => brokenObject() })],
  ['a span', () => trace.setGlobalTracerProvider(brokenSpans)],
  ['the provider of meters', () => metrics.setGlobalMeterProvider(brokenObject<MeterProvider>())],
  ['a meter', () => metrics.setGlobalMeterProvider({ getMeter: () => brokenObject() })],
  ['an instrument', () => metrics.setGlobalMeterProvider(brokenMeasurements)],
  [
    'the context manager',
    () => {
      trace.setGlobalTracerProvider(new BasicTracerProvider());
      context.setGlobalContextManager(brokenContexts);
    },
  ],
];
describe.each(FAULTS)('%s that throws', (_what, breakIt) => {
  it('fails no run and no hook, and is logged once', async () => {
    breakIt();
    const ran: string[] = [];
    const hooks = [
      defineHook(() => void ran.push('inline'), { name: 'inline' }),
      politeJudge({ name: 'judge' }),
      inBackground('background', () => void ran.push('background')),
    ];
    const engine = scriptedEngine().tool('find', {}, 'found').text('the answer').repeat();
    const writer = new Agent({ id: 'writer', engine, postHooks: hooks });
    const { url, agentOs, log, app } = await startApp({
      agentOs: { agents: [writer], telemetry: { content: true } },
    });

    for (const transport of ['json', 'sse'] as const) {
      const { status, text } = await ask(url, '/agents/writer', 'the question', transport);
      expect([status, text.includes('answer')]).toEqual([200, true]);
    }
    await agentOs.drain();

    expect(ran.sort()).toEqual(['background', 'background', 'inline', 'inline']);
    const states = (await agentOs.executions.list()).map(({ state }) => state);
    expect(new Set(states)).toEqual(new Set(['succeeded']));
    const logged = log.entries
      .map((entry) => JSON.stringify(entry))
      .filter((entry) => entry.includes('Telemetry failed'));
    expect(logged).toHaveLength(1);
    expect(logged[0]).toContain('the telemetry is broken');
    await app.close();
  });
});

const EXPORTERS: readonly (readonly [string, () => void])[] = [
  ['throws', broken],
  ['never answers', () => undefined],
];

describe.each(EXPORTERS)('An exporter that %s', (_what, fault) => {
  it('fails no run and no hook', async () => {
    let exports = 0;
    const fail = (): void => {
      exports += 1;
      fault();
    };
    const shutdown = (): Promise<void> => Promise.resolve();
    const spanProcessors = [new SimpleSpanProcessor({ export: fail, shutdown })];
    trace.setGlobalTracerProvider(new BasicTracerProvider({ spanProcessors }));
    const reader = new PeriodicExportingMetricReader({
      exporter: { export: fail, forceFlush: shutdown, shutdown },
      exportIntervalMillis: 10_000_000,
      exportTimeoutMillis: 50,
    });
    metrics.setGlobalMeterProvider(new SdkMeterProvider({ readers: [reader] }));
    const writer = new Agent({
      id: 'writer',
      engine: () => 'the answer',
      postHooks: [inBackground('notify', () => undefined)],
    });
    const { url, agentOs } = await startApp({ agentOs: { agents: [writer] } });
    await ask(url, '/agents/writer', 'the first question', 'json');
    const exporting = Promise.allSettled([reader.forceFlush()]);
    const { status } = await ask(url, '/agents/writer', 'the question', 'json');
    await agentOs.drain();

    expect(status).toBe(200);
    await exporting;
    // The metrics once; of each run two spans.
    expect(exports).toBeGreaterThanOrEqual(3);
    expect((await agentOs.executions.counts()).succeeded).toBe(2);
  });
});
