import { afterEach, describe, expect, it } from '@jest/globals';
import { Agent, type AgentOsExtras, type AgentOsOptions } from 'nestjs-agentos';

import { ReconnectingAgent } from '../docs/reconnecting.agent.js';
import { AgentOsRuntime } from '../../src/agent-os.runtime.js';
import { RunRecordings } from '../../src/http/runs/run.recordings.js';
import { askAgUi, checkAgUi, question, type SentEvent } from '../support/ag-ui-client.js';
import { EventSourceClient } from '../support/event-source.js';
import { ADAPTERS, closeApps, type Adapter } from '../support/test-app.js';
import { userId } from '../support/users.js';
import { startWaitingRuns, type Gates, type WaitingRuns } from '../support/waiting-runs.js';

afterEach(closeApps);

/** Agents whose answers are larger than a recording keeps. */
function largeAgents({ reached, goOn }: Gates): Agent[] {
  const long = new Agent({
    id: 'long',
    engine: async function* () {
      for (let piece = 0; piece < 3; piece++) yield 'x'.repeat(600_000);
      reached.open();
      await goOn.opened;
    },
  });
  const verbose = new Agent({
    id: 'verbose',
    engine: async function* () {
      yield 'one ';
      reached.open();
      await goOn.opened;
      yield 'x'.repeat(1_200_000);
    },
  });
  return [long, verbose];
}

const start = (adapter: Adapter, options?: Partial<AgentOsExtras & AgentOsOptions>): Promise<WaitingRuns> =>
  startWaitingRuns(adapter, options, largeAgents);

let threads = 0;
const newThread = (): string => `resumed-thread-${++threads}`;

/** A client that knows only how event streams work. */
function clientOf(
  url: string,
  path: string,
  threadId: string,
  headers: Record<string, string> = {},
): EventSourceClient {
  const json = { threadId, runId: 'mine', protocolVersion: '1.0', messages: [question('Hi')] };
  return new EventSourceClient(`${url}${path}/ag-ui`, { json }, headers);
}

const idsOf = (client: EventSourceClient): string[] => client.events.map(({ lastEventId }) => lastEventId);
const dataOf = (client: EventSourceClient): SentEvent[] => client.events.map(({ data }) => data as SentEvent);
const serverRunOf = ([first]: readonly SentEvent[]): string =>
  (first?.metadata?.['agentOs'] as { runId: string }).runId;

