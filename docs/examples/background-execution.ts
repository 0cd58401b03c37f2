import { Injectable, Logger, Module, type OnModuleInit } from '@nestjs/common';
import {
  Agent,
  AgentOsModule,
  AgentOsService,
  Hook,
  hookRef,
  type HookFailure,
  type PostHookContext,
} from 'nestjs-agentos';
import type { HookRetries } from 'nestjs-agentos/executor';

@Injectable()
export class CrmHooks {
  /** The execution id is the same for every attempt, so the CRM can recognize a retry. */
  @Hook({ runInBackground: true, timeout: 20_000, retry: { attempts: 5 } })
  async sync({ runOutput, hook, signal }: PostHookContext): Promise<void> {
    const response = await fetch('https://crm.example/notes', {
      method: 'POST',
      headers: { 'idempotency-key': hook.executionId },
      body: runOutput.content,
      signal,
    });
    if (!response.ok) throw new Error(`The CRM answered ${response.status}`);
  }

  /** The response has closed before, so `delivered` is known. */
  @Hook({ runInBackground: true })
  followUp({ hook, runContext }: PostHookContext): void {
    if (hook.delivered === false) Logger.log(`The answer of run ${runContext.runId} was not delivered`);
  }
}

@Injectable()
export class HookRepair {
  constructor(private readonly agentOs: AgentOsService) {}

  /** Runs the failures of the last hour once more; returns how many could not be. */
  async retryLastHour(hook: string): Promise<number> {
    // Those that fail again from now on are not retried once more.
    const to = Date.now();
    let count = 0;
    let from: number | undefined = to - 3_600_000;
    while (from !== undefined) {
      const retries: HookRetries = await this.agentOs.executions.retryAll({ hook, from, to });
      count += retries.refused.length;
      from = retries.next;
    }
    return count;
  }

  async cancel(executionId: string): Promise<void> {
    await this.agentOs.executions.cancel(executionId);
  }
}

/** Watches every change of state of every hook execution. */
@Injectable()
export class HookMetrics implements OnModuleInit {
  constructor(private readonly agentOs: AgentOsService) {}

  onModuleInit(): void {
    this.agentOs.hookEvents.subscribe(({ hook, state }) => Logger.debug(`${hook}: ${state}`));
  }

  async failuresOf(runId: string): Promise<string[]> {
    const failed = await this.agentOs.executions.list({ runId, state: 'failed' });
    return failed.map(({ hook }) => hook);
  }
}

function report({ error, execution, source }: HookFailure): void {
  Logger.warn(`${source} failed in run ${execution.runId}: ${error.message}`);
}

const support = new Agent({
  id: 'support',
  engine: ({ input }) => `You asked: ${input}`,
  postHooks: [hookRef(CrmHooks, 'sync'), hookRef(CrmHooks, 'followUp')],
});

@Module({
  imports: [AgentOsModule.forRoot({ agents: [support], concurrency: 50, onHookError: report })],
  providers: [CrmHooks, HookRepair, HookMetrics],
})
export class BackgroundModule {}
