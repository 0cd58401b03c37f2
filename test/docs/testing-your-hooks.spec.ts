import { afterEach, describe, expect, it } from '@jest/globals';
import { Injectable, Module, type INestApplication, type Provider } from '@nestjs/common';
import { Test } from '@nestjs/testing';
import {
  Agent,
  AgentOsModule,
  Guardrail,
  Hook,
  hookRef,
  InMemorySessionStore,
  InputCheckError,
  type PostHookContext,
  type PreHookContext,
} from 'nestjs-agentos';
import {
  createTestAgentOs,
  createTestClient,
  failingStore,
  scriptedEngine,
  spyOnHooks,
  type TestAgentOs,
} from 'nestjs-agentos/testing';

@Injectable()
class Mailer {
  send(text: string): Promise<void> {
    return Promise.reject(new Error(`No mail server in tests: ${text}`));
  }
}

@Injectable()
class SupportHooks {
  constructor(private readonly mailer: Mailer) {}

  @Guardrail()
  noPasswords({ runInput }: PreHookContext): void {
    if (runInput.content.includes('password')) throw new InputCheckError('Please do not send passwords.');
  }

  @Hook({ runInBackground: true })
  async notify({ runOutput }: PostHookContext): Promise<void> {
    await this.mailer.send(runOutput.content);
  }
}

const hooks = {
  preHooks: [hookRef(SupportHooks, 'noPasswords')],
  postHooks: [hookRef(SupportHooks, 'notify')],
};
const support = new Agent({ id: 'support', engine: ({ input }) => `You asked: ${input}`, ...hooks });

@Module({ imports: [AgentOsModule.forRoot({ agents: [support] })], providers: [SupportHooks, Mailer] })
class SupportModule {}

class RecordingMailer {
  readonly sent: string[] = [];

  send(text: string): Promise<void> {
    this.sent.push(text);
    return Promise.resolve();
  }
}

function providersWith(mailer: RecordingMailer): Provider[] {
  return [SupportHooks, { provide: Mailer, useValue: mailer }];
}

describe('The hooks of support', () => {
  let os: TestAgentOs;

  afterEach(() => os.close());

  it('mail the answer, after the response', async () => {
    const mailer = new RecordingMailer();
    os = await createTestAgentOs({ agents: [support], providers: providersWith(mailer) });

    const run = await os.client.run('support', 'Where is my parcel?');
    await os.hooks.next('notify', { state: 'succeeded' });

    expect(run.content).toBe('You asked: Where is my parcel?');
    expect(mailer.sent).toEqual(['You asked: Where is my parcel?']);
    os.hooks.assertInline(run, 'noPasswords');
    os.hooks.assertRanAfterResponse(run, 'notify');
    os.hooks.assertOrder(run, ['noPasswords', 'notify']);
  });

  it('mail nothing about a question that is rejected', async () => {
    const mailer = new RecordingMailer();
    os = await createTestAgentOs({ agents: [support], providers: providersWith(mailer) });

    const run = await os.client.run('support', 'My password is hunter2');

    expect(run.status).toBe(400);
    expect(run.body.detail).toBe('Please do not send passwords.');
    os.hooks.assertNotRun('notify');
  });
});

describe('The hook notify', () => {
  let os: TestAgentOs;

  afterEach(() => os.close());

  it('waits until the test releases it', async () => {
    const mailer = new RecordingMailer();
    os = await createTestAgentOs({ agents: [support], providers: providersWith(mailer), hooks: 'hold' });

    await os.client.run('support', 'Where is my parcel?');
    expect(os.held()).toMatchObject([{ hook: 'notify', state: 'scheduled' }]);
    expect(mailer.sent).toEqual([]);

    await os.release('notify');
    expect(mailer.sent).toEqual(['You asked: Where is my parcel?']);
  });

  it('has run before the answer comes', async () => {
    const mailer = new RecordingMailer();
    os = await createTestAgentOs({ agents: [support], providers: providersWith(mailer), hooks: 'inline' });

    await os.client.run('support', 'Where is my parcel?');

    expect(mailer.sent).toEqual(['You asked: Where is my parcel?']);
  });
});

describe('An answer of a model', () => {
  let os: TestAgentOs;

  afterEach(() => os.close());

  it('is mailed as a whole, and not if it failed', async () => {
    const engine = scriptedEngine()
      .tool('findParcel', { id: 7 }, 'in Bonn')
      .text('It is ', 'in Bonn.')
      .nextRun()
      .fail(new Error('The model is down'));
    const mailer = new RecordingMailer();
    const agents = [new Agent({ id: 'support', engine, ...hooks })];
    os = await createTestAgentOs({ agents, providers: providersWith(mailer), logger: false });

    const answer: unknown[] = [];
    for await (const { event, content } of os.client.stream('support', 'Where is my parcel?')) {
      if (event === 'RunContent') answer.push(content);
    }
    const failed = await os.client.run('support', 'And the other one?');
    await os.hooks.next('notify', { state: 'succeeded' });

    expect(answer).toEqual(['It is ', 'in Bonn.']);
    expect(failed.status).toBe(500);
    expect(mailer.sent).toEqual(['It is in Bonn.']);
    engine.assertFinished();
  });
});

describe('The hooks of support, when something fails,', () => {
  let os: TestAgentOs;

  afterEach(() => os.close());

  it('mail an answer whose client left early', async () => {
    const engine = scriptedEngine().text('One moment. ').hang().text('It is in Bonn.');
    const mailer = new RecordingMailer();
    const agents = [new Agent({ id: 'support', engine, ...hooks })];
    os = await createTestAgentOs({ agents, providers: providersWith(mailer) });

    const stream = os.client.stream('support', 'Where is my parcel?');
    await stream.until('RunContent');
    await engine.hanging();
    await stream.leave();
    engine.proceed();
    await os.hooks.next('notify', { state: 'succeeded' });

    expect(mailer.sent).toEqual(['One moment. It is in Bonn.']);
  });

  it('mail an answer that could not be stored', async () => {
    const sessions = failingStore(new InMemorySessionStore(), { append: new Error('The disk is full') });
    const mailer = new RecordingMailer();
    const providers = providersWith(mailer);
    os = await createTestAgentOs({
      agents: [support],
      providers,
      sessionStore: sessions.store,
      logger: false,
    });

    await os.client.run('support', 'Where is my parcel?');
    await os.hooks.next('notify', { state: 'succeeded' });

    expect(mailer.sent).toEqual(['You asked: Where is my parcel?']);
  });
});

describe('The whole application', () => {
  let app: INestApplication;

  afterEach(() => app.close());

  it('mails the answer', async () => {
    const mailer = new RecordingMailer();
    const testing = await Test.createTestingModule({ imports: [SupportModule] })
      .overrideProvider(Mailer)
      .useValue(mailer)
      .compile();
    app = testing.createNestApplication();
    await app.listen(0);
    const spy = spyOnHooks(app);

    const run = await createTestClient(app).run('support', 'Where is my parcel?');
    await spy.next('notify', { state: 'succeeded' });

    expect(mailer.sent).toEqual(['You asked: Where is my parcel?']);
    spy.assertRanAfterResponse(run, 'notify');
    spy.expectNoPending();
  });
});

describe('An agent without an application', () => {
  it('mails the answer', async () => {
    const mailer = new RecordingMailer();
    const agent = new Agent({
      id: 'support',
      engine: () => 'Tomorrow.',
      postHooks: [hookRef(new SupportHooks(mailer), 'notify')],
    });

    await agent.run('Where is my parcel?');

    expect(mailer.sent).toEqual(['Tomorrow.']);
  });
});
