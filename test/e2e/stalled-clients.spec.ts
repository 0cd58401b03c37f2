import { once } from 'node:events';
import type { Server } from 'node:http';
import { connect as connectHttp2, type ClientHttp2Stream, type IncomingHttpHeaders } from 'node:http2';
import type { Socket } from 'node:net';

import { afterEach, describe, expect, it } from '@jest/globals';
import { Agent, type AgentOsOptions, type PostHookContext } from 'nestjs-agentos';
import { createGate } from 'nestjs-agentos/testing';

import { inBackground } from '../support/background-hook.js';
import { multipartOf, postBody, runJson, runSse } from '../support/http-client.js';
import { sendChunk, sendRaw } from '../support/raw-client.js';
import { uploadOf } from '../support/upload-form.js';
import { ADAPTERS, closeApps, startApp, type TestApp } from '../support/test-app.js';

afterEach(closeApps);

const FORM = { 'content-type': 'application/x-www-form-urlencoded' };
/** More than the buffers of any operating system take. */
const PIECES = 1_024;
const PIECE = 'x'.repeat(64 * 1024);

/** An agent that says more than a client which does not read can be sent, and a hook that tells how it ended. */
class Talk {
  readonly ends: string[] = [];
  readonly hookRan = createGate();
  readonly agent = new Agent({
    id: 'talker',
    engine: async function* ({ input }) {
      if (input === 'at once') yield PIECE.repeat(PIECES);
      else for (let piece = 0; piece < PIECES; piece++) yield PIECE;
    },
    postHooks: [
      inBackground(
        'report',
        ({ runOutput, hook }: PostHookContext) => {
          this.ends.push(`${runOutput.status}, delivered: ${hook.delivered}`);
          this.hookRan.open();
        },
        { on: ['completed', 'cancelled'] },
      ),
    ],
  });
}

/** Resolves when the server has closed the next connection. */
function closeOfConnection({ app }: TestApp): Promise<unknown> {
  const server = app.getHttpServer() as Server;
  return once(server, 'connection').then(([socket]) => once(socket as Socket, 'close'));
}

