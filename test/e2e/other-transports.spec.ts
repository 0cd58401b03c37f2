import type { AddressInfo, Server } from 'node:net';

import { Controller, Module, UseInterceptors, type INestApplication } from '@nestjs/common';
import {
  ClientProxyFactory,
  EventPattern,
  MessagePattern,
  Payload,
  RpcException,
  Transport,
  type ClientProxy,
  type TcpOptions,
} from '@nestjs/microservices';
import { NestFactory } from '@nestjs/core';
import { WsAdapter } from '@nestjs/platform-ws';
import { Test } from '@nestjs/testing';
import { MessageBody, SubscribeMessage, WebSocketGateway, WsException } from '@nestjs/websockets';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import {
  Agent,
  AgentOsInterceptor,
  AgentOsModule,
  AgentOsService,
  type AgentOsOptions,
} from 'nestjs-agentos';
import { createGate, type Gate } from 'nestjs-agentos/testing';
import { concat, defer, from, lastValueFrom, map, toArray, type Observable } from 'rxjs';

import { inBackground } from '../support/background-hook.js';
import { RecordingLogger } from '../support/recording-logger.js';
import { ADAPTERS, closeApps, startApp } from '../support/test-app.js';
import { openWebSocket, type WebSocketClient } from '../support/web-socket-client.js';

let steps: string[];
let gate: Gate;
const opened: { close(): unknown }[] = [];

beforeEach(() => {
  steps = [];
  gate = createGate();
});
afterEach(async () => {
  await Promise.all(opened.splice(0).map((connection) => connection.close()));
  await closeApps();
});

const notify = inBackground('notify', ({ runOutput, hook }) => {
  steps.push(`hook: ${runOutput.content}, delivered: ${String(hook.delivered)}`);
});
const echo = new Agent({ id: 'echo', engine: ({ input }) => input, postHooks: [notify] });
/** Its hooks wait for no handler: once one of them has run, those of other runs could have run too. */
const job = new Agent({
  id: 'job',
  engine: () => 'done',
  postHooks: [inBackground('note', () => noteJob())],
});
const agentOs: AgentOsOptions = { agents: [echo, job] };

let noteJob: () => void;
async function runJob(service: AgentOsService): Promise<void> {
  const noted = new Promise<void>((resolve) => (noteJob = resolve));
  await service.run('job', 'now');
  await noted;
  steps.push('hook of job');
}

/** What handlers do, whatever brought them the question. */
class Desk {
  constructor(private readonly service: AgentOsService) {}

  async answer(question: string): Promise<string> {
    const { content } = await this.service.run('echo', question);
    // All hooks but those that wait for this very handler.
    await this.service.drain();
    steps.push('handled');
    return content;
  }

  /** Answers, and has more to say once the gate is open. */
  answerTwice(question: string): Observable<string> {
    const first = defer(() => this.answer(question));
    return concat(
      first,
      defer(() => from(gate.opened.then(() => 'more'))),
    );
  }
}

@WebSocketGateway()
@UseInterceptors(AgentOsInterceptor)
class AskGateway {
  readonly #desk: Desk;

  constructor(service: AgentOsService) {
    this.#desk = new Desk(service);
  }

  @SubscribeMessage('ask')
  async ask(@MessageBody() question: string): Promise<object> {
    return { event: 'answer', data: await this.#desk.answer(question) };
  }

  @SubscribeMessage('ask twice')
  askTwice(@MessageBody() question: string): Observable<object> {
    return this.#desk.answerTwice(question).pipe(map((data) => ({ event: 'answer', data })));
  }

  @SubscribeMessage('fail')
  async fail(@MessageBody() question: string): Promise<never> {
    await this.#desk.answer(question);
    gate.open();
    throw new WsException('no answer');
  }
}

@Controller()
class AskMessages {
  readonly #desk: Desk;

  constructor(service: AgentOsService) {
    this.#desk = new Desk(service);
  }

  @MessagePattern('ask')
  ask(@Payload() question: string): Promise<string> {
    return this.#desk.answer(question);
  }

  @MessagePattern('ask twice')
  askTwice(@Payload() question: string): Observable<string> {
    return this.#desk.answerTwice(question);
  }

  @MessagePattern('fail')
  async fail(@Payload() question: string): Promise<never> {
    await this.#desk.answer(question);
    throw new RpcException('no answer');
  }

