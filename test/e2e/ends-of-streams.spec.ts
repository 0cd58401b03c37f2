import type { Server } from 'node:http';
import type { Socket } from 'node:net';

import { HttpAgent } from '@ag-ui/client';
import { afterAll, afterEach, beforeAll, describe, expect, it, jest } from '@jest/globals';
import {
  Agent,
  defineGuardrail,
  InMemorySessionStore,
  InputCheckError,
  OutputCheckError,
  type PostHookContext,
} from 'nestjs-agentos';
import type { EngineRequest, EngineYield } from 'nestjs-agentos/engine';
import { createGate, failingStore, type Gate } from 'nestjs-agentos/testing';

import { AgentOsRuntime } from '../../src/agent-os.runtime.js';
import { AgUiEncoder } from '../../src/http/ag-ui/ag-ui.encoder.js';
import { ChatEncoder } from '../../src/http/chat/chat.encoder.js';
import { RunEventEncoder } from '../../src/http/runs/run-event.encoder.js';
import { question as agUiQuestion } from '../support/ag-ui-client.js';
import { inBackground } from '../support/background-hook.js';
import { question as chatQuestion, readChat, sendChat } from '../support/chat-client.js';
import { ADAPTERS, closeApps, startApp, type TestApp } from '../support/test-app.js';

/** How a stream has ended, whatever its form. */
interface StreamEnd {
  readonly text: string;
  /** What the stream says of its end. */
  readonly end: 'completed' | 'cancelled' | 'error' | 'none';
  readonly message?: unknown;
  readonly code?: unknown;
}

type Data = Readonly<Record<string, unknown>>;

/** A route that streams runs, as its clients use it. */
interface StreamedRoute {
  readonly route: string;
  readonly encoder: { readonly prototype: object };
  /** The request for a run of the session. */
  readonly body: (text: string, session: string) => object;
  readonly read: (data: readonly Data[]) => StreamEnd;
}

const failed = (text: string, message: unknown, code: unknown): StreamEnd => ({
  text,
  end: 'error',
  message,
  ...(code === undefined ? {} : { code }),
});

const ROUTES: readonly StreamedRoute[] = [
  {
    route: 'runs',
    encoder: RunEventEncoder,
    body: (message, session_id) => ({ message, session_id, stream: true }),
    read: (data) => {
      const text = data.map(({ event, content }) => (event === 'RunContent' ? content : '')).join('');
      if (data.some(({ event }) => event === 'RunCancelled')) return { text, end: 'cancelled' };
      const last = data.at(-1) ?? {};
      if (last['event'] === 'RunError') return failed(text, last['content'], last['error_type']);
      return { text, end: last['event'] === 'RunCompleted' ? 'completed' : 'none' };
    },
  },
  {
    route: 'chat',
    encoder: ChatEncoder,
    body: (text, id) => ({ id, messages: [chatQuestion(text)] }),
    read: (data) => {
      const text = data.map(({ type, delta }) => (type === 'text-delta' ? delta : '')).join('');
      const last = data.at(-1) ?? {};
      const known = data.findLast(({ type }) => type === 'message-metadata')?.['messageMetadata'];
      const code = (known as { error: Data } | undefined)?.error['type'];
      if (last['type'] === 'error') return failed(text, last['errorText'], code);
      if (last['type'] === 'abort') return { text, end: 'cancelled' };
      return { text, end: last['type'] === 'finish' ? 'completed' : 'none' };
    },
  },
  {
    route: 'ag-ui',
    encoder: AgUiEncoder,
    body: (text, threadId) => ({ threadId, runId: 'r', messages: [agUiQuestion(text)] }),
    read: (data) => {
      const text = data.map(({ type, delta }) => (type === 'TEXT_MESSAGE_CONTENT' ? delta : '')).join('');
      const last = data.at(-1) ?? {};
      if (last['type'] === 'RUN_ERROR') return failed(text, last['message'], last['code']);
      if (last['type'] !== 'RUN_FINISHED') return { text, end: 'none' };
      return { text, end: (last['outcome'] as Data)['type'] === 'cancelled' ? 'cancelled' : 'completed' };
    },
  },
];

let reached: Gate = createGate();
let goOn: Gate = createGate();
let hooks: string[] = [];
/** Opened when the hook has run. */
let noted: Gate = createGate();

async function* telling({ input, signal }: EngineRequest): AsyncGenerator<EngineYield> {
  yield 'one ';
  reached.open();
  if (input === 'fail') throw new Error('a secret');
  if (input === 'wait')
    await Promise.race([
      goOn.opened,
      new Promise((_resolve, reject) =>
        signal.addEventListener('abort', () => reject(signal.reason as Error), { once: true }),
      ),
    ]);
  yield 'two';
}
const always = { on: ['completed', 'rejected', 'failed', 'cancelled'] } as const;
const note = inBackground(
  'note',
  ({ runOutput, hook }: PostHookContext) => {
    hooks.push(`${runOutput.status}, ${hook.delivered ? 'delivered' : 'not delivered'}`);
    noted.open();
  },
  always,
);
const teller = new Agent({
  id: 'teller',
  engine: telling,
  preHooks: [
    defineGuardrail(
      ({ runInput }) => {
        if (runInput.content === 'bad') throw new InputCheckError('Not allowed.');
      },
      { name: 'refuseBad' },
    ),
  ],
  postHooks: [note],
});
const held = new Agent({
  id: 'held',
  engine: telling,
  postHooks: [
    defineGuardrail(
      () => {
        throw new OutputCheckError('Not for you.');
      },
      { name: 'refuseAll' },
    ),
    note,
  ],
});
const slow = new Agent({ id: 'slow', engine: telling, timeout: 60, postHooks: [note] });

