import { once } from 'node:events';
import http from 'node:http';
import { text } from 'node:stream/consumers';

import {
  Controller,
  Get,
  Injectable,
  InternalServerErrorException,
  UseInterceptors,
  type OnModuleInit,
} from '@nestjs/common';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { Agent, AgentOsInterceptor, AgentOsService } from 'nestjs-agentos';
import { createGate, type Gate } from 'nestjs-agentos/testing';

import { ANSWERS, AskController } from '../support/ask.controller.js';
import { inBackground } from '../support/background-hook.js';
import { ClientProcess } from '../support/client-process.js';
import { holdNextAnswer } from '../support/held-answer.js';
import { ADAPTERS, closeApps, startApp, type TestApp, type TestAppOptions } from '../support/test-app.js';

let steps: string[];
/** What the writer's hook waits for. */
let gate: Gate;
let bystanderRan: Gate;

beforeEach(() => {
  steps = [];
  gate = createGate();
  bystanderRan = createGate();
});
afterEach(closeApps);

const waitForGate = inBackground('waitForGate', async ({ hook, runInput }) => {
  steps.push(`the hook of "${runInput.content}" starts, delivered: ${hook.delivered}`);
  await gate.opened;
  steps.push('the hook ends');
});
const writer = new Agent({
  id: 'writer',
  engine: async function* () {
    yield 'the ';
    yield 'answer';
  },
  postHooks: [waitForGate],
});

/** Runs without a response. Once its hook has run, the hooks of other runs that were due would have started too. */
const bystander = new Agent({
  id: 'bystander',
  engine: () => 'done',
  postHooks: [
    inBackground('pass', ({ hook }) => {
      steps.push(`the hook of the bystander starts, delivered: ${hook.delivered}`);
      bystanderRan.open();
    }),
  ],
});
const BYSTANDER = 'the hook of the bystander starts, delivered: undefined';
const AFTER_THE_RESPONSE = [
  BYSTANDER,
  'the response has left',
  'the hook of "hello" starts, delivered: true',
  'the hook ends',
];

@Controller('odd')
class OddController {
  constructor(private readonly agentOs: AgentOsService) {}

  @Get('twice')
  async twice(): Promise<string> {
    await this.agentOs.run('writer', 'first');
    return (await this.agentOs.run('writer', 'second')).content;
  }

  @Get('broken')
  async broken(): Promise<never> {
    await this.agentOs.run('writer', 'hello');
    throw new InternalServerErrorException('the answer was no use');
  }

  @Get('early')
  early(): string {
    void this.agentOs.run('slow', 'hello');
    return 'accepted';
  }
}

@Controller('marked')
@UseInterceptors(AgentOsInterceptor)
class MarkedController extends AskController {}

function start(options: TestAppOptions): Promise<TestApp> {
  return startApp({
    controllers: [AskController, OddController, MarkedController],
    ...options,
    agentOs: { agents: [writer, bystander], ...options.agentOs },
  });
}

/** Reads an answer whose last byte is held back until the executor has been seen at work. */
async function readHeldAnswer({ app, agentOs, url }: TestApp, path: string, body?: string): Promise<string> {
  const held = holdNextAnswer(app, () => steps.push('the response has left'));
  const reading = read(`${url}${path}`, body);
  await held.complete;
  await agentOs.run('bystander', 'hello');
  await bystanderRan.opened;
  held.release();
  const answer = await reading;
  // If the response waited for the hook, the client would not get here, and the hook would never end.
  gate.open();
  await agentOs.drain();
  return answer;
}

async function read(url: string, body?: string): Promise<string> {
  const request = body === undefined ? {} : { method: 'POST', body: new URLSearchParams(body) };
  const response = await fetch(url, { ...request, headers: { connection: 'close' } });
  return response.text();
}

