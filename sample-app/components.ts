import { backgroundTaskAgent } from './background-hooks/background-task-agent.js';
import { judgedAgent } from './evaluation/judged-agent.js';
import { guardedAgent } from './guardrails/guarded-agent.js';
import { helpDeskTeam } from './teams/help-desk-team.js';
import { expertTeam } from './teams/model-team.js';
import { draftWorkflow } from './workflows/model-workflow.js';
import { supportWorkflow } from './workflows/support-workflow.js';

/** The components that this application serves. */
export const components = {
  agents: [backgroundTaskAgent, guardedAgent, judgedAgent],
  teams: [helpDeskTeam, expertTeam],
  workflows: [supportWorkflow, draftWorkflow],
};
