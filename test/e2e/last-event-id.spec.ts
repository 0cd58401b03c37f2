import { afterEach, describe, expect, it } from '@jest/globals';

import { AgentOsRuntime } from '../../src/agent-os.runtime.js';
import { RunRecordings } from '../../src/http/runs/run.recordings.js';
import { EventSourceClient } from '../support/event-source.js';
import { namesOf, parseFrames, runJson } from '../support/http-client.js';
import { ADAPTERS, closeApps } from '../support/test-app.js';
import { userId } from '../support/users.js';
import { startWaitingRuns } from '../support/waiting-runs.js';

afterEach(closeApps);

const idsOf = (client: EventSourceClient): string[] => client.events.map(({ lastEventId }) => lastEventId);
const typesOf = (client: EventSourceClient): string[] => client.events.map(({ type }) => type);
const textOf = (client: EventSourceClient): string =>
  client.events.flatMap(({ type, data }) => (type === 'RunContent' ? [data['content']] : [])).join('');

/** The answer to the run request, with this header. */
function ask(
  url: string,
  lastEventId: string,
  path = '/agents/teller',
  fields: Record<string, string> = {},
): Promise<Response> {
  return fetch(`${url}${path}/runs`, {
    method: 'POST',
    body: new URLSearchParams({ message: 'hi', ...fields }),
    headers: { 'last-event-id': lastEventId },
  });
}

