import { afterEach, describe, expect, it } from '@jest/globals';
import { Agent, Team } from 'nestjs-agentos';
import { createGate } from 'nestjs-agentos/testing';

import { post, runJson } from '../support/http-client.js';
import { callJson } from '../support/json-client.js';
import { startSessionApp, type Item } from '../support/session-app.js';
import { componentOf, keepRun, storedRunOf } from '../support/stored-data.js';
import { ADAPTERS, closeApps, startApp, type Adapter } from '../support/test-app.js';
import { userId } from '../support/users.js';

afterEach(closeApps);

describe.each(ADAPTERS)('The previews of the runs of a session, on %s,', (adapter) => {
  it('show a run of an agent in short', async () => {
    const { url, call } = await startSessionApp(adapter);
    await runJson(url, '/agents/helper', 'hello', { session_id: 's1', user_id: 'ann' });
    const { status, body } = await call('GET', '/sessions/s1/run-previews');
    expect([status, body]).toEqual([
      200,
      [
        {
          run_id: expect.any(String),
          parent_run_id: '',
          agent_id: 'helper',
          user_id: 'ann',
          status: 'COMPLETED',
          run_input: 'hello',
          content_preview: 'hello',
          created_at: expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/),
        },
      ],
    ]);
  });

  it('show the runs of members beside the run of their team', async () => {
    const { url, call } = await startSessionApp(adapter);
    await runJson(url, '/teams/desk', 'hello', { session_id: 's1' });
    const [member, leader] = (await call('GET', '/sessions/s1/run-previews')).body as [Item, Item];
    expect(member).toMatchObject({ agent_id: 'helper', parent_run_id: leader['run_id'] });
    expect(leader).toMatchObject({ team_id: 'desk', parent_run_id: '', user_id: '' });
  });

  it('show a run of a workflow without those of its steps', async () => {
    const { url, call } = await startSessionApp(adapter);
    await runJson(url, '/workflows/flow', 'hello', { session_id: 's1' });
    const { body } = await call('GET', '/sessions/s1/run-previews');
    expect(body).toEqual([expect.objectContaining({ workflow_id: 'flow', content_preview: 'hello' })]);
    expect((body as Item[])[0]).not.toHaveProperty('parent_run_id');
  });

  it('cut texts after 280 characters, and never within one', async () => {
    const { call, store } = await startSessionApp(adapter);
    const [whole, cut] = ['x'.repeat(280), `${'x'.repeat(279)}👋`];
    await keepRun(store, storedRunOf({ content: cut }, { input: { content: `${whole}y` } }));
    const [run] = (await call('GET', '/sessions/s1/run-previews')).body as Item[];
    expect(run).toMatchObject({ run_input: whole, content_preview: 'x'.repeat(279) });
  });

  it('show a structured answer as JSON', async () => {
    const { call, store } = await startSessionApp(adapter);
    await keepRun(store, storedRunOf({ content: 'Bern', data: { city: 'Bern' } }));
    const [run] = (await call('GET', '/sessions/s1/run-previews')).body as Item[];
    expect(run).toMatchObject({ content_preview: '{"city":"Bern"}' });
  });

  it('are narrowed by status and period, page by page', async () => {
    const { call, store, url } = await startSessionApp(adapter);
    for (const [index, status] of (['COMPLETED', 'ERROR', 'COMPLETED'] as const).entries())
      await keepRun(store, storedRunOf({ runId: `r${index}`, status, createdAt: 100 + index }));
    const idsOf = (body: unknown): unknown[] => (body as Item[]).map(({ run_id }) => run_id);
    const list = async (query: string): Promise<unknown[]> =>
      idsOf((await call('GET', `/sessions/s1/run-previews?${query}`)).body);
    expect(await list('status=error')).toEqual(['r1']);
    expect(await list('created_after=101')).toEqual(['r1', 'r2']);
    expect(await list('status=COMPLETED&limit=1')).toEqual(['r2']);
    const page = await fetch(`${url}/sessions/s1/run-previews?status=COMPLETED&limit=1`);
    expect(page.headers.get('link')).toContain(
      '/sessions/s1/run-previews?status=COMPLETED&limit=1&before=r2',
    );
    expect(await list('status=COMPLETED&limit=1&before=r2')).toEqual(['r0']);
  });

  it.each([
    ['/sessions/nope/run-previews', 404],
    ['/sessions/s1/run-previews?type=team', 404],
    ['/sessions/s1/run-previews?db_id=other', 404],
    ['/sessions/s1/run-previews?status=done', 422],
    ['/sessions/s1/run-previews?created_after=x', 422],
  ])('are refused at %s: %i', async (path, status) => {
    const { call, store } = await startSessionApp(adapter);
    await keepRun(store, storedRunOf({}));
    expect((await call('GET', path)).status).toBe(status);
  });

  it('list a run in flight, also in a session that is not stored yet, without its answer', async () => {
    const { url, finish } = await startWaiting(adapter);
    const list = async (query = ''): Promise<unknown> =>
      (await callJson(url, 'GET', `/sessions/s1/run-previews${query}`)).body;
    const running = { agent_id: 'waiting', status: 'RUNNING', run_input: '', content_preview: '' };
    expect(await list()).toEqual([expect.objectContaining(running)]);
    expect(await list('?status=PENDING&status=running&type=agent')).toHaveLength(1);
    expect(await list('?created_after=1')).toHaveLength(1);
    expect((await callJson(url, 'GET', '/sessions/s1/run-previews?status=COMPLETED')).status).toBe(404);
    expect((await callJson(url, 'GET', '/sessions/s1/run-previews?type=team')).status).toBe(404);
    await finish();
    expect(await list()).toEqual([expect.objectContaining({ status: 'COMPLETED', content_preview: 'done' })]);
  });

  it('list the run in flight of a team without those of its members', async () => {
    const { url, finish } = await startWaiting(adapter, '/teams/crew');
    const { body } = await callJson(url, 'GET', '/sessions/s1/run-previews');
    expect(body).toEqual([expect.objectContaining({ team_id: 'crew', status: 'RUNNING' })]);
    await finish();
  });

  it('show only the runs of the user, in flight and settled', async () => {
    const { url, finish } = await startWaiting(adapter, '/agents/waiting', { 'x-user': 'ann' });
    const statusFor = async (user: string): Promise<number> =>
      (await callJson(url, 'GET', '/sessions/s1/run-previews', { headers: { 'x-user': user } })).status;
    expect([await statusFor('ann'), await statusFor('bob')]).toEqual([200, 404]);
    await finish();
    expect([await statusFor('ann'), await statusFor('bob')]).toEqual([200, 404]);
  });

  it('show only the runs of the user that the client names, if the server identifies nobody', async () => {
    const { call, store } = await startSessionApp(adapter);
    await keepRun(store, storedRunOf({ userId: 'ann', component: componentOf('helper') }));
    const statusFor = async (user: string): Promise<number> =>
      (await call('GET', `/sessions/s1/run-previews?user_id=${user}`)).status;
    expect([await statusFor('ann'), await statusFor('bob')]).toEqual([200, 404]);
  });
});

/** An application with a run that waits in its engine. */
async function startWaiting(
  adapter: Adapter,
  path = '/agents/waiting',
  headers?: Record<string, string>,
): Promise<{ url: string; finish(): Promise<void> }> {
  const [reached, goOn] = [createGate(), createGate()];
  const waiting = new Agent({
    id: 'waiting',
    engine: async () => {
      reached.open();
      await goOn.opened;
      return 'done';
    },
  });
  const crew = new Team({
    id: 'crew',
    members: [waiting],
    engine: ({ delegate, input }) => delegate('waiting', input),
  });
  const http = headers ? { userId } : {};
  const { url } = await startApp({ adapter, agentOs: { agents: [waiting], teams: [crew], http } });
  const fields = { message: 'hi', stream: 'false', session_id: 's1' };
  const answer = post(url, path, fields, undefined, headers);
  await reached.opened;
  return {
    url,
    finish: async () => {
      goOn.open();
      await (await answer).text();
    },
  };
}