describe.each(ADAPTERS)('After the response on %s', (adapter) => {
  describe('G5: background hooks start when the run has settled and the response has closed', () => {
    it.each(ANSWERS)('$answer', async ({ path, body }) => {
      const app = await start({ adapter });
      expect(await readHeldAnswer(app, path, body)).toContain('answer');
      expect(steps).toEqual(AFTER_THE_RESPONSE);
    });
  });

  describe('G5: a hook that blocks the event loop does not delay a client in another process', () => {
    let client: ClientProcess;
    beforeAll(() => {
      client = new ClientProcess();
    });
    afterAll(() => client.close());

    it.each(ANSWERS)('$answer', async ({ path, body }) => {
      const block = inBackground('block', () =>
        steps.push(client.blockUntilRead() ? 'the client has read everything' : 'the client is blocked'),
      );
      const longWriter = new Agent({ id: 'writer', engine: longAnswer, postHooks: [block] });
      const { agentOs, url } = await start({ adapter, agentOs: { agents: [longWriter] } });
      const answer = await client.read(`${url}${path}`, body);
      await agentOs.drain();
      expect(answer).toContain('the last words');
      expect(steps).toEqual(['the client has read everything']);
    });
  });

  it('the background hooks start in a later turn than the finish of the response', async () => {
    const { app, agentOs, url } = await start({ adapter });
    gate.open();
    (app.getHttpServer() as http.Server).prependListener(
      'request',
      (_request, response: http.ServerResponse) => {
        response.once('finish', () => {
          steps.push('finish');
          process.nextTick(() => steps.push('next tick'));
          void microtasks(20).then(() => steps.push('microtasks'));
        });
      },
    );
    await read(`${url}/ask/value`);
    await agentOs.drain();
    expect(steps).toEqual([
      'finish',
      'next tick',
      'microtasks',
      'the hook of "hello" starts, delivered: true',
      'the hook ends',
    ]);
  });

  it('the hooks of several runs in one request wait until its response has left', async () => {
    await readHeldAnswer(await start({ adapter }), '/odd/twice');
    expect(steps).toEqual([
      BYSTANDER,
      'the response has left',
      'the hook of "first" starts, delivered: true',
      'the hook of "second" starts, delivered: true',
      'the hook ends',
      'the hook ends',
    ]);
  });

  it('the hooks of a completed run are released after an error response, too', async () => {
    const answer = await readHeldAnswer(await start({ adapter }), '/odd/broken');
    expect(JSON.parse(answer)).toMatchObject({ statusCode: 500, message: 'the answer was no use' });
    expect(steps).toEqual(AFTER_THE_RESPONSE);
  });

  it('the hooks of a run that outlives the response are released when the run has settled', async () => {
    const engine = createGate();
    const slow = new Agent({
      id: 'slow',
      engine: async () => {
        await engine.opened;
        steps.push('the run settles');
        return 'late';
      },
      postHooks: [waitForGate],
    });
    const app = await start({ adapter, agentOs: { agents: [slow, bystander] } });
    gate.open();
    expect(await readHeldAnswer(app, '/odd/early')).toBe('accepted');
    engine.open();
    await settled(app);
    expect(steps).toEqual([
      BYSTANDER,
      'the response has left',
      'the run settles',
      'the hook of "hello" starts, delivered: false',
      'the hook ends',
    ]);
  });

  it('the hooks wait no longer for a response than releaseAfter', async () => {
    const { app, agentOs, url } = await start({ adapter, agentOs: { releaseAfter: 20 } });
    const held = holdNextAnswer(app, () => steps.push('the response has left'));
    const reading = read(`${url}/ask/value`);
    gate.open();
    await held.complete;
    await agentOs.drain();
    held.release();
    await reading;
    expect(steps).toEqual([
      'the hook of "hello" starts, delivered: false',
      'the hook ends',
      'the response has left',
    ]);
  });

  it('the connection is free for the next request while hooks run', async () => {
    const { agentOs, port } = await start({ adapter });
    const agent = new http.Agent({ keepAlive: true, maxSockets: 1 });
    const get = async (): Promise<[answer: string, isReused: boolean]> => {
      const request = http.get({ agent, port, host: '127.0.0.1', path: '/ask/value' });
      const [response] = (await once(request, 'response')) as [http.IncomingMessage];
      return [await text(response), request.reusedSocket];
    };
    expect([await get(), await get()]).toEqual([
      ['the answer', false],
      ['the answer', true],
    ]);
    expect(steps).not.toContain('the hook ends');
    gate.open();
    await agentOs.drain();
    agent.destroy();
  });

  it('the hooks wait under interceptor: "manual" where the host has put the interceptor', async () => {
    const app = await start({ adapter, agentOs: { interceptor: 'manual' } });
    await readHeldAnswer(app, '/marked/value');
    expect(steps).toEqual(AFTER_THE_RESPONSE);
  });

  it('the hooks wait for no response under interceptor: "manual" without an interceptor', async () => {
    const app = await start({ adapter, agentOs: { interceptor: 'manual' } });
    await readHeldAnswer(app, '/ask/value');
    expect(steps).toEqual([
      'the hook of "hello" starts, delivered: undefined',
      BYSTANDER,
      'the response has left',
      'the hook ends',
    ]);
  });

  it('the hooks run once if the controller has the interceptor besides the global one', async () => {
    await readHeldAnswer(await start({ adapter }), '/marked/value');
    expect(steps).toEqual(AFTER_THE_RESPONSE);
  });

  it('the hooks are released at once if there is no response', async () => {
    @Injectable()
    class Job implements OnModuleInit {
      constructor(private readonly agentOs: AgentOsService) {}

      async onModuleInit(): Promise<void> {
        await this.agentOs.run('bystander', 'hello');
        await bystanderRan.opened;
        steps.push('the application starts');
      }
    }
    await start({ adapter, providers: [Job] });
    expect(steps).toEqual([BYSTANDER, 'the application starts']);
  });
});

/** More than the kernel takes at once, so that the last byte leaves long after the first. */
async function* longAnswer(): AsyncGenerator<string> {
  for (let piece = 0; piece < 64; piece++) yield 'x'.repeat(64 * 1024);
  yield 'the last words';
}

async function microtasks(count: number): Promise<void> {
  for (let hop = 0; hop < count; hop++) await Promise.resolve();
}

/** Until the run that nobody waits for has settled and its hooks have ended. */
async function settled({ agentOs }: TestApp): Promise<void> {
  await new Promise<void>((resolve) =>
    agentOs.hookEvents.subscribe(({ state }) => state === 'succeeded' && resolve()),
  );
}
