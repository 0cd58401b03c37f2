import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { Agent, type AgentOsService } from 'nestjs-agentos';
import { createGate, type Gate } from 'nestjs-agentos/testing';

import { inBackground } from '../support/background-hook.js';
import { runJson } from '../support/http-client.js';
import { callJson } from '../support/json-client.js';
import { raise } from '../support/raise.js';
import { ADAPTERS, closeApps, startApp } from '../support/test-app.js';
import { userId } from '../support/users.js';
import { useClock } from '../../src/model/clock.js';

describe.each(ADAPTERS)('The routes of single hook executions on %s', (adapter) => {
  let url: string;
  let agentOs: AgentOsService;
  let isDown = true;
  let gate: Gate;

  beforeAll(async () => {
    const support = new Agent({
      id: 'support',
      engine: () => 'answer',
      preHooks: [function inline() {}],
      postHooks: [
        inBackground('crm / notes', () => (isDown ? raise(new RangeError('secret')) : undefined)),
        inBackground('slow', () => gate.opened),
        inBackground('last', () => undefined),
      ],
    });
    ({ url, agentOs } = await startApp({ adapter, agentOs: { agents: [support], http: { userId } } }));
  });
  afterAll(closeApps);

  const call = (method: string, path: string, body?: unknown, user = 'ann'): ReturnType<typeof callJson> =>
    callJson(url, method, `/hooks/executions${path}`, {
      headers: { 'x-user': user },
      ...(body === undefined ? {} : { body }),
    });
  const ask = async (user = 'ann'): Promise<string> => {
    const { body } = await runJson(url, '/agents/support', 'hi', {}, { 'x-user': user });
    return String(body['run_id']);
  };
  const idOf = (runId: string, hook: string): string => encodeURIComponent(`${runId}:post:${hook}`);

  it('retry a failed execution, with the same id and the next attempt', async () => {
    [isDown, gate] = [true, createGate()];
    gate.open();
    const id = idOf(await ask(), 'crm / notes');
    await agentOs.drain();
    const { body: failed } = await call('GET', '?state=failed');
    expect(failed).toMatchObject({
      data: [{ id: decodeURIComponent(id), error_name: 'RangeError', attempts: 1 }],
    });
    isDown = false;
    expect(await call('POST', `/${id}/retry`)).toMatchObject({
      status: 202,
      body: { id: decodeURIComponent(id), state: 'scheduled' },
    });
    await agentOs.drain();
    expect((await call('GET', '?hook=crm%20/%20notes')).body).toMatchObject({
      data: [{ id: decodeURIComponent(id), state: 'succeeded', attempts: 2 }],
    });
    expect(await call('POST', `/${id}/retry`)).toMatchObject({ status: 409 });
  });

  it('cancel an execution that waits, and none that runs or has ended', async () => {
    [isDown, gate] = [false, createGate()];
    const runId = await ask();
    const cancel = (hook: string): ReturnType<typeof call> => call('DELETE', `/${idOf(runId, hook)}`);
    expect(await cancel('last')).toMatchObject({
      status: 200,
      body: { state: 'dropped', reason: 'cancelled' },
    });
    expect([(await cancel('last')).status, (await call('DELETE', '/unknown')).status]).toEqual([409, 404]);
    gate.open();
    await agentOs.drain();
    const executions = await agentOs.executions.list({ runId });
    expect(executions.map(({ hook, state }) => `${hook} ${state}`).sort()).toEqual([
      'crm / notes succeeded',
      'inline succeeded',
      'last dropped',
      'slow succeeded',
    ]);
  });

  it('refuse an inline hook', async () => {
    [isDown, gate] = [false, createGate()];
    gate.open();
    const runId = await ask();
    await agentOs.drain();
    const id = encodeURIComponent(`${runId}:pre:inline`);
    const refused = [await call('POST', `/${id}/retry`), await call('DELETE', `/${id}`)];
    expect(refused.map(({ status, body }) => [status, JSON.stringify(body)])).toEqual([
      [409, expect.stringContaining('it is inline')],
      [409, expect.stringContaining('it is inline')],
    ]);
  });

  it('retry the failed executions of one hook in a period, and list those that were not retried', async () => {
    [isDown, gate] = [true, createGate()];
    gate.open();
    const runId = await ask();
    await agentOs.drain();
    const [failed] = await agentOs.executions.list({ runId, state: 'failed' });
    const from = new Date(failed?.endedAt ?? 0).toISOString();
    isDown = false;
    expect(await call('POST', '/retry', { hook: 'crm / notes', to: from })).toMatchObject({
      status: 202,
      body: { retried: [], refused: [], left: 0 },
    });
    expect(await call('POST', '/retry', { hook: 'crm / notes', from })).toMatchObject({
      status: 202,
      body: { retried: [failed?.id], refused: [], left: 0 },
    });
    await agentOs.drain();
    expect(await agentOs.executions.list({ id: failed?.id })).toMatchObject([{ state: 'succeeded' }]);
    for (const body of [
      ...[{}, { hook: '' }, { hook: 'slow', from: 'yesterday' }, { hook: 'slow', to: 5 }],
      ...[0, 1_001, 1.5, '10'].map((limit) => ({ hook: 'slow', limit })),
    ])
      expect((await call('POST', '/retry', body)).status).toBe(422);
  });

  it('retry the failed executions of one hook up to a limit, and say how to go on', async () => {
    [isDown, gate] = [true, createGate()];
    gate.open();
    let millisecond = Date.now();
    const restore = useClock(() => millisecond++);
    try {
      const since = new Date(millisecond).toISOString();
      const runIds = [await ask(), await ask(), await ask()];
      await agentOs.drain();
      const ids = runIds.map((runId) => `${runId}:post:crm / notes`);
      isDown = false;
      const bodies: { readonly next?: string }[] = [];
      for (let from: string | undefined = since; from !== undefined; from = bodies.at(-1)?.next) {
        const { body } = await call('POST', '/retry', { hook: 'crm / notes', from, limit: 2 });
        bodies.push(body as { readonly next?: string });
      }
      expect(bodies).toEqual([
        { retried: ids.slice(0, 2), refused: [], left: 1, next: expect.any(String) },
        { retried: ids.slice(2), refused: [], left: 0 },
      ]);
      await agentOs.drain();
    } finally {
      restore();
    }
  });

  it('hide the executions of other users like those that do not exist', async () => {
    [isDown, gate] = [true, createGate()];
    const runId = await ask();
    const [failing, last] = [idOf(runId, 'crm / notes'), idOf(runId, 'last')];
    expect((await call('DELETE', `/${last}`, undefined, 'bob')).status).toBe(404);
    gate.open();
    await agentOs.drain();
    expect((await call('POST', `/${failing}/retry`, undefined, 'bob')).status).toBe(404);
    expect((await call('POST', '/retry', { hook: 'crm / notes' }, 'bob')).body).toEqual({
      retried: [],
      refused: [],
      left: 0,
    });
    const executions = await agentOs.executions.list({ runId, mode: 'background' });
    expect(executions.map(({ state, attempts }) => `${state} ${attempts}`)).toEqual([
      'succeeded 1',
      'succeeded 1',
      'failed 1',
    ]);
  });
});