describe.each(ADAPTERS)('A client that reads nothing on %s', (adapter) => {
  it.each<[string, NonNullable<AgentOsOptions['onDisconnect']>, string, string]>([
    ['its run goes on', 'finish', 'message=hi', 'COMPLETED, delivered: false'],
    ['its run is cancelled with onDisconnect', 'cancel', 'message=hi', 'CANCELLED, delivered: false'],
    [
      'its run in the background goes on',
      'cancel',
      'message=hi&background=true',
      'COMPLETED, delivered: false',
    ],
    ['its answer is not kept', 'finish', 'message=at+once&stream=false', 'COMPLETED, delivered: false'],
  ])('is disconnected after stallTimeout: %s', async (_what, onDisconnect, form, end) => {
    const talk = new Talk();
    const app = await startApp({
      adapter,
      agentOs: { agents: [talk.agent], onDisconnect, releaseAfter: 3_600, http: { stallTimeout: 250 } },
    });
    const closed = closeOfConnection(app);
    const socket = await sendRaw(app.port, '/agents/talker/runs', FORM, form);
    socket.on('error', () => undefined);
    await closed;
    await talk.hookRan.opened;
    expect(talk.ends).toEqual([end]);
    expect(app.log.messages('warn').filter((message) => message.includes('stallTimeout'))).toHaveLength(1);
    socket.destroy();
  });

  it('is disconnected after stallTimeout if it reads a run in the background, which continues', async () => {
    let isLetGo = false;
    const talker = new Agent({
      id: 'talker',
      engine: async function* () {
        while (!isLetGo) {
          yield PIECE.slice(0, 16 * 1024);
          await new Promise((resolve) => setTimeout(resolve, 1));
        }
        yield 'done';
      },
    });
    const agentOs = { agents: [talker], http: { stallTimeout: 250 } };
    const app = await startApp({ adapter, agentOs });
    const { body } = await runJson(app.url, '/agents/talker', 'hi', { background: 'true' });
    const closed = closeOfConnection(app);
    const path = `/agents/talker/runs/${String(body['run_id'])}`;
    const socket = await sendRaw(app.port, `${path}/resume`, FORM, '');
    socket.on('error', () => undefined);
    await closed;
    const [running] = app.agentOs.listRuns();
    expect(running?.runId).toBe(body['run_id']);
    isLetGo = true;
    await app.agentOs.drain();
    while (app.agentOs.listRuns().length > 0) await new Promise(setImmediate);
    const answer = await fetch(`${app.url}${path}?session_id=${String(body['session_id'])}`);
    expect(await answer.json()).toMatchObject({ status: 'COMPLETED' });
    expect(app.log.messages('warn').filter((message) => message.includes('stallTimeout'))).toHaveLength(1);
    socket.destroy();
  });

  it('is not disconnected if there is nothing to read', async () => {
    const timedOut = createGate();
    const thinker = new Agent({
      id: 'thinker',
      engine: async function* () {
        yield 'Well … ';
        await timedOut.opened;
        yield 'yes.';
      },
    });
    const { app, url } = await startApp({
      adapter,
      agentOs: { agents: [thinker], http: { stallTimeout: 50 } },
    });
    (app.getHttpServer() as Server).on('connection', (socket: Socket) => socket.on('timeout', timedOut.open));
    const frames = await runSse(url, '/agents/thinker', 'hi');
    expect(frames.at(-1)?.data).toMatchObject({ event: 'RunCompleted', content: 'Well … yes.' });
  });

  it('does not change the time-out of the connection for other requests', async () => {
    const { app, port } = await startApp({
      adapter,
      agentOs: { agents: [new Talk().agent], http: { stallTimeout: 60_000 } },
    });
    const server = app.getHttpServer() as Server;
    server.keepAliveTimeout = 0;
    const connected = once(server, 'connection') as Promise<[Socket]>;
    const socket = await sendRaw(
      port,
      '/agents/none/runs',
      { ...FORM, connection: 'keep-alive' },
      'message=hi',
    );
    const [[connection]] = await Promise.all([connected, once(socket, 'data')]);
    expect(connection.timeout ?? 0).toBe(0);
    socket.destroy();
  });
});

describe('A client that reads nothing over HTTP/2 on Fastify', () => {
  it('is disconnected after stallTimeout: its run continues, and the session serves other requests', async () => {
    const talk = new Talk();
    const app = await startApp({
      adapter: 'fastify',
      agentOs: { agents: [talk.agent], releaseAfter: 3_600, http: { stallTimeout: 250 } },
      fastify: { http2: true } as never,
    });
    const session = connectHttp2(app.url);
    const request = (method: string, path: string): ClientHttp2Stream =>
      session.request({ ':method': method, ':path': path, ...FORM }).on('error', () => undefined);
    const stalled = request('POST', '/agents/talker/runs');
    stalled.end('message=hi');
    await talk.hookRan.opened;
    expect(talk.ends).toEqual(['COMPLETED, delivered: false']);
    expect(app.log.messages('warn').filter((message) => message.includes('stallTimeout'))).toHaveLength(1);
    const health = request('GET', '/health');
    const [headers] = (await once(health.end(), 'response')) as [IncomingHttpHeaders];
    expect(headers[':status']).toBe(200);
    session.destroy();
  });
});

