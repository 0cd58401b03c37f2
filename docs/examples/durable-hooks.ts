import { AsyncLocalStorage } from 'node:async_hooks';

import { Injectable, type DynamicModule } from '@nestjs/common';
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

/** For the imports of your root module, whose providers have SupportHooks. */
export function createAgentOs(): DynamicModule {
  return AgentOsModule.forRoot({ agents: [support], executor: bullmq({ folder: '.agent-os' }) });
}

export const tenants = new AsyncLocalStorage<string>();

export const carry: ContextCarry = {
  capture: () => tenants.getStore(),
  run: (captured, callback) => tenants.run(String(captured), callback),
};
