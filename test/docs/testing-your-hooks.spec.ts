import { afterEach, describe, expect, it } from '@jest/globals';
import { Injectable, Module, type INestApplication } from '@nestjs/common';
import { Test } from '@nestjs/testing';
import { Agent, AgentOsModule, AgentOsService, Hook, hookRef, type PostHookContext } from 'nestjs-agentos';

@Injectable()
class Mailer {
  send(text: string): Promise<void> {
    return Promise.reject(new Error(`No mail server in tests: ${text}`));
  }
}

@Injectable()
class SupportHooks {
  constructor(private readonly mailer: Mailer) {}

  @Hook({ runInBackground: true })
  async notify({ runOutput }: PostHookContext): Promise<void> {
    await this.mailer.send(runOutput.content);
  }
}

const support = new Agent({
  id: 'support',
  engine: ({ input }) => `You asked: ${input}`,
  postHooks: [hookRef(SupportHooks, 'notify')],
});

@Module({ imports: [AgentOsModule.forRoot({ agents: [support] })], providers: [SupportHooks, Mailer] })
class SupportModule {}

class RecordingMailer {
  readonly sent: string[] = [];

  send(text: string): Promise<void> {
    this.sent.push(text);
    return Promise.resolve();
  }
}

describe('notify', () => {
  const mailer = new RecordingMailer();
  let app: INestApplication;

  afterEach(() => app.close());

  async function start(): Promise<AgentOsService> {
    const testing = await Test.createTestingModule({ imports: [SupportModule] })
      .overrideProvider(Mailer)
      .useValue(mailer)
      .compile();
    app = testing.createNestApplication({ logger: false });
    await app.init();
    return app.get(AgentOsService);
  }

  it('mails the answer', async () => {
    const agentOs = await start();

    const { runId } = await agentOs.run('support', 'Where is my parcel?');
    await agentOs.drain();

    expect(mailer.sent).toEqual(['You asked: Where is my parcel?']);
    expect(await agentOs.executions.list({ runId })).toMatchObject([{ hook: 'notify', state: 'succeeded' }]);
  });
});

describe('notify, without an application', () => {
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
