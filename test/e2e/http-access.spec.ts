import {
  BadRequestException,
  HttpException,
  Inject,
  Injectable,
  Module,
  type CanActivate,
  type ExecutionContext,
} from '@nestjs/common';
import { afterEach, describe, expect, it } from '@jest/globals';
import { Agent, type AgentOsExtras, type AgentOsOptions } from 'nestjs-agentos';
import { of, type Observable } from 'rxjs';

import { runJson } from '../support/http-client.js';
import { protocolRoutes } from '../support/protocol-routes.js';
import { raise } from '../support/raise.js';
import { readAnswer, sendRaw } from '../support/raw-client.js';
import {
  ADAPTERS,
  closeApps,
  shareApp,
  startApp,
  startUpError,
  type TestAppOptions,
} from '../support/test-app.js';

afterEach(closeApps);

const echo = new Agent({ id: 'echo', engine: ({ input }) => input });
const agentOs: AgentOsOptions = { agents: [echo] };

async function statusOf(url: string, headers: Record<string, string> = {}): Promise<number> {
  return (await fetch(url, { headers })).status;
}

/** Open to everybody. */
const OPEN = ['GET /health', 'GET /info'];
const ROUTES = protocolRoutes().map((route) => ({ ...route, name: `${route.method} ${route.path}` }));

/** The routes that do not answer with this status. */
async function routesWithout(status: number, url: string): Promise<string[]> {
  const answers = ROUTES.map(async ({ name, method, path }) => {
    const response = await fetch(`${url}${path}`, { method });
    return response.status === status ? [] : [name];
  });
  return (await Promise.all(answers)).flat();
}

describe.each(ADAPTERS)('http.securityKey on %s', (adapter) => {
  const agentOsWith = (securityKey: string): TestAppOptions => ({
    adapter,
    agentOs: { ...agentOs, http: { securityKey } },
  });
  const options = agentOsWith('key');
  const locked = shareApp(() => startApp(options));

  it('is required by every route except those that identify the server', async () => {
    const { url } = locked();
    expect(await routesWithout(401, url)).toEqual(OPEN);
    expect(await Promise.all(['/', '/health', '/info'].map((path) => statusOf(`${url}${path}`)))).toEqual([
      200, 200, 200,
    ]);
    expect(await runJson(url, '/agents/echo', 'hi')).toEqual({
      status: 401,
      body: { detail: 'Authorization header required' },
    });
    expect(await runJson(url, '/agents/unknown', 'hi')).toMatchObject({ status: 401 });
  });

  it('is not required of the preflight request of a browser', async () => {
    const { url } = await startApp({ ...options, beforeListen: (app) => app.enableCors() });
    const headers = { origin: 'http://localhost:3000', 'access-control-request-method': 'POST' };
    const preflight = await fetch(`${url}/agents/echo/runs`, { method: 'OPTIONS', headers });
    expect(preflight.status).toBe(204);
    expect(preflight.headers.get('access-control-allow-methods')).toContain('POST');
  });

  it.each<[string | undefined, string | undefined]>([
    ['Bearer key', undefined],
    ['bearer key', undefined],
    ['BEARER   key', undefined],
    ['key', undefined],
    [undefined, 'Authorization header required'],
    ['', 'Authorization header required'],
    ['Bearer', 'Invalid authentication token'],
    ['Bearer wrong', 'Invalid authentication token'],
    ['Bearer ke', 'Invalid authentication token'],
    ['Bearer key key', 'Invalid authentication token'],
    ['Basic key', 'Invalid authentication token'],
    ['Basic a2V5', 'Invalid authentication token'],
    ['Digest key', 'Invalid authentication token'],
    ['Bearer Bearer key', 'Invalid authentication token'],
    [`Bearer ${'key'.repeat(4_000)}`, 'Invalid authentication token'],
    [`Bearer${' '.repeat(12_000)}key`, undefined],
    ['Bearer k\xeby', 'Invalid authentication token'],
    ['Bearer Key', 'Invalid authentication token'],
  ])('answers %p in the header with %p', async (authorization, detail) => {
    const { url } = locked();
    const response = await fetch(
      `${url}/agents`,
      authorization === undefined ? {} : { headers: { authorization } },
    );
    expect(response.headers.get('www-authenticate')).toBeNull();
    if (detail === undefined) expect(response.status).toBe(200);
    else expect([response.status, await response.json()]).toEqual([401, { detail }]);
  });

  it.each([
    ['sch\u00fcssel', 'Latin-1'],
    ['sch\u00fcssel', 'UTF-8'],
    ['\u043a\u043b\u044e\u0447', 'UTF-8'],
    ['\u{1f511}', 'UTF-8'],
  ])('may be %p, sent as %s', async (securityKey, encoding) => {
    const { url } = await startApp(agentOsWith(securityKey));
    const sent = encoding === 'UTF-8' ? Buffer.from(securityKey).toString('latin1') : securityKey;
    expect(await statusOf(`${url}/agents`, { authorization: `Bearer ${sent}` })).toBe(200);
    expect(await statusOf(`${url}/agents`, { authorization: `Bearer ${sent}\xbc` })).toBe(401);
  });

  it.each([
    ['the first', 'key', 'wrong', 200],
    ['no later one', 'wrong', 'key', 401],
  ])('is read from %s of several headers', async (_, first, second, status) => {
    const { port } = locked();
    const headers = {
      authorization: `Bearer ${first}`,
      Authorization: `Bearer ${second}`,
      'content-type': 'application/x-www-form-urlencoded',
    };
    const answer = await readAnswer(
      await sendRaw(port, '/agents/echo/runs', headers, 'message=hi&stream=false'),
    );
    expect(answer.statusLine).toContain(` ${status} `);
  });

  it('is not accepted in headers that the host joins', async () => {
    const { url } = await startApp({
      ...agentOsWith('key'),
      beforeListen: (app) =>
        app.use((request: { headers: Record<string, unknown> }, _: unknown, next: () => void) => {
          request.headers['authorization'] = ['Bearer key', 'Bearer wrong'];
          next();
        }),
    });
    expect(await statusOf(`${url}/agents`)).toBe(401);
  });
});