describe.each(ADAPTERS)('Clients that stop in the middle of a form on %s', (adapter) => {
  const echo = new Agent({ id: 'echo', engine: ({ input }) => input });
  const headers = { 'content-type': 'multipart/form-data; boundary=b', 'content-length': '1000000000' };
  // With `close` Node ends the connection with the answer, and a client that is still sending may not get to read it.
  const keptAlive = { ...headers, connection: 'keep-alive' };
  const part = (name: string): string => `--b\r\nContent-Disposition: form-data; name="${name}"\r\n\r\n`;
  const ask = (url: string): Promise<Response> =>
    postBody(url, '/agents/echo', multipartOf({ message: 'hi', stream: 'false' }));

  it('hold no more memory together than maxBodyMemory, and block no other client', async () => {
    const maxBodyMemory = 8 * 1024 * 1024;
    const app = await startApp({ adapter, agentOs: { agents: [echo], http: { maxBodyMemory } } });
    // Of each 3 MiB count: two of them fit, and a third does not.
    const body = part('images') + 'x'.repeat(4 * 1024 * 1024);
    const sockets = await Promise.all(
      Array.from({ length: 6 }, () => sendRaw(app.port, '/agents/echo/runs', keptAlive, body)),
    );
    const answers = sockets.map(async (socket) => {
      const [answer] = (await once(socket, 'data')) as [Buffer];
      return answer.toString();
    });
    const refused = await new Promise<string[]>((resolve) => {
      const all: string[] = [];
      for (const answer of answers) void answer.then((text) => all.push(text) === 4 && resolve(all));
    });
    for (const answer of refused) {
      expect(answer).toMatch(/^HTTP\/1.1 503 [^]*retry-after: \d+/i);
      expect(answer).toContain(
        '{"detail":"The server reads too many large requests. Please try again later."}',
      );
    }
    expect((await ask(app.url)).status).toBe(200);
    for (const socket of sockets) socket.destroy();
  });

  it('keep the memory of the files of a run in the background only until this run has settled', async () => {
    const gate = createGate();
    const waiter = new Agent({ id: 'waiter', engine: () => gate.opened.then(() => 'done') });
    const http = { maxBodyMemory: 8 * 1024 * 1024 };
    const { url, agentOs } = await startApp({ adapter, agentOs: { agents: [waiter], http } });
    const attach = async (): Promise<number> => {
      const fields = { stream: 'false', background: 'true' };
      // Of each 3 MiB count, as above.
      const form = uploadOf([{ name: 'a.txt', content: 'x'.repeat(4 * 1024 * 1024) }], fields);
      const { status } = await postBody(url, '/agents/waiter', form);
      return status;
    };
    expect([await attach(), await attach(), await attach()]).toEqual([202, 202, 503]);
    gate.open();
    while (agentOs.listRuns().length > 0) await new Promise(setImmediate);
    expect(await attach()).toBe(202);
  });

  it('get 408 after stallTimeout', async () => {
    const { port, url } = await startApp({
      adapter,
      agentOs: { agents: [echo], http: { stallTimeout: 100 } },
    });
    const socket = await sendRaw(port, '/agents/echo/runs', headers, `${part('message')}hi`);
    const [answer] = (await once(socket, 'data')) as [Buffer];
    expect(answer.toString()).toMatch(/^HTTP\/1.1 408 [^]*"detail":"Nothing more of the form has arrived."/);
    socket.destroy();
    expect((await ask(url)).status).toBe(200);
  });

  it('get 413 as soon as a field exceeds its limit, whether the body has a length or comes in chunks', async () => {
    const { port } = await startApp({ adapter, agentOs: { agents: [echo] } });
    // The field is never ended: by its length the body has 1 GB.
    const body = part('message') + 'x'.repeat(4 * 1024 * 1024);
    const { 'content-length': _length, ...unsized } = headers;
    const answers = await Promise.all(
      Array.from({ length: 16 }, async (_none, index) => {
        const socket = await (index % 2 === 0
          ? sendRaw(port, '/agents/echo/runs', keptAlive, body)
          : sendChunk(port, '/agents/echo/runs', { ...unsized, connection: 'keep-alive' }, body));
        const [answer] = (await once(socket, 'data')) as [Buffer];
        socket.destroy();
        return answer.toString();
      }),
    );
    for (const answer of answers) {
      expect(answer).toMatch(/^HTTP\/1.1 413 [^]*"detail":"The form field \\"message\\" is too large."/);
    }
  });

  it('are not awaited if their fields exceed the limits of number or size', async () => {
    const { port } = await startApp({ adapter, agentOs: { agents: [echo] } });
    const field = part('metadata') + 'x'.repeat(1024 * 1024) + '\r\n';
    const socket = await sendRaw(port, '/agents/echo/runs', keptAlive, field.repeat(5) + part('message'));
    const [answer] = (await once(socket, 'data')) as [Buffer];
    expect(answer.toString()).toMatch(
      /^HTTP\/1.1 413 [^]*"detail":"The form field \\"metadata\\" is too large."/,
    );
    socket.destroy();
  });
});