const store = failingStore(new InMemorySessionStore());
let sessions = 0;
const newSession = (): string => `ended-stream-${++sessions}`;

/** The `data:` lines of a stream that are JSON. */
function dataIn(text: string): Data[] {
  return text
    .split('\n')
    .filter((line) => line.startsWith('data: {'))
    .map((line) => JSON.parse(line.slice('data: '.length)) as Data);
}

/** Resolves when the server has seen that the next connection is closed. */
function connectionClosed({ app }: TestApp): Promise<void> {
  const server = app.getHttpServer() as Server;
  return new Promise((resolve) =>
    server.once('connection', (socket: Socket) => socket.once('close', () => resolve())),
  );
}

/** On a connection of its own, so that no later request has it. */
async function getJson(url: string): Promise<unknown> {
  return (await fetch(url, { headers: { connection: 'close' } })).json();
}

describe.each(ADAPTERS)('On %s,', (adapter) => {
  let app: TestApp;
  let stopping: TestApp;
  beforeAll(async () => {
    const agentOs = { agents: [teller, held, slow] };
    stopping = await startApp({ adapter, agentOs: { ...agentOs, onDisconnect: 'cancel' } });
    // The log is that of the application that has started last.
    app = await startApp({ adapter, agentOs: { ...agentOs, maxRuns: 1, sessionStore: store.store } });
  });
  afterAll(closeApps);
  afterEach(async () => {
    jest.restoreAllMocks();
    goOn.open();
    await Promise.all([app, stopping].map(({ app: server }) => server.get(AgentOsRuntime).inFlight.idle()));
    await Promise.all([app.agentOs.drain(), stopping.agentOs.drain()]);
    [hooks, reached, goOn, noted] = [[], createGate(), createGate(), createGate()];
  });

  describe.each(ROUTES)('a stream of /$route', ({ route, encoder, body, read }) => {
    const send = (
      text: string,
      {
        agent = 'teller',
        session = newSession(),
        url = app.url,
        signal,
      }: {
        agent?: string;
        session?: string;
        url?: string;
        signal?: AbortSignal;
      } = {},
    ): Promise<Response> =>
      fetch(`${url}/agents/${agent}/${route}`, {
        method: 'POST',
        headers: { 'content-type': 'application/json', connection: 'close' },
        body: JSON.stringify(body(text, session)),
        ...(signal ? { signal } : {}),
      });
    const endOf = async (text: string, agent = 'teller'): Promise<StreamEnd> => {
      const response = await send(text, { agent });
      expect(response.status).toBe(200);
      return read(dataIn(await response.text()));
    };

    it('tells that the run has completed', async () => {
      expect(await endOf('Hi')).toEqual({ text: 'one two', end: 'completed' });
      await noted.opened;
      expect(hooks).toEqual(['COMPLETED, delivered']);
    });

    it('tells of a refused question with its message and code', async () => {
      expect(await endOf('bad')).toEqual(failed('', 'Not allowed.', 'input_check_error'));
      await noted.opened;
      expect(hooks).toEqual(['ERROR, delivered']);
    });

    it('tells of a refused answer, and shows nothing of it', async () => {
      expect(await endOf('Hi', 'held')).toEqual(failed('', 'Not for you.', 'output_check_error'));
    });

    it('tells that the run has failed after a part of the answer, not why', async () => {
      const end = await endOf('fail');
      expect(end).toEqual(failed('one ', expect.stringMatching(/failed/), 'run_failed'));
      expect(end.message).not.toContain('secret');
    });

    it('tells that the session could not be read, and starts no engine', async () => {
      store.fail('open', new Error('a secret'));
      const end = await endOf('Hi');
      store.heal();
      expect(end).toMatchObject({ text: '', end: 'error', message: expect.not.stringContaining('secret') });
      await noted.opened;
      expect(hooks).toEqual(['ERROR, delivered']);
    });

    it('tells that the component has taken too long', async () => {
      expect(await endOf('wait', 'slow')).toMatchObject({
        text: 'one ',
        end: 'error',
        code: expect.any(String),
      });
    });

    it('tells that the run was cancelled on request', async () => {
      const session = newSession();
      const response = await send('wait', { session });
      await reached.opened;
      const running = (await getJson(`${app.url}/sessions/${session}/run-previews`)) as Data[];
      await fetch(`${app.url}/agents/teller/runs/${String(running[0]?.['run_id'])}/cancel`, {
        method: 'POST',
        headers: { connection: 'close' },
      });
      expect(read(dataIn(await response.text()))).toEqual({ text: 'one ', end: 'cancelled' });
      await noted.opened;
      expect(hooks).toEqual(['CANCELLED, delivered']);
    });

    it('in which one event could not be written tells that the run has failed', async () => {
      const { prototype } = encoder as { prototype: { take: (...given: Data[]) => readonly unknown[] } };
      const { take } = prototype;
      jest.spyOn(prototype, 'take').mockImplementation(function (this: object, ...given) {
        if (given[0]?.['type'] === 'run-content') throw new Error('a secret');
        return take.apply(this, given);
      });
      const end = await endOf('Hi');
      expect(end).toEqual(failed('', expect.stringMatching(/failed/), 'run_failed'));
    });

    it('that breaks says only that, and the log says why', async () => {
      const before = app.log.messages('error').length;
      const take = jest.spyOn(encoder.prototype as { take: (event: Data) => readonly unknown[] }, 'take');
      take.mockImplementation(() => {
        throw new Error('a secret');
      });
      const end = await endOf('Hi');
      expect(end).toMatchObject({ text: '', end: 'error', message: 'Internal Server Error' });
      expect(app.log.messages('error').slice(before)).toContainEqual(
        `The event stream of agent "teller" for a client of /${route} broke: a secret`,
      );
    });

    it('does not begin for a request that is wrong, or one run too many: its status tells so', async () => {
      const wrong = await send(' ');
      expect([wrong.status, Object.keys((await wrong.json()) as Data)]).toEqual([422, ['detail']]);
      const unknown = await send('Hi', { agent: 'nobody' });
      expect([unknown.status, await unknown.json()]).toEqual([404, { detail: 'Agent not found' }]);
      const first = await send('wait');
      await reached.opened;
      const second = await send('Hi');
      expect([second.status, second.headers.has('retry-after')]).toEqual([503, true]);
      goOn.open();
      expect(read(dataIn(await first.text()))).toMatchObject({ end: 'completed' });
    });

    it('whose client leaves does not end its run', async () => {
      const [session, client, left] = [newSession(), new AbortController(), connectionClosed(app)];
      const response = await send('wait', { session, signal: client.signal });
      await reached.opened;
      client.abort();
      await expect(response.text()).rejects.toThrow('aborted');
      await left;
      goOn.open();
      await noted.opened;
      expect(hooks).toEqual(['COMPLETED, not delivered']);
      expect(await getJson(`${app.url}/sessions/${session}/runs`)).toMatchObject([
        { status: 'COMPLETED', content: 'one two' },
      ]);
    });

    it('whose client leaves ends its run, if the module says so', async () => {
      const [session, client] = [newSession(), new AbortController()];
      const response = await send('wait', { session, signal: client.signal, url: stopping.url });
      await reached.opened;
      client.abort();
      await expect(response.text()).rejects.toThrow('aborted');
      await noted.opened;
      expect(hooks).toEqual(['CANCELLED, not delivered']);
      expect(await getJson(`${stopping.url}/sessions/${session}/runs`)).toMatchObject([
        { status: 'CANCELLED' },
      ]);
    });
  });

  it('abortRun() of HttpAgent leaves the run, and its page keeps what it has read', async () => {
    const agent = new HttpAgent({
      url: `${app.url}/agents/teller/ag-ui`,
      threadId: newSession(),
      headers: { connection: 'close' },
    });
    agent.addMessage(agUiQuestion('wait'));
    const left = connectionClosed(app);
    await agent.runAgent({}, { onTextMessageContentEvent: () => agent.abortRun() });
    expect(agent.messages.at(-1)).toMatchObject({ role: 'assistant', content: 'one ' });
    await left;
    goOn.open();
    await noted.opened;
    expect(hooks).toEqual(['COMPLETED, not delivered']);
  });

  it('stop() of useChat(), which aborts the request of its transport, leaves the run', async () => {
    const [client, left] = [new AbortController(), connectionClosed(app)];
    const stream = await sendChat(app.url, '/agents/teller', [chatQuestion('wait')], {
      id: newSession(),
      abortSignal: client.signal,
    });
    const answer = readChat(stream).catch((thrown: unknown) => thrown);
    await reached.opened;
    client.abort();
    await answer;
    await left;
    goOn.open();
    await noted.opened;
    expect(hooks).toEqual(['COMPLETED, not delivered']);
  });
});

describe.each(ROUTES)('A stream of /$route of an application that ends', ({ route, body, read }) => {
  afterEach(closeApps);

  it('tells that its run was stopped', async () => {
    [hooks, reached, goOn] = [[], createGate(), createGate()];
    const ending = await startApp({ agentOs: { agents: [teller], shutdownTimeout: 50 } });
    const response = await fetch(`${ending.url}/agents/teller/${route}`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', connection: 'close' },
      body: JSON.stringify(body('wait', newSession())),
    });
    await reached.opened;
    const closed = ending.app.close();
    expect(read(dataIn(await response.text()))).toMatchObject({ text: 'one ', end: 'cancelled' });
    await closed;
  });
});
