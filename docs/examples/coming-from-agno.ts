import { Injectable, Logger, Module } from '@nestjs/common';
import { Agent, AgentOsModule, Hook, hookRef, type PostHookContext } from 'nestjs-agentos';
import { piiGuardrail, promptInjectionGuardrail } from 'nestjs-agentos/guardrails';

@Injectable()
export class SupportHooks {
  @Hook({ runInBackground: true }) // @hook(run_in_background=True)
  notify({ runOutput, agent }: PostHookContext): void {
    Logger.log(`${agent?.name} answered: ${runOutput.content}`);
  }
}

const support = new Agent({
  id: 'support',
  engine: ({ input }) => `You asked: ${input}`,
  preHooks: [promptInjectionGuardrail(), piiGuardrail({ strategy: 'mask', types: ['email', 'card'] })],
  postHooks: [hookRef(SupportHooks, 'notify')],
});

@Module({
  imports: [AgentOsModule.forRoot({ agents: [support], runHooksInBackground: false })],
  providers: [SupportHooks],
})
export class FromAgnoModule {}
