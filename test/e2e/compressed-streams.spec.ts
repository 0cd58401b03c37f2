import fastifyCompress from '@fastify/compress';
import { afterEach, describe, expect, it } from '@jest/globals';
import type { INestApplication } from '@nestjs/common';
import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import compression from 'compression';
import { Agent } from 'nestjs-agentos';
import { createGate } from 'nestjs-agentos/testing';

import { ADAPTERS, closeApps, startApp, type Adapter } from '../support/test-app.js';

afterEach(closeApps);

const GZIP = { 'accept-encoding': 'gzip' };

/** Compression of everything, however small and of whatever type. */
const compressWith: Record<Adapter, (app: INestApplication) => void> = {
  express: (app) => void app.use(compression({ threshold: 0, filter: () => true })),
  fastify: (app) =>
    void (app as NestFastifyApplication).register(fastifyCompress, { threshold: 0, customTypes: /./ }),
};

describe.each(ADAPTERS)('A host that compresses its answers on %s', (adapter) => {
  it.each(['false', 'true'])(
    'sends the events of a stream one by one (background=%s)',
    async (background) => {
      const gate = createGate();
      const talker = new Agent({
        id: 'talker',
        engine: async function* () {
          yield 'first ';
          await gate.opened;
          yield 'second';
        },
      });
      const { url } = await startApp({
        adapter,
        agentOs: { agents: [talker] },
        beforeListen: compressWith[adapter],
      });

      const body = new URLSearchParams({ message: 'Hi', background });
      const response = await fetch(`${url}/agents/talker/runs`, { method: 'POST', body, headers: GZIP });
      let received = '';
      const decoder = new TextDecoder();
      for await (const chunk of response.body as unknown as AsyncIterable<Uint8Array>) {
        received += decoder.decode(chunk, { stream: true });
        // Held back, the first event would never come, and the second one never be made.
        if (received.includes('first ')) gate.open();
      }
      expect(received).toContain('first second');

      // The compression is there.
      const config = await fetch(`${url}/config`, { headers: GZIP });
      expect(config.headers.get('content-encoding')).toBe('gzip');
      expect(await config.json()).toBeDefined();
    },
  );
});
