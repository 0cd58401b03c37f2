import { once } from 'node:events';
import { Agent as KeepAliveAgent, get as httpGet, type IncomingMessage, type Server } from 'node:http';
import { connect as connectHttp2, type ClientHttp2Session } from 'node:http2';
import { get as httpsGet, Agent as KeepAliveTlsAgent } from 'node:https';
import dns, { type LookupAddress } from 'node:dns';
import { connect, type AddressInfo, type Socket } from 'node:net';
import { connect as connectTls } from 'node:tls';

import { afterEach, describe, expect, it, jest } from '@jest/globals';
import { Controller, Get, Module, type BeforeApplicationShutdown } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { FastifyAdapter } from '@nestjs/platform-fastify';
import { Agent, AgentOsModule, AgentOsService } from 'nestjs-agentos';
import { createGate, type Gate } from 'nestjs-agentos/testing';

import { inBackground } from '../support/background-hook.js';
import { RecordingLogger } from '../support/recording-logger.js';
import { Shutdown } from '../support/shutdown.js';
import { ADAPTERS, closeApps, startApp, type Adapter, type TestApp } from '../support/test-app.js';
import { TEST_CERTIFICATE } from '../support/test-certificate.js';

/** Longer than a test: whoever waits for it fails. */
const NEVER = 600_000;

const LOCALHOST: readonly LookupAddress[] = [
  { address: '127.0.0.1', family: 4 },
  { address: '::1', family: 6 },
];

const sockets: { destroy(): void }[] = [];

afterEach(async () => {
  for (const socket of sockets.splice(0)) socket.destroy();
  await closeApps();
});

async function say(port: number, beginning: string): Promise<Socket> {
  const socket = connect(port, '127.0.0.1').on('error', () => undefined);
  sockets.push(socket);
  await once(socket, 'connect');
  if (beginning !== '') socket.write(beginning);
  return socket;
}

/** A handler of the host that answers when the test lets it. */
function slowController(): { SlowController: new () => object; started: Gate; answer: Gate } {
  const started = createGate();
  const answer = createGate();

  @Controller()
  class SlowController {
    @Get('slow')
    async slow(): Promise<string> {
      started.open();
      await answer.opened;
      return 'at last';
    }
  }
  return { SlowController, started, answer };
}

/** An agent with a hook that hangs, and one behind it. */
function agentWithHangingHook(): { agent: Agent; started: Gate } {
  const started = createGate();
  const hang = (): Promise<never> => {
    started.open();
    return new Promise(() => undefined);
  };
  const postHooks = [inBackground('hanging', hang), inBackground('waiting', () => undefined)];
  return { agent: new Agent({ id: 'support', engine: () => 'answer', postHooks }), started };
}

async function answerOf(url: string, agent: KeepAliveAgent): Promise<IncomingMessage> {
  const request = (url.startsWith('https') ? httpsGet : httpGet)(url, {
    agent,
    rejectUnauthorized: false,
  } as never);
  const [answer] = (await once(request, 'response')) as [IncomingMessage];
  answer.resume();
  await once(answer, 'end');
  return answer;
}

function keepAlive(secure = false): KeepAliveAgent {
  const agent = secure ? new KeepAliveTlsAgent({ keepAlive: true }) : new KeepAliveAgent({ keepAlive: true });
  sockets.push(agent);
  return agent;
}

