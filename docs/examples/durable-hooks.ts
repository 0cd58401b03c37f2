import { AsyncLocalStorage } from 'node:async_hooks';

import { Injectable, Module } from '@nestjs/common';
import { Agent, AgentOsModule, Hook, hookRef, type PostHookContext } from 'nestjs-agentos';
import { bullmq } from 'nestjs-agentos/bullmq';
import type { ContextCarry } from 'nestjs-agentos/executor';

@Injectable()
export class SupportHooks {
  @Hook({ runInBackground: true })
  async notify({ runOutput, hook }: PostHookContext): Promise<void> {
    await fetch('https://hooks.example.com/notify', {
      method: 'POST',
      headers: { 'idempotency-key': hook.executionId },
      body: runOutput.content,
    });
  }
}

const support = new Agent({
  id: 'support',
  engine: ({ input }) => `You asked: ${input}`,
  postHooks: [hookRef(SupportHooks, 'notify')],
});

@Module({
  imports: [
    AgentOsModule.forRoot({
      agents: [support],
      executor: bullmq({ folder: process.env['HOOKS_FOLDER'] ?? '.agent-os' }),
    }),
  ],
  providers: [SupportHooks],
})
export class DurableModule {}

@Injectable()
export class SlackHooks {
  @Hook({ runInBackground: true, concurrency: 2, rate: { max: 60, per: 60_000 }, retry: { attempts: 5 } })
  async post({ runOutput }: PostHookContext): Promise<void> {
    await fetch(process.env['SLACK_WEBHOOK'] ?? 'https://hooks.slack.com/services/…', {
      method: 'POST',
      body: JSON.stringify({ text: runOutput.content }),
    });
  }
}

export const tenants = new AsyncLocalStorage<string>();

export const carry: ContextCarry = {
  capture: () => tenants.getStore(),
  run: (captured, callback) => tenants.run(String(captured), callback),
};
