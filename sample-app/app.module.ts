import { Module } from '@nestjs/common';
import { APP_FILTER } from '@nestjs/core';
import { AgentOsModule } from 'nestjs-agentos';
import { SqlEvalStore, SqlSessionStore } from 'nestjs-agentos/sql';

import {
  backgroundTaskAgent,
  BackgroundTaskHooks,
  Notifications,
} from './background-hooks/background-task-agent.js';
import { EvaluationsController } from './evaluation/evaluations.controller.js';
import { judgedAgent } from './evaluation/judged-agent.js';
import { FRONT_ENDS } from './front-ends.js';
import { guardedAgent, Guardrails } from './guardrails/guarded-agent.js';
import { HostErrorFilter } from './host-error.filter.js';
import { StorageModule } from './storage/storage.module.js';
import { HelpDeskHooks, helpDeskTeam } from './teams/help-desk-team.js';
import { expertTeam } from './teams/model-team.js';
import { draftWorkflow } from './workflows/model-workflow.js';
import { supportWorkflow, SupportWorkflowHooks } from './workflows/support-workflow.js';

@Module({
  imports: [
    AgentOsModule.forRootAsync({
      http: { allowedOrigins: FRONT_ENDS },
      imports: [StorageModule],
      inject: [SqlSessionStore, SqlEvalStore],
      useFactory: (sessionStore: SqlSessionStore, evalStore: SqlEvalStore) => ({
        agents: [backgroundTaskAgent, guardedAgent, judgedAgent],
        teams: [helpDeskTeam, expertTeam],
        workflows: [supportWorkflow, draftWorkflow],
        sessionStore,
        evalStore,
        runHooksInBackground: process.env['RUN_HOOKS_IN_BACKGROUND'] === 'true',
      }),
    }),
  ],
  controllers: [EvaluationsController],
  providers: [
    { provide: APP_FILTER, useClass: HostErrorFilter },
    ...[BackgroundTaskHooks, Notifications, Guardrails, HelpDeskHooks, SupportWorkflowHooks],
  ],
})
export class AppModule {}