describe.each(ADAPTERS)('http.guards on %s', (adapter) => {
  @Injectable()
  class PlanGuard implements CanActivate {
    constructor(@Inject('PLAN') private readonly plan: string) {}

    canActivate(context: ExecutionContext): boolean {
      const { headers } = context.switchToHttp().getRequest<{ headers: Record<string, string> }>();
      if (headers['x-broken']) throw new Error('the database password is 1234');
      if (headers['x-plan'] !== this.plan) throw new HttpException('Please upgrade', 402);
      return true;
    }
  }
  @Module({ providers: [PlanGuard, { provide: 'PLAN', useValue: 'pro' }] })
  class BillingModule {}

  const answersWith = (answer: boolean | Promise<boolean> | Observable<boolean>): CanActivate => ({
    canActivate: () => answer,
  });

  it('accept classes of another module, which answer with their own exceptions', async () => {
    const { url, log } = await startApp({
      adapter,
      agentOs: { ...agentOs, http: { guards: [PlanGuard] } },
      imports: [BillingModule],
    });
    const ask = async (headers: Record<string, string>): Promise<unknown> => {
      const response = await fetch(`${url}/agents`, { headers });
      return [response.status, await response.json()];
    };
    expect(await ask({ 'x-plan': 'free' })).toEqual([402, { detail: 'Please upgrade' }]);
    expect(await ask({ 'x-broken': 'yes' })).toEqual([500, { detail: 'Internal Server Error' }]);
    expect(await ask({ 'x-plan': 'pro' })).toEqual([200, [expect.objectContaining({ id: 'echo' })]]);
    expect(log.messages('error')).toEqual(['An AgentOS route failed: the database password is 1234']);
    expect(await statusOf(`${url}/health`)).toBe(200);
  });

  it.each<[string, number, CanActivate]>([
    ['say no', 403, { canActivate: () => false }],
    [
      'throw',
      401,
      {
        canActivate: () => {
          throw new HttpException('Who are you?', 401);
        },
      },
    ],
  ])('that %s are asked by every route except those that identify the server', async (_, status, guard) => {
    const { url } = await startApp({ adapter, agentOs: { ...agentOs, http: { guards: [guard] } } });
    expect(await routesWithout(status, url)).toEqual(OPEN);
    expect(await statusOf(url)).toBe(200);
  });

  it.each<[string, string | object, string]>([
    ['a list', ['a', 'b'], 'a, b'],
    ['a list as the detail', { detail: ['a', { b: 1 }] }, 'a, {"b":1}'],
    ['an object as the detail', { detail: { reason: 'late' } }, '{"reason":"late"}'],
    ['what JSON cannot say', { detail: { amount: 1n } }, '{"amount":"1"}'],
    ['an empty list', [], ''],
    ['a text', 'a', 'a'],
  ])('that throw %s are answered with a fixed text', async (_name, response, detail) => {
    const guard = { canActivate: () => raise(new BadRequestException(response)) };
    const { url } = await startApp({ adapter, agentOs: { ...agentOs, http: { guards: [guard] } } });
    const answer = await fetch(`${url}/agents`);
    expect([answer.status, await answer.json()]).toEqual([400, { detail }]);
  });

  it.each<[string, CanActivate, number]>([
    ['true', answersWith(true), 200],
    ['false', answersWith(false), 403],
    ['a promise of true', answersWith(Promise.resolve(true)), 200],
    ['a promise of false', answersWith(Promise.resolve(false)), 403],
    ['an observable of true', answersWith(of(true)), 200],
    ['an observable of false', answersWith(of(false)), 403],
  ])('accept instances that answer with %s', async (_name, guard, status) => {
    const { url } = await startApp({ adapter, agentOs: { ...agentOs, http: { guards: [guard] } } });
    const response = await fetch(`${url}/agents`);
    expect(response.status).toBe(status);
    expect(await response.json()).toEqual(status === 200 ? [expect.anything()] : { detail: 'Forbidden' });
  });

  it('must all agree, after the security key', async () => {
    const asked: string[] = [];
    const guardOf = (name: string, answer: boolean): CanActivate => ({
      canActivate: () => {
        asked.push(name);
        return answer;
      },
    });
    const guards = [guardOf('first', true), guardOf('second', false), guardOf('third', true)];
    const { url } = await startApp({
      adapter,
      agentOs: { ...agentOs, http: { securityKey: 'key', guards } },
    });
    expect(await statusOf(`${url}/agents`)).toBe(401);
    expect(asked).toEqual([]);
    expect(await statusOf(`${url}/agents`, { authorization: 'key' })).toBe(403);
    expect(asked).toEqual(['first', 'second']);
  });

  it('that no module provides stop the start', async () => {
    expect(await startUpError({ adapter, agentOs: { ...agentOs, http: { guards: [PlanGuard] } } })).toBe(
      'http.guards[0]: no module provides PlanGuard. Add it to the providers of a module, or pass an instance.',
    );
  });
});

describe('The warning about open routes', () => {
  const warning =
    'The AgentOS routes are open: any client that reaches this server can run every component, and so can any web page in ' +
    'a browser that reaches it, also on localhost. Set http.securityKey or http.guards, and list the pages that may in ' +
    'http.allowedOrigins ([] allows only pages of this server).';
  const shorter =
    'The AgentOS routes are open: any client that reaches this server can run every component. Set http.securityKey or http.guards.';
  const guards = [{ canActivate: () => true }];

  it.each<[string, AgentOsOptions & AgentOsExtras, string | undefined]>([
    ['without options', {}, warning],
    ['with an empty list of guards', { http: { guards: [] } }, warning],
    ['with allowed origins', { http: { allowedOrigins: [] } }, shorter],
    ['with a key', { http: { securityKey: 'key' } }, undefined],
    ['with a guard', { http: { guards } }, undefined],
    ['when there are none', { http: false }, undefined],
  ])('is logged as expected %s', async (_name, options, expected) => {
    const { log } = await startApp({ agentOs: { ...agentOs, ...options } });
    expect(log.messages('warn')).toEqual(expected === undefined ? [] : [expected]);
  });
});
