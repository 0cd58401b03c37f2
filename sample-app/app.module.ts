import { Module, type DynamicModule } from '@nestjs/common';
import { APP_FILTER } from '@nestjs/core';
import { AgentOsModule } from 'nestjs-agentos';
import type { HookExecutor } from 'nestjs-agentos/executor';
import { SqlEvalStore, SqlSessionStore } from 'nestjs-agentos/sql';

import { BackgroundTaskHooks, Notifications } from './background-hooks/background-task-agent.js';
import { components } from './components.js';
import { EvaluationsController } from './evaluation/evaluations.controller.js';
import { FRONT_ENDS } from './front-ends.js';
import { Guardrails } from './guardrails/guarded-agent.js';
import { HostErrorFilter } from './host-error.filter.js';
import { roleOfServer } from './storage/hook-queue.js';
import { HOOK_EXECUTOR, StorageModule } from './storage/storage.module.js';
import { isSwitchOn } from './switch.js';
import { HelpDeskHooks } from './teams/help-desk-team.js';
import { SupportWorkflowHooks } from './workflows/support-workflow.js';

/** Server and workers have the same components and hooks. */
const HOOKS = [BackgroundTaskHooks, Notifications, Guardrails, HelpDeskHooks, SupportWorkflowHooks];

function agentOs(role: 'both' | 'server' | 'worker'): DynamicModule {
  return AgentOsModule.forRootAsync({
    ...(role === 'worker' ? { role } : { role, http: { dashboard: true, allowedOrigins: FRONT_ENDS } }),
    imports: [StorageModule],
    inject: [SqlSessionStore, SqlEvalStore, HOOK_EXECUTOR],
    useFactory: (sessionStore: SqlSessionStore, evalStore: SqlEvalStore, executor?: HookExecutor) => ({
      ...components,
      sessionStore,
      evalStore,
      executor,
      runHooksInBackground: isSwitchOn(),
    }),
  });
}

/** Answers requests, and runs hooks, unless `ROLE=server` leaves them to workers. */
@Module({
  imports: [agentOs(roleOfServer())],
  controllers: [EvaluationsController],
  providers: [{ provide: APP_FILTER, useClass: HostErrorFilter }, ...HOOKS],
})
export class AppModule {}

/** Runs hooks of the processes that answer requests. */
@Module({ imports: [agentOs('worker')], providers: HOOKS })
export class WorkerModule {}