/** Until the log has it: what the application does of its own accord has no promise to wait for. */
async function logged({ log }: Pick<TestApp, 'log'>, text: string): Promise<string> {
  for (;;) {
    const message = log.messages('warn').find((each) => each.includes(text));
    if (message !== undefined) return message;
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}

describe.each(ADAPTERS)('Connections at shutdown, on %s', (adapter) => {
  it('G18: silent connections, also with half a request, are closed at the start of shutdown', async () => {
    const testApp = await startApp({ adapter, agentOs: { shutdownTimeout: NEVER } });
    const silent = await say(testApp.port, '');
    const half = await say(testApp.port, 'GET /health HTTP/1.1\r\nHost: 127.0.0.1\r\nX-Half');
    // The server knows all three connections when the last has been answered.
    const agent = keepAlive();
    await answerOf(`${testApp.url}/health`, agent);

    await testApp.close();

    for (const socket of [silent, half]) if (!socket.closed) await once(socket, 'close');
  });

  it('G18: a request whose body does not arrive is ended at the deadline', async () => {
    const testApp = await startApp({ adapter, agentOs: { shutdownTimeout: 50 } });
    const head =
      'POST /sessions HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\nContent-Length: 99\r\n';
    await say(testApp.port, `${head}\r\n{"session_name":`);
    await answerOf(`${testApp.url}/health`, keepAlive());

    await testApp.close();
  });

  it('G18: a connection is closed after the answer in progress, which announces it', async () => {
    const { SlowController, started, answer } = slowController();
    const testApp = await startApp({
      adapter,
      controllers: [SlowController],
      agentOs: { shutdownTimeout: NEVER },
    });
    const answering = answerOf(`${testApp.url}/slow`, keepAlive());
    await started.opened;

    const shutdown = await Shutdown.begin(testApp, () => undefined);
    answer.open();

    const { statusCode, headers } = await answering;
    expect([statusCode, headers.connection]).toEqual([200, 'close']);
    await shutdown.ended;
  });

  it('G18: a connection is closed after a stream that had begun', async () => {
    const engine = createGate();
    const agent = new Agent({
      id: 'support',
      engine: async function* () {
        yield 'the ';
        await engine.opened;
        yield 'end';
      },
    });
    const testApp = await startApp({ adapter, agentOs: { agents: [agent], shutdownTimeout: NEVER } });
    const body = 'message=hello&stream=true';
    const type = 'application/x-www-form-urlencoded';
    const socket = await say(
      testApp.port,
      `POST /agents/support/runs HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: ${type}\r\nContent-Length: ${body.length}\r\n\r\n${body}`,
    );
    const parts: string[] = [];
    socket.setEncoding('utf8').on('data', (part: string) => parts.push(part));
    while (!parts.join('').includes('"the "')) await once(socket, 'data');

    const shutdown = await Shutdown.begin(testApp, () => undefined);
    engine.open();
    await shutdown.ended;

    if (!socket.closed) await once(socket, 'close');
    expect(parts.join('')).toContain('event: RunCompleted');
  });

  it('G18: requests that arrive during shutdown are answered, and their connections closed', async () => {
    const others = createGate();
    const reached = createGate();
    class SlowNeighbour implements BeforeApplicationShutdown {
      async beforeApplicationShutdown(): Promise<void> {
        reached.open();
        await others.opened;
      }
    }
    // Modules further down are asked later.
    @Module({ providers: [SlowNeighbour] })
    class LowModule {}
    @Module({ imports: [LowModule] })
    class MiddleModule {}
    const testApp = await startApp({
      adapter,
      imports: [MiddleModule],
      agentOs: { shutdownTimeout: NEVER },
    });
    const closed = testApp.close();
    await reached.opened;
    const agent = keepAlive();

    const answers = [
      await answerOf(`${testApp.url}/health`, agent),
      await answerOf(`${testApp.url}/health`, agent),
    ];

    expect(answers.map(({ statusCode, headers }) => [statusCode, headers.connection])).toEqual([
      [200, 'close'],
      [200, 'close'],
    ]);
    others.open();
    await closed;
  });

  it('G18: at the deadline hooks are dropped and reported by name while a handler hangs, which is dropped and named, too', async () => {
    const { SlowController, started, answer } = slowController();
    const { agent, started: hookStarted } = agentWithHangingHook();
    const testApp = await startApp({
      adapter,
      controllers: [SlowController],
      agentOs: { agents: [agent], shutdownTimeout: 50 },
    });
    const answering = expect(answerOf(`${testApp.url}/slow?key=secret`, keepAlive())).rejects.toMatchObject({
      code: 'ECONNRESET',
    });
    const { runId } = await testApp.agentOs.run('support', 'hello');
    await Promise.all([started.opened, hookStarted.opened]);

    await testApp.close();

    expect(await logged(testApp, 'Shutdown ended after')).toContain(
      `"hanging" of run ${runId}, "waiting" of run ${runId}`,
    );
    expect(await logged(testApp, 'handlers that have not answered')).toContain('GET "/slow".');
    expect((await testApp.agentOs.executions.counts()).dropped).toBe(2);
    await answering;
    answer.open();
  });

  it('G18: with closeConnections: false the host closes its connections, and the deadline still holds', async () => {
    const { agent, started } = agentWithHangingHook();
    const testApp = await startApp({
      adapter,
      agentOs: { agents: [agent], shutdownTimeout: 50, closeConnections: false },
    });
    const silent = await say(testApp.port, '');
    await answerOf(`${testApp.url}/health`, keepAlive());
    await testApp.agentOs.run('support', 'hello');
    await started.opened;

    const closed = testApp.close();

    expect(await logged(testApp, 'Shutdown ended after')).toContain('"hanging"');
    expect(silent.closed).toBe(false);
    silent.destroy();
    await closed;
  });

  it('G18: upgraded sockets are left to the host', async () => {
    const testApp = await startApp({ adapter, agentOs: { shutdownTimeout: 50 } });
    const server = testApp.app.getHttpServer() as Server;
    server.on('upgrade', (_request, socket) => {
      socket.write('HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: echo\r\n\r\n');
      socket.on('data', (part: Buffer) => socket.write(part));
      socket.on('error', () => undefined);
      socket.on('end', () => socket.end());
    });
    const socket = await say(
      testApp.port,
      'GET / HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: Upgrade\r\nUpgrade: echo\r\n\r\n',
    );
    await once(socket, 'data');

    const closed = testApp.close();
    await new Promise((resolve) => setTimeout(resolve, 100));
    socket.write('still here');

    expect(String(await once(socket, 'data'))).toBe('still here');
    socket.destroy();
    await closed;
  });

  it('of a request for an upgrade get a normal response if no handler upgrades them', async () => {
    const testApp = await startApp({ adapter });
    const server = testApp.app.getHttpServer() as Server;
    const upgrade = (): void => undefined;
    server.on('upgrade', upgrade).removeListener('upgrade', upgrade);

    const socket = await say(
      testApp.port,
      'GET /health HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: Upgrade\r\nUpgrade: echo\r\n\r\n',
    );

    expect(String(await once(socket, 'data'))).toContain('200 OK');
  });

  it('are closed only if they belong to the application that ends', async () => {
    const other = await startApp({ adapter });
    const testApp = await startApp({ adapter, agentOs: { shutdownTimeout: NEVER } });
    const silent = await say(other.port, '');

    await testApp.close();
    silent.write('GET /health HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n');

    expect(String(await once(silent, 'data'))).toContain('200 OK');
  });

  it('G18: connections of HTTPS are closed, also before the TLS handshake', async () => {
    const { url, port, close } = await startSecure(adapter, {});
    await say(port, '');
    const secure = connectTls({ port, host: '127.0.0.1', rejectUnauthorized: false });
    sockets.push(secure.on('error', () => undefined));
    await once(secure, 'secureConnect');
    await answerOf(`${url}/health`, keepAlive(true));

    await close();
  });
});

async function startSecure(
  adapter: Adapter,
  fastify: object,
): Promise<{ url: string; port: number; close: () => Promise<void> }> {
  @Module({ imports: [AgentOsModule.forRoot({ shutdownTimeout: NEVER })] })
  class SecureModule {}
  const app = await createApp(SecureModule, adapter, fastify);
  await app.listen(0, '127.0.0.1');
  const { port } = app.getHttpServer().address() as { port: number };
  return { url: `https://127.0.0.1:${port}`, port, close: () => app.close() };
}

async function createApp(module: new () => object, adapter: Adapter, fastify: object) {
  if (adapter === 'express')
    return NestFactory.create(module, { httpsOptions: TEST_CERTIFICATE, logger: false });
  const { FastifyAdapter } = await import('@nestjs/platform-fastify');
  return NestFactory.create(module, new FastifyAdapter({ https: TEST_CERTIFICATE, ...fastify } as never), {
    logger: false,
  });
}

describe('Connections of HTTP/2 at shutdown, on Fastify', () => {
  async function openSession(url: string): Promise<ClientHttp2Session> {
    const session = connectHttp2(url, { rejectUnauthorized: false }).on('error', () => undefined);
    sockets.push(session);
    await once(session, 'connect');
    return session;
  }

  it.each(['http', 'https'])(
    'G18: idle sessions, and sockets without one, are closed over %s',
    async (scheme) => {
      const { port, close } =
        scheme === 'http'
          ? await startApp({
              adapter: 'fastify',
              fastify: { http2: true } as never,
              agentOs: { shutdownTimeout: NEVER },
            })
          : await startSecure('fastify', { http2: true });
      await say(port, '');
      const session = await openSession(`${scheme}://127.0.0.1:${port}`);
      const health = session.request({ ':path': '/health' });
      health.resume();
      await once(health, 'end');

      await close();

      if (!session.closed) await once(session, 'close');
    },
  );

  it('G18: a session is closed after the answer in progress', async () => {
    const { SlowController, started, answer } = slowController();
    const testApp = await startApp({
      adapter: 'fastify',
      fastify: { http2: true } as never,
      controllers: [SlowController],
      agentOs: { shutdownTimeout: NEVER },
    });
    const session = await openSession(testApp.url);
    const slow = session.request({ ':path': '/slow' }).setEncoding('utf8');
    await started.opened;

    const closed = testApp.close();
    await once(session, 'goaway');
    answer.open();

    const [text] = (await once(slow, 'data')) as [string];
    expect(text).toBe('at last');
    await closed;
  });

  it('G18: at the deadline requests without an end are closed', async () => {
    const testApp = await startApp({
      adapter: 'fastify',
      fastify: { http2: true } as never,
      agentOs: { shutdownTimeout: 50 },
    });
    const session = await openSession(testApp.url);
    const half = session.request({
      ':path': '/sessions',
      ':method': 'POST',
      'content-type': 'application/json',
    });
    half.on('error', () => undefined).write('{"session_name":');
    const health = session.request({ ':path': '/health' });
    health.resume();
    await once(health, 'end');

    await testApp.close();
  });
});

describe('Connections of an application that listens on localhost, on Fastify', () => {
  it('G18: connections of its second server are closed as well', async () => {
    const { SlowController, started } = slowController();
    const original = dns.lookup as (...call: unknown[]) => void;
    const lookup = jest.spyOn(dns, 'lookup').mockImplementation((...call: unknown[]) => {
      const [host, options, callback] = call;
      const isAll = host === 'localhost' && typeof options === 'object' && 'all' in (options ?? {});
      if (isAll && typeof callback === 'function') callback(null, LOCALHOST);
      else original(...call);
    });
    @Module({
      imports: [AgentOsModule.forRoot({ shutdownTimeout: 50 })],
      controllers: [SlowController],
    })
    class AppModule {}
    const app = await NestFactory.create(AppModule, new FastifyAdapter() as never, { logger: false });
    await app.listen(0, 'localhost');
    lookup.mockRestore();
    const { port } = app.getHttpServer().address() as AddressInfo;
    const open = async (beginning: string): Promise<Socket> => {
      const socket = connect(port, '::1').on('error', () => undefined);
      sockets.push(socket);
      await once(socket, 'connect');
      socket.write(beginning);
      return socket;
    };
    const silent = await open('');
    const half = await open('GET /health HTTP/1.1\r\nHost: localhost\r\nX-Half');
    const idle = await open('GET /health HTTP/1.1\r\nHost: localhost\r\n\r\n');
    await once(idle, 'data');
    const hanging = await open('GET /slow HTTP/1.1\r\nHost: localhost\r\n\r\n');
    await started.opened;

    await app.close();

    for (const socket of [silent, half, idle, hanging]) if (!socket.closed) await once(socket, 'close');
  });
});

describe('Shutdown without an HTTP server', () => {
  it('G18: an application context ends at the deadline, and reports its hooks', async () => {
    const { agent, started } = agentWithHangingHook();
    @Module({ imports: [AgentOsModule.forRoot({ agents: [agent], shutdownTimeout: 50 })] })
    class ContextModule {}
    const log = new RecordingLogger();
    const context = await NestFactory.createApplicationContext(ContextModule, { logger: log });
    await context.get(AgentOsService).run('support', 'hello');
    await started.opened;

    await context.close();

    expect(log.messages('warn').filter((message) => message.includes('Shutdown ended after'))).toHaveLength(
      1,
    );
  });
});
