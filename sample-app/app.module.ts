import { Module } from '@nestjs/common';
import { APP_FILTER } from '@nestjs/core';
import { AgentOsModule } from 'nestjs-agentos';

import {
  backgroundTaskAgent,
  BackgroundTaskHooks,
  Notifications,
} from './background-hooks/background-task-agent.js';
import { guardedAgent, Guardrails } from './guardrails/guarded-agent.js';
import { HostErrorFilter } from './host-error.filter.js';
import { HelpDeskHooks, helpDeskTeam } from './teams/help-desk-team.js';
import { supportWorkflow, SupportWorkflowHooks } from './workflows/support-workflow.js';

@Module({
  imports: [
    AgentOsModule.forRootAsync({
      useFactory: () => ({
        agents: [backgroundTaskAgent, guardedAgent],
        teams: [helpDeskTeam],
        workflows: [supportWorkflow],
        runHooksInBackground: process.env['RUN_HOOKS_IN_BACKGROUND'] === 'true',
      }),
    }),
  ],
  providers: [
    { provide: APP_FILTER, useClass: HostErrorFilter },
    ...[BackgroundTaskHooks, Notifications, Guardrails, HelpDeskHooks, SupportWorkflowHooks],
  ],
})
export class AppModule {}
