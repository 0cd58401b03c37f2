import { once } from 'node:events';
import { createServer, type IncomingHttpHeaders, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';

import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { context, metrics, trace } from '@opentelemetry/api';
import type { BasicTracerProvider } from '@opentelemetry/sdk-trace-base';
import { Agent, type AgentOsOptions } from 'nestjs-agentos';

import { sendToJaeger, sendToLangfuse, sendToPhoenix, serveMetrics } from '../../docs/examples/telemetry.js';
import { inBackground } from '../support/background-hook.js';
import { ask } from '../support/surfaces.js';
import { closeApps, startApp } from '../support/test-app.js';

interface Received {
  readonly url: string | undefined;
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
}

/** A collector that takes everything. */
let collector: Server;
let host: string;
const received: Received[] = [];

beforeEach(async () => {
  collector = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => {
      const { url, headers } = request;
      received.push({ url, headers, body: Buffer.concat(chunks).toString('latin1') });
      response.setHeader('content-type', 'application/x-protobuf').end();
    });
  });
  collector.listen(0, '127.0.0.1');
  await once(collector, 'listening');
  host = `http://127.0.0.1:${(collector.address() as AddressInfo).port}`;
});
afterEach(async () => {
  await closeApps();
  trace.disable();
  metrics.disable();
  context.disable();
  received.splice(0);
  collector.closeAllConnections();
  collector.close();
  await once(collector, 'close');
});

const agentOs: AgentOsOptions = {
  agents: [
    new Agent({
      id: 'support',
      engine: () => 'the answer',
      postHooks: [inBackground('notify', () => undefined)],
    }),
  ],
};

async function runOnce(options: AgentOsOptions = agentOs): Promise<void> {
  const app = await startApp({ agentOs: options });
  await ask(app.url, '/agents/support', 'the question', 'json');
  await app.agentOs.drain();
}

const WIRINGS: readonly (readonly [string, () => BasicTracerProvider, string, Record<string, string>])[] = [
  [
    'Langfuse',
    () => sendToLangfuse(host, 'pk', 'sk'),
    '/api/public/otel/v1/traces',
    { authorization: 'Basic cGs6c2s=', 'x-langfuse-ingestion-version': '4' },
  ],
  ['Phoenix', () => sendToPhoenix(host, 'key'), '/v1/traces', { authorization: 'Bearer key' }],
  ['Jaeger', () => sendToJaeger(host), '/v1/traces', {}],
];

describe('The wiring that docs/guide/telemetry.md shows', () => {
  it.each(WIRINGS)(
    'for %s sends spans of runs and hooks to its path, with its headers',
    async (_name, wire, url, headers) => {
      const provider = wire();
      await runOnce();
      await provider.shutdown();
      expect(received[0]).toMatchObject({
        url,
        headers: { ...headers, 'content-type': 'application/x-protobuf' },
      });
      const sent = received.map(({ body }) => body).join('');
      expect(sent).toContain('invoke_agent support');
      expect(sent).toContain('hook notify');
      expect(sent).not.toContain('the question');
    },
  );

  it('for Prometheus serves metrics under the names of the page', async () => {
    const port = await freePort();
    const provider = serveMetrics(port);
    await runOnce();
    const page = await (await fetch(`http://127.0.0.1:${port}/metrics`)).text();
    await provider.shutdown();
    for (const name of [
      'gen_ai_invoke_agent_duration_bucket',
      'agent_os_hook_duration_count',
      'agent_os_hook_oldest',
    ])
      expect(page).toContain(name);
    expect(page).toContain('agent_os_hook_state="succeeded"');
    expect(page).toContain('gen_ai_agent_name="support"');
  });
});

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, 'close');
  return port;
}
