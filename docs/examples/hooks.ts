import { Injectable, Logger, Module } from '@nestjs/common';
import {
  Agent,
  AgentOsModule,
  defineHook,
  Hook,
  hookRef,
  sampled,
  type PostHookContext,
  type PreHookContext,
} from 'nestjs-agentos';

@Injectable()
export class SlackService {
  post(text: string): Promise<void> {
    Logger.log(`To Slack: ${text}`);
    return Promise.resolve();
  }
}

@Injectable()
export class SupportHooks {
  constructor(private readonly slack: SlackService) {}

  @Hook(false)
  trim({ runInput }: PreHookContext): void {
    runInput.content = runInput.content.trim();
  }

  @Hook({ runInBackground: true, timeout: 10_000, retry: { attempts: 3, backoff: 500 } })
  async notify({ runOutput, component }: PostHookContext): Promise<void> {
    await this.slack.post(`${component.name}: ${runOutput.content}`);
  }
}

@Injectable()
export class SlackHooks {
  constructor(private readonly slack: SlackService) {}

  /** Slack takes about one message a second. */
  @Hook({
    runInBackground: true,
    concurrency: 2,
    rate: { max: 60, per: 60_000 },
    retry: { attempts: 5, backoff: 2_000 },
  })
  async post({ runOutput, component }: PostHookContext): Promise<void> {
    await this.slack.post(`${component.name}: ${runOutput.content}`);
  }
}

/** A plain function follows the module's switch; `defineHook` gives it options. */
const countWords = defineHook(
  ({ runOutput }: PostHookContext) => Logger.log(`${runOutput.content.split(/\s+/).length} words`),
  { name: 'countWords', runInBackground: true },
);

const support = new Agent({
  id: 'support',
  engine: ({ input }) => `You asked: ${input}`,
  preHooks: [hookRef(SupportHooks, 'trim')],
  postHooks: [hookRef(SupportHooks, 'notify'), countWords],
});

/** The class has one hook method, so a list of hooks may name the class. */
@Injectable()
export class AuditTrail {
  @Hook({ name: 'audit' })
  record({ runContext, component }: PostHookContext): void {
    Logger.log(`${component.id} ran as ${runContext.runId}`);
  }
}

@Module({
  imports: [
    AgentOsModule.forRoot({
      agents: [support],
      postHooks: [hookRef(AuditTrail, 'record', { members: true })],
    }),
  ],
  providers: [SupportHooks, SlackService, AuditTrail],
})
export class HooksModule {}

@Injectable()
export class QualityHooks {
  constructor(private readonly slack: SlackService) {}

  @Hook({ runInBackground: true, on: ['rejected', 'failed'] })
  async alert({ runOutput, runContext }: PostHookContext): Promise<void> {
    await this.slack.post(`Run ${runContext.runId} did not complete: ${runOutput.content}`);
  }

  @Hook({ runInBackground: true, when: sampled(0.1) })
  judge({ runInput, runOutput }: PostHookContext): void {
    Logger.log(`To be judged: ${runInput.content} -> ${runOutput.content}`);
  }
}

const watched = new Agent({
  id: 'watched',
  engine: ({ input }) => `You asked: ${input}`,
  postHooks: [hookRef(QualityHooks, 'alert'), hookRef(QualityHooks, 'judge')],
});

const announced = new Agent({
  id: 'announced',
  engine: ({ input }) => `You asked: ${input}`,
  postHooks: [SlackHooks],
});

@Module({
  imports: [AgentOsModule.forRoot({ agents: [watched, announced], runHooksInBackground: true })],
  providers: [QualityHooks, SlackHooks, SlackService],
})
export class QualityModule {}
