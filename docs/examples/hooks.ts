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

  @Hook({ runInBackground: true, on: ['rejected', 'failed'] })
  async alert({ runOutput, runContext }: PostHookContext): Promise<void> {
    await this.slack.post(`Run ${runContext.runId} did not complete: ${runOutput.content}`);
  }

  @Hook({ runInBackground: true, when: sampled(0.1) })
  judge({ runInput, runOutput }: PostHookContext): void {
    Logger.log(`To be judged: ${runInput.content} -> ${runOutput.content}`);
  }
}

/** One hook method, so the class may stand for it. */
@Injectable()
export class AuditTrail {
  @Hook({ name: 'audit' })
  record({ runContext, component }: PostHookContext): void {
    Logger.log(`${component.id} ran as ${runContext.runId}`);
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
  postHooks: [
    hookRef(SupportHooks, 'notify'),
    hookRef(SupportHooks, 'alert'),
    hookRef(SupportHooks, 'judge'),
    countWords,
  ],
});

@Module({
  imports: [
    AgentOsModule.forRoot({
      agents: [support],
      runHooksInBackground: true,
      postHooks: [hookRef(AuditTrail, 'record', { members: true })],
    }),
  ],
  providers: [SupportHooks, AuditTrail, SlackService],
})
export class HooksModule {}
