import type { IncomingMessage, Server, ServerResponse } from 'node:http';

import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import type { INestApplication } from '@nestjs/common';
import { context, metrics, SpanKind, trace } from '@opentelemetry/api';
import { Agent, Team, type PreHookContext } from 'nestjs-agentos';
import { createGate } from 'nestjs-agentos/testing';

import { inBackground } from '../support/background-hook.js';
import { ask, SURFACES } from '../support/surfaces.js';
import { MemoryTelemetry } from '../support/telemetry.js';
import { closeApps, startApp } from '../support/test-app.js';

let memory: MemoryTelemetry;

beforeAll(() => {
  memory = new MemoryTelemetry();
});
afterAll(() => memory.close());
afterEach(async () => {
  await closeApps();
  memory.reset();
  await memory.measured();
});

/**
 * Measures requests by the rules of `@opentelemetry/instrumentation-http`: span and duration begin with the request and
 * end when its response has closed, and the handler runs with the span as the active one.
 */
function measureRequests(app: INestApplication): void {
  const server = app.getHttpServer() as Server;
  const duration = metrics.getMeter('http').createHistogram('http.server.request.duration', { unit: 's' });
  const emit = server.emit.bind(server) as (event: string, ...given: readonly unknown[]) => boolean;
  server.emit = (event: string, ...given: readonly unknown[]): boolean => {
    if (event !== 'request') return emit(event, ...given);
    const [{ method = '' }, response] = given as [IncomingMessage, ServerResponse];
    const startedAt = performance.now();
    const span = trace.getTracer('http').startSpan(method, { kind: SpanKind.SERVER });
    response.once('close', () => {
      duration.record((performance.now() - startedAt) / 1_000);
      span.end();
    });
    return context.with(trace.setSpan(context.active(), span), () => emit(event, ...given));
  };
}

describe.each(SURFACES)(
  'The latency of requests, as instrumented, on $adapter over $transport',
  ({ adapter, transport }) => {
    it.each(['linked', 'child'] as const)(
      'excludes background hooks, whose spans are %s',
      async (hookSpans) => {
        const started = createGate();
        const goOn = createGate();
        const slow = inBackground<PreHookContext>('slow', async () => {
          started.open();
          await goOn.opened;
        });
        const helper = new Agent({
          id: 'helper',
          engine: () => 'done',
          postHooks: [inBackground('also slow', () => goOn.opened)],
        });
        const desk = new Team({
          id: 'desk',
          members: [helper],
          engine: ({ input, delegate }) => delegate('helper', input),
          postHooks: [slow],
          preHooks: [slow],
        });
        const { url, agentOs } = await startApp({
          adapter,
          agentOs: { teams: [desk], telemetry: { hookSpans } },
          beforeListen: measureRequests,
        });

        await ask(url, '/teams/desk', 'hello', transport);
        await started.opened;

        // The hook is at work; the request has been measured to its end.
        const [request] = memory.spans.filter(({ name }) => name === 'POST');
        expect(request?.ended).toBe(true);
        const measured = await memory.measured();
        expect(measured['http.server.request.duration']?.map(({ value }) => value)).toEqual([1]);
        expect(measured['gen_ai.invoke_agent.duration']?.map(({ value }) => value)).toEqual([1, 1]);
        expect(memory.spans.map(({ name }) => name).sort()).toEqual([
          'POST',
          'invoke_agent desk',
          'invoke_agent helper',
        ]);

        goOn.open();
        await agentOs.drain();
        const hooks = memory.spans.filter(({ name }) => name.startsWith('hook'));
        expect(hooks).toHaveLength(3);
        // The SDK rounds the start of a span down to a millisecond, and not its end.
        const requestEnd = toMilliseconds(request?.endTime);
        for (const { startTime } of hooks)
          expect(toMilliseconds(startTime)).toBeGreaterThanOrEqual(requestEnd);
        const traces = new Set(
          hooks.map((hook) => hook.spanContext().traceId === request?.spanContext().traceId),
        );
        expect(traces).toEqual(new Set([hookSpans === 'child']));
      },
    );
  },
);

function toMilliseconds([seconds, nanoseconds]: readonly [number, number] = [0, 0]): number {
  return seconds * 1_000 + Math.floor(nanoseconds / 1_000_000);
}