  @EventPattern('asked')
  async asked(@Payload() question: string): Promise<void> {
    await this.#desk.answer(question);
    gate.open();
  }
}

function connect(server: Server): ClientProxy {
  const { port } = server.address() as AddressInfo;
  const client = ClientProxyFactory.create({
    transport: Transport.TCP,
    options: { host: '127.0.0.1', port },
  });
  opened.push(client);
  return client;
}

const ANY_PORT: TcpOptions = { transport: Transport.TCP, options: { host: '127.0.0.1', port: 0 } };

describe.each(ADAPTERS)('A WebSocket gateway on %s', (adapter) => {
  async function start(): Promise<{ service: AgentOsService; socket: WebSocketClient }> {
    const { agentOs: service, port } = await startApp({
      adapter,
      agentOs,
      providers: [AskGateway],
      beforeListen: (app: INestApplication) => app.useWebSocketAdapter(new WsAdapter(app)),
    });
    const socket = await openWebSocket(port);
    opened.push(socket);
    return { service, socket };
  }

  it('runs background hooks after the handler', async () => {
    const { service, socket } = await start();
    socket.send({ event: 'ask', data: 'hi' });
    expect(await socket.receive()).toEqual({ event: 'answer', data: 'hi' });
    await service.drain();
    expect(steps).toEqual(['handled', 'hook: hi, delivered: true']);
  });

  it('runs background hooks at the end of an observable, not at its first value', async () => {
    const { service, socket } = await start();
    socket.send({ event: 'ask twice', data: 'hi' });
    expect(await socket.receive()).toEqual({ event: 'answer', data: 'hi' });
    await runJob(service);
    gate.open();
    expect(await socket.receive()).toEqual({ event: 'answer', data: 'more' });
    await service.drain();
    expect(steps).toEqual(['handled', 'hook of job', 'hook: hi, delivered: true']);
  });

  it('runs background hooks if the handler fails after the run', async () => {
    const { service, socket } = await start();
    socket.send({ event: 'fail', data: 'hi' });
    await gate.opened;
    await service.drain();
    expect(steps).toEqual(['handled', 'hook: hi, delivered: false']);
  });
});

describe.each(['a microservice', 'a microservice with `http: false`', 'a hybrid application'] as const)(
  'A message handler in %s',
  (kind) => {
    async function start(): Promise<{ service: AgentOsService; client: ClientProxy }> {
      if (kind === 'a hybrid application') {
        const { app, agentOs: service } = await startApp({ agentOs, controllers: [AskMessages] });
        // Without its own configuration a connected microservice has no global interceptors at all.
        const microservice = app.connectMicroservice(ANY_PORT, { inheritAppConfig: true });
        await app.startAllMicroservices();
        return { service, client: connect(microservice.unwrap<Server>()) };
      }
      const http = kind === 'a microservice' ? {} : ({ http: false } as const);
      @Module({ imports: [AgentOsModule.forRoot({ ...agentOs, ...http })], controllers: [AskMessages] })
      class AppModule {}
      const testing = await Test.createTestingModule({ imports: [AppModule] }).compile();
      const app = testing.createNestMicroservice({ ...ANY_PORT, logger: new RecordingLogger() });
      await app.listen();
      opened.push(app);
      return { service: app.get(AgentOsService), client: connect(app.unwrap<Server>()) };
    }

    it('runs background hooks after the handler', async () => {
      const { service, client } = await start();
      expect(await lastValueFrom(client.send('ask', 'hi'))).toBe('hi');
      await service.drain();
      expect(steps).toEqual(['handled', 'hook: hi, delivered: true']);
    });

    it('runs background hooks at the end of an observable, not at its first value', async () => {
      const { service, client } = await start();
      const answer = client.send<string>('ask twice', 'hi');
      const values = lastValueFrom(
        answer.pipe(
          map((value) => {
            if (value === 'hi') void runJob(service).then(() => gate.open());
            return value;
          }),
          toArray(),
        ),
      );
      expect(await values).toEqual(['hi', 'more']);
      await service.drain();
      expect(steps).toEqual(['handled', 'hook of job', 'hook: hi, delivered: true']);
    });

    it('runs background hooks if the handler fails after the run', async () => {
      const { service, client } = await start();
      await expect(lastValueFrom(client.send('fail', 'hi'))).rejects.toMatchObject({ message: 'no answer' });
      await service.drain();
      expect(steps).toEqual(['handled', 'hook: hi, delivered: false']);
    });

    it('runs the background hooks of an event after it, though no caller waits for an answer', async () => {
      const { service, client } = await start();
      await lastValueFrom(client.emit('asked', 'hi'), { defaultValue: undefined });
      await gate.opened;
      await service.drain();
      expect(steps).toEqual(['handled', 'hook: hi, delivered: true']);
    });
  },
);

describe('An application context, as workers and command lines use it,', () => {
  it('runs components and their background hooks without HTTP', async () => {
    @Module({ imports: [AgentOsModule.forRoot(agentOs)] })
    class AppModule {}
    const context = await NestFactory.createApplicationContext(AppModule, { logger: new RecordingLogger() });
    const service = context.get(AgentOsService);

    const { content } = await service.run('echo', 'hi');
    steps.push('done');
    await service.drain();
    await context.close();

    expect([content, ...steps]).toEqual(['hi', 'done', 'hook: hi, delivered: undefined']);
  });
});
