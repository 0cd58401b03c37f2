import {
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
import { ADAPTERS, closeApps, startApp, startUpError } from '../support/test-app.js';

afterEach(closeApps);

const echo = new Agent({ id: 'echo', engine: ({ input }) => input });
const agentOs: AgentOsOptions = { agents: [echo] };

async function statusOf(url: string, headers: Record<string, string> = {}): Promise<number> {
  return (await fetch(url, { headers })).status;
}

const PROTECTED = ['/agents', '/teams', '/workflows', '/hooks', '/hooks/executions'];

describe.each(ADAPTERS)('http.securityKey on %s', (adapter) => {
  const options = { adapter, agentOs: { ...agentOs, http: { securityKey: 'key' } } } as const;

  it('is demanded by every route but health', async () => {
    const { url } = await startApp(options);
    expect(await statusOf(`${url}/health`)).toBe(200);
    expect(await Promise.all(PROTECTED.map((path) => statusOf(`${url}${path}`)))).toEqual(
      PROTECTED.map(() => 401),
    );
    expect(await runJson(url, '/agents/echo', 'hi')).toEqual({
      status: 401,
      body: { detail: 'Authorization header required' },
    });
    expect(await runJson(url, '/agents/unknown', 'hi')).toMatchObject({ status: 401 });
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
    ['Bearer Key', 'Invalid authentication token'],
  ])('answers the header %p with %p', async (authorization, detail) => {
    const { url } = await startApp(options);
    const response = await fetch(
      `${url}/agents`,
      authorization === undefined ? {} : { headers: { authorization } },
    );
    expect(response.headers.get('www-authenticate')).toBeNull();
    if (detail === undefined) expect(response.status).toBe(200);
    else expect([response.status, await response.json()]).toEqual([401, { detail }]);
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

  it('may be classes of another module, which answer with their own exceptions', async () => {
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

  it.each<[string, CanActivate, number]>([
    ['true', answersWith(true), 200],
    ['false', answersWith(false), 403],
    ['a promise of true', answersWith(Promise.resolve(true)), 200],
    ['a promise of false', answersWith(Promise.resolve(false)), 403],
    ['an observable of true', answersWith(of(true)), 200],
    ['an observable of false', answersWith(of(false)), 403],
  ])('may be instances that answer with %s', async (_name, guard, status) => {
    const { url } = await startApp({ adapter, agentOs: { ...agentOs, http: { guards: [guard] } } });
    const response = await fetch(`${url}/agents`);
    expect(response.status).toBe(status);
    expect(await response.json()).toEqual(status === 200 ? [expect.anything()] : { detail: 'Forbidden' });
  });

  it('all have to agree, after the security key', async () => {
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
      'http.guards: no module provides PlanGuard. Add it to the providers of a module, or pass an instance.',
    );
  });
});

describe('Routes that are open', () => {
  const warning =
    'The AgentOS routes are open: whoever reaches this server can run every component. Set http.securityKey or http.guards.';
  const guards = [{ canActivate: () => true }];

  it.each<[string, AgentOsOptions & AgentOsExtras, boolean]>([
    ['without options', {}, true],
    ['with an empty list of guards', { http: { guards: [] } }, true],
    ['with a key', { http: { securityKey: 'key' } }, false],
    ['with a guard', { http: { guards } }, false],
    ['when there are none', { http: false }, false],
  ])('%s', async (_name, options, isWarned) => {
    const { log } = await startApp({ agentOs: { ...agentOs, ...options } });
    expect(log.messages('warn')).toEqual(isWarned ? [warning] : []);
  });
});