describe.each(ADAPTERS)('A client that knows only Last-Event-ID, on %s,', (adapter) => {
  it.each([
    ['/agents/teller', {}],
    ['/teams/crew', {}],
    ['/workflows/flow', {}],
    ['/agents/teller', { background: 'true' }],
    ['/teams/crew', { background: 'true' }],
    ['/workflows/flow', { background: 'true' }],
  ])('loses the stream of %s with %j twice and reads every event once', async (path, fields) => {
    const { url, reached, goOn, count } = await startWaitingRuns(adapter);
    const client = new EventSourceClient(`${url}${path}/runs`, { message: 'hi', ...fields });

    expect(await client.connect(1)).toBe('lost');
    await reached.opened;
    const first = client.events[0]?.data['run_id'];
    expect(client.lastEventId).toBe(`${String(first)}:0`);
    expect(await client.connect(1)).toBe('lost');
    const rest = client.connect();
    goOn.open();
    expect(await rest).toBe(200);
    expect(await client.connect()).toBe(204);

    expect(idsOf(client)).toEqual(client.events.map((_event, index) => `${String(first)}:${index}`));
    expect(textOf(client)).toBe('one two');
    expect(client.events.at(-1)?.type).toMatch(/^(Team)?RunCompleted$|^WorkflowCompleted$/);
    expect(count()).toBe(1);
  });

  it('reads an ended run again from the event that it names', async () => {
    const { url, goOn } = await startWaitingRuns(adapter);
    goOn.open();
    const client = new EventSourceClient(`${url}/agents/teller/runs`, { message: 'hi' });
    await client.connect();
    const response = await ask(url, idsOf(client)[1] ?? '');
    expect([response.status, response.headers.get('content-type')]).toEqual([
      200,
      'text/event-stream; charset=utf-8',
    ]);
    expect(namesOf(parseFrames(await response.text()))).toEqual(typesOf(client).slice(2));
  });

  it('reads how its run was cancelled when it left, if such runs are cancelled', async () => {
    const { url, reached, app } = await startWaitingRuns(adapter, { onDisconnect: 'cancel' });
    const client = new EventSourceClient(`${url}/agents/teller/runs`, { message: 'hi' });
    await client.connect(2);
    await reached.opened;
    await app.get(AgentOsRuntime).inFlight.idle();
    expect(await client.connect()).toBe(200);
    expect(typesOf(client)).toEqual(['RunStarted', 'RunContent', 'RunCancelled', 'RunCompleted']);
  });

  it('reads from the session what is not recorded any more, and then nothing', async () => {
    const { url, goOn, app } = await startWaitingRuns(adapter);
    goOn.open();
    const fields = { message: 'hi', session_id: 's1' };
    const client = new EventSourceClient(`${url}/agents/teller/runs`, fields);
    await client.connect(1);
    await app.get(AgentOsRuntime).inFlight.idle();
    app.get(RunRecordings).forget(() => true);
    expect(await client.connect()).toBe(200);
    expect(typesOf(client).slice(1)).toEqual(['RunStarted', 'RunContentCompleted', 'RunCompleted']);
    expect(client.events.at(-1)?.data).toMatchObject({ content: 'one two' });
    expect(client.lastEventId).toMatch(/^[0-9a-f-]{36}:end$/);
    expect(await client.connect()).toBe(204);
  });

  it('resumes although no further run is admitted', async () => {
    const { url, goOn } = await startWaitingRuns(adapter, { maxRuns: 1 });
    const client = new EventSourceClient(`${url}/agents/teller/runs`, { message: 'hi' });
    await client.connect(1);
    expect((await ask(url, '')).status).toBe(503);
    const rest = client.connect();
    goOn.open();
    expect([await rest, textOf(client)]).toEqual([200, 'one two']);
  });

  it('is refused with an id that names no event, no run, or a run of another component', async () => {
    const { url, goOn, count } = await startWaitingRuns(adapter);
    goOn.open();
    const client = new EventSourceClient(`${url}/agents/teller/runs`, { message: 'hi' });
    await client.connect();
    const refusalOf = async (id: string, path?: string): Promise<unknown[]> => {
      const response = await ask(url, id, path);
      return [response.status, await response.json()];
    };
    const malformed = { detail: 'Last-Event-ID is not the id of an event of a run.' };
    expect(await refusalOf('7')).toEqual([400, malformed]);
    expect(await refusalOf('run:x')).toEqual([400, malformed]);
    expect(await refusalOf('zzz:1')).toEqual([404, { detail: 'Run not found' }]);
    expect(await refusalOf(client.lastEventId, '/agents/other')).toEqual([404, { detail: 'Run not found' }]);
    expect(count()).toBe(1);
  });

  it('starts a run, if it asks for JSON or sends an empty id', async () => {
    const { url, goOn, count } = await startWaitingRuns(adapter);
    goOn.open();
    expect((await ask(url, 'zzz:1', '/agents/teller', { stream: 'false' })).status).toBe(200);
    expect(await (await ask(url, '')).text()).toContain('event: RunCompleted');
    expect(count()).toBe(2);
  });

  it('resumes on the route of the protocol as well, with its frames about the stream', async () => {
    const { url, goOn } = await startWaitingRuns(adapter);
    goOn.open();
    const client = new EventSourceClient(`${url}/agents/teller/runs`, { message: 'hi', background: 'true' });
    await client.connect();
    const runId = String(client.events[0]?.data['run_id']);
    const resume = async (lastEventId: string, body = ''): Promise<Response> =>
      fetch(`${url}/agents/teller/runs/${runId}/resume`, {
        method: 'POST',
        headers: { 'last-event-id': lastEventId, 'content-type': 'application/x-www-form-urlencoded' },
        body,
      });
    const framesOf = async (response: Response): Promise<string[]> =>
      namesOf(parseFrames(await response.text()));
    expect(await framesOf(await resume(`${runId}:1`))).toEqual(['replay', ...typesOf(client).slice(2)]);
    // The field of the protocol counts more than the header.
    expect(await framesOf(await resume(`${runId}:1`, 'last_event_index=2'))).toEqual([
      'replay',
      ...typesOf(client).slice(3),
    ]);
    expect((await resume('zzz:1')).status).toBe(400);
  });

  it('resumes only runs of its own user', async () => {
    const { url, goOn } = await startWaitingRuns(adapter, { http: { userId } });
    const ann = new EventSourceClient(`${url}/agents/teller/runs`, { message: 'hi' }, { 'x-user': 'ann' });
    await ann.connect(1);
    const statusFor = async (user: string): Promise<number> => {
      const response = await fetch(`${url}/agents/teller/runs`, {
        method: 'POST',
        body: new URLSearchParams({ message: 'hi', session_id: String(ann.events[0]?.data['session_id']) }),
        headers: { 'last-event-id': ann.lastEventId, 'x-user': user },
      });
      await response.body?.cancel();
      return response.status;
    };
    expect(await statusFor('bob')).toBe(404);
    goOn.open();
    expect(await ann.connect()).toBe(200);
    expect([await statusFor('bob'), await statusFor('ann')]).toEqual([404, 204]);
  });

  it('finds ids in the streams that others read, where they disturb nobody', async () => {
    const { url, goOn } = await startWaitingRuns(adapter);
    goOn.open();
    const { body } = await runJson(url, '/agents/teller', 'hi', { stream: 'false' });
    const text = await (await ask(url, '')).text();
    expect(text).toMatch(/^(event: \w+\ndata: \{[^\n]+\}\nid: [0-9a-f-]{36}:\d+\n\n)+$/);
    expect(text).not.toContain(String(body['run_id']));
  });
});
