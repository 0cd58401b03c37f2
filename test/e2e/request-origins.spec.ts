import { request as send } from 'node:http';

import { afterEach, describe, expect, it } from '@jest/globals';
import { Agent } from 'nestjs-agentos';

import { runJson } from '../support/http-client.js';
import { protocolRoutes } from '../support/protocol-routes.js';
import type { HttpOptions } from '../support/session-app.js';
import { ADAPTERS, closeApps, startApp, startUpError, type TestApp } from '../support/test-app.js';

afterEach(closeApps);

const PAGE = 'https://os.example.com';
const OPEN = ['/health', '/info'];

/** Asks with headers that `fetch` does not let its callers write, as browsers send them. */
function statusOf(
  port: number,
  method: string,
  path: string,
  headers: Record<string, string>,
): Promise<number> {
  return new Promise((resolve, reject) => {
    const request = send({ port, host: '127.0.0.1', method, path, headers }, (answer) => {
      answer.resume();
      answer.on('end', () => resolve(answer.statusCode ?? 0));
    });
    request.on('error', reject);
    request.end();
  });
}

describe.each(ADAPTERS)('http.allowedOrigins on %s', (adapter) => {
  async function start(http: HttpOptions): Promise<TestApp & { readonly asked: string[] }> {
    const asked: string[] = [];
    const agent = new Agent({
      id: 'agent',
      engine: ({ input }) => {
        asked.push(input);
        return 'done';
      },
    });
    return { ...(await startApp({ adapter, agentOs: { agents: [agent], http } })), asked };
  }

  it('refuses requests of other pages on every route but the open ones, before a run starts', async () => {
    const { url, port, asked } = await start({ allowedOrigins: [PAGE], securityKey: 'key' });
    for (const origin of ['https://evil.example', 'null', `${PAGE}.evil.example`, 'http://os.example.com']) {
      expect(await runJson(url, '/agents/agent', 'hi', {}, { origin })).toEqual({
        status: 403,
        body: {
          detail: `Requests of pages of the origin "${origin}" are not allowed. http.allowedOrigins may name it.`,
        },
      });
    }
    for (const { method, path } of protocolRoutes()) {
      const status = await statusOf(port, method, path, { origin: 'https://evil.example' });
      expect([path, status]).toEqual([path, OPEN.includes(path) ? 200 : 403]);
    }
    expect(asked).toEqual([]);
  });

  it('accepts the pages that it names, those of the server itself, and clients that are not browsers', async () => {
    const { url, port, asked } = await start({ allowedOrigins: [PAGE] });
    const local = { host: `localhost:${port}`, origin: `http://localhost:${port}` };
    expect((await runJson(url, '/agents/agent', 'page', {}, { origin: PAGE })).status).toBe(200);
    expect((await runJson(url, '/agents/agent', 'own', {}, { origin: url })).status).toBe(200);
    expect((await runJson(url, '/agents/agent', 'client')).status).toBe(200);
    expect(await statusOf(port, 'GET', '/agents', local)).toBe(200);
    expect(await statusOf(port, 'GET', '/agents', { ...local, origin: 'http://localhost:1' })).toBe(403);
    expect(asked).toEqual(['page', 'own', 'client']);
  });

  it('refuses a page whose own name resolves to the server', async () => {
    const { port } = await start({ allowedOrigins: [], allowedHosts: ['agents.example.com'] });
    const host = `evil.example:${port}`;
    expect(await statusOf(port, 'POST', '/agents/agent/runs', { host, origin: `http://${host}` })).toBe(403);
    expect(await statusOf(port, 'GET', '/sessions', { host })).toBe(403);
    expect(await statusOf(port, 'GET', '/sessions', { host: 'agents.example.com' })).toBe(200);
    expect(await statusOf(port, 'GET', '/sessions', { host: `127.0.0.1:${port}` })).toBe(200);
  });
});

it.each([
  [{ allowedOrigins: 'https://a.example' }, 'http.allowedOrigins to be a list of origins'],
  [{ allowedOrigins: ['a.example'] }, 'http.allowedOrigins[0] to be an origin'],
  [{ allowedOrigins: ['https://a.example/'] }, 'http.allowedOrigins[0] to be an origin'],
  [{ allowedOrigins: ['https://A.example'] }, 'http.allowedOrigins[0] to be an origin'],
  [{ allowedOrigins: ['https://a.example:443'] }, 'http.allowedOrigins[0] to be an origin'],
  [{ allowedOrigins: ['*'] }, 'http.allowedOrigins[0] to be an origin'],
  [{ allowedHosts: ['a.example:80'] }, 'http.allowedHosts[0] to be a name without a port'],
  [{ allowedHosts: [7] }, 'http.allowedHosts[0] to be a name without a port'],
])('The option %j stops the start and is named', async (http, problem) => {
  expect(await startUpError({ agentOs: { http: http as never } })).toContain(`expected ${problem}`);
});