describe.each(ADAPTERS)('A client of AG-UI that has lost its stream, on %s,', (adapter) => {
  it.each(['/agents/teller', '/teams/crew', '/workflows/flow'])(
    'sends its request to %s again with Last-Event-ID, and reads every event once',
    async (path) => {
      const { url, goOn, count } = await start(adapter);
      const client = clientOf(url, path, newThread());
      expect(await client.connect(1)).toBe('lost');
      const runId = serverRunOf(dataOf(client));
      expect(client.lastEventId).toBe(`${runId}:0`);
      expect(await client.connect(1)).toBe('lost');
      const rest = client.connect();
      goOn.open();
      expect([await rest, await client.connect()]).toEqual([200, 204]);
      expect(idsOf(client)).toEqual(client.events.map((_event, index) => `${runId}:${index}`));
      await checkAgUi(dataOf(client));
      expect(client.events.at(-1)?.data).toMatchObject({
        type: 'RUN_FINISHED',
        runId: 'mine',
        result: { content: 'one two' },
      });
      expect(count()).toBe(1);
    },
  );

  it('reads with GET what is being streamed to its thread, and comes back with Last-Event-ID there, too', async () => {
    const { url, reached, goOn, count } = await start(adapter);
    const threadId = newThread();
    const asked = clientOf(url, '/agents/teller', threadId).connect();
    await reached.opened;
    const reader = new EventSourceClient(`${url}/agents/teller/ag-ui/${threadId}/stream`, undefined);
    expect(await reader.connect(2)).toBe('lost');
    const rest = reader.connect();
    goOn.open();
    expect([await rest, await reader.connect(), await asked]).toEqual([200, 204, 200]);
    await checkAgUi(dataOf(reader));
    expect(dataOf(reader).map(({ type }) => type)).toEqual([
      'RUN_STARTED',
      'TEXT_MESSAGE_START',
      'TEXT_MESSAGE_CONTENT',
      'TEXT_MESSAGE_CONTENT',
      'TEXT_MESSAGE_END',
      'RUN_FINISHED',
    ]);
    expect(count()).toBe(1);
  });

  it('has loaded its page again, and HttpAgent connects to the run in flight', async () => {
    const { url, goOn } = await start(adapter);
    const threadId = newThread();
    const abortController = new AbortController();
    await askAgUi(url, '/agents/teller', 'Hi', {
      threadId,
      abortController,
      onEvent: ({ type }) => {
        if (type === 'TEXT_MESSAGE_CONTENT') abortController.abort();
      },
    });
    const page = new ReconnectingAgent({
      url: `${url}/agents/teller/ag-ui`,
      threadId,
      headers: { connection: 'close' },
    });
    const { newMessages, result } = await page.connectAgent(
      {},
      { onTextMessageContentEvent: () => goOn.open() },
    );
    expect(newMessages).toMatchObject([{ role: 'assistant', content: 'one two' }]);
    expect(result).toEqual({ content: 'one two' });
    // Nothing is in flight any more: 204, which is no error.
    expect((await page.connectAgent()).newMessages).toEqual([]);
  });

  it('gets 204 if no run of its thread is in flight, of this component', async () => {
    const { url, reached, goOn } = await start(adapter);
    const threadId = newThread();
    const statusOf = async (path: string): Promise<number> => (await fetch(`${url}${path}/stream`)).status;
    expect(await statusOf(`/agents/teller/ag-ui/${threadId}`)).toBe(204);
    const asked = clientOf(url, '/agents/teller', threadId).connect();
    await reached.opened;
    expect(await statusOf(`/agents/other/ag-ui/${threadId}`)).toBe(204);
    expect(await statusOf(`/agents/teller/ag-ui/${newThread()}`)).toBe(204);
    // A chat is streamed in another form.
    expect(await statusOf(`/agents/teller/chat/${threadId}`)).toBe(204);
    expect(await statusOf(`/agents/nobody/ag-ui/${threadId}`)).toBe(404);
    goOn.open();
    await asked;
  });

  it('is refused with an id that names no event, no run, or a run of another component, thread or route', async () => {
    const { url, goOn, count } = await start(adapter);
    goOn.open();
    const threadId = newThread();
    const client = clientOf(url, '/agents/teller', threadId);
    await client.connect();
    const refusalOf = async (path: string, id: string, method = 'POST'): Promise<unknown[]> => {
      const response = await fetch(`${url}${path}`, { method, headers: { 'last-event-id': id } });
      return [response.status, await response.json()];
    };
    const malformed = [400, { detail: 'Last-Event-ID is not the id of an event of a run.' }];
    const unknown = [404, { detail: 'Run not found' }];
    const first = idsOf(client)[0] ?? '';
    expect(await refusalOf('/agents/teller/ag-ui', '7')).toEqual(malformed);
    expect(await refusalOf(`/agents/teller/ag-ui/${threadId}/stream`, '7', 'GET')).toEqual(malformed);
    expect(await refusalOf('/agents/teller/ag-ui', 'zzz:1')).toEqual(unknown);
    expect(await refusalOf('/agents/teller/ag-ui', first.replace(/0$/, 'end'))).toEqual(unknown);
    expect(await refusalOf('/agents/other/ag-ui', first)).toEqual(unknown);
    expect(await refusalOf(`/agents/teller/ag-ui/${newThread()}/stream`, first, 'GET')).toEqual(unknown);
    const run = await fetch(`${url}/agents/teller/runs`, {
      method: 'POST',
      body: new URLSearchParams({ message: 'Hi' }),
      headers: { 'last-event-id': first },
    });
    expect(run.status).toBe(404);
    expect(count()).toBe(1);
  });

  it('resumes only runs of its own user', async () => {
    const { url, reached, goOn } = await start(adapter, { http: { userId } });
    const threadId = newThread();
    const ann = clientOf(url, '/agents/teller', threadId, { 'x-user': 'ann' });
    await ann.connect(1);
    await reached.opened;
    const statusesFor = async (user: string): Promise<number[]> => {
      const own = { 'x-user': user };
      const again = { ...own, 'last-event-id': ann.lastEventId };
      const responses = await Promise.all([
        fetch(`${url}/agents/teller/ag-ui/${threadId}/stream`, { headers: own }),
        fetch(`${url}/agents/teller/ag-ui/${threadId}/stream`, { headers: again }),
        fetch(`${url}/agents/teller/ag-ui`, { method: 'POST', headers: again }),
      ]);
      for (const { body } of responses) await body?.cancel();
      return responses.map(({ status }) => status);
    };
    expect(await statusesFor('bob')).toEqual([204, 404, 404]);
    expect(await statusesFor('ann')).toEqual([200, 200, 200]);
    goOn.open();
    expect(await ann.connect()).toBe(200);
  });

  it('gets neither a stream without its beginning nor one with a gap', async () => {
    const { url, reached, goOn } = await start(adapter);
    const threadId = newThread();
    const client = clientOf(url, '/agents/long', threadId);
    await client.connect(1);
    await reached.opened;
    expect((await fetch(`${url}/agents/long/ag-ui/${threadId}/stream`)).status).toBe(204);
    expect(await client.connect()).toBe(404);
    goOn.open();
  });

  it('loses its connection again if events are dropped before it has read them, so that no stream has a gap', async () => {
    const { url, reached, goOn } = await start(adapter);
    const threadId = newThread();
    const asked = clientOf(url, '/agents/verbose', threadId).connect();
    await reached.opened;
    const response = await fetch(`${url}/agents/verbose/ag-ui/${threadId}/stream`);
    const reader = response.body?.getReader();
    await reader?.read();
    goOn.open();
    const readRest = async (): Promise<void> => {
      while (!(await reader?.read())?.done);
    };
    await expect(readRest()).rejects.toThrow('terminated');
    expect(await asked).toBe(200);
  });

  it('resumes although no further run is admitted', async () => {
    const { url, goOn } = await start(adapter, { maxRuns: 1 });
    const client = clientOf(url, '/agents/teller', newThread());
    await client.connect(1);
    expect(await clientOf(url, '/agents/teller', newThread()).connect()).toBe(503);
    const rest = client.connect();
    goOn.open();
    expect(await rest).toBe(200);
  });

  it('reads how its run was cancelled when it left, if such runs are cancelled', async () => {
    const { url, reached, app } = await start(adapter, { onDisconnect: 'cancel' });
    const client = clientOf(url, '/agents/teller', newThread());
    await client.connect(2);
    await reached.opened;
    await app.get(AgentOsRuntime).inFlight.idle();
    expect(await client.connect()).toBe(200);
    expect(client.events.at(-1)?.data).toMatchObject({
      type: 'RUN_FINISHED',
      outcome: { type: 'cancelled' },
    });
  });

  it('is not sent events of a session that was deleted', async () => {
    const { url, goOn, app } = await start(adapter);
    goOn.open();
    const threadId = newThread();
    const client = clientOf(url, '/agents/teller', threadId);
    await client.connect(1);
    await app.get(AgentOsRuntime).inFlight.idle();
    await fetch(`${url}/sessions/${threadId}`, { method: 'DELETE' });
    expect(app.get(RunRecordings).find(serverRunOf(dataOf(client)))).toBeUndefined();
    expect(await client.connect()).toBe(404);
  });
});
