import type { AgentOsService } from 'nestjs-agentos';

import { components } from './components.js';
import { hasModel } from './model/support-engine.js';
import { isSwitchOn } from './switch.js';
import { describeHookQueue } from './storage/hook-queue.js';
import { describeStorage } from './storage/storage.module.js';

/** A summary of the application in a few lines. */
export function summarize(agentOs: AgentOsService, url: string): string {
  const { agents, teams, workflows } = components;
  const modes = agentOs.listHooks().map(({ attachment }) => attachment?.mode);
  const countOf = (mode: 'inline' | 'background'): number => modes.filter((item) => item === mode).length;
  const rows = {
    Components: `${agents.length} agents, ${teams.length} teams, ${workflows.length} workflows (${url}/config)`,
    Hooks: `${countOf('inline')} inline, ${countOf('background')} in the background (${url}/hooks)`,
    Switch: isSwitchOn()
      ? 'on (RUN_HOOKS_IN_BACKGROUND=true)'
      : 'off (RUN_HOOKS_IN_BACKGROUND=true turns it on)',
    Data: describeStorage(),
    Queue: `of background hooks ${describeHookQueue()}`,
    Answers: hasModel()
      ? 'a language model'
      : 'an offline demo (OPENAI_API_KEY or OPENAI_BASE_URL: a language model)',
    Dashboard: `${url}/dashboard`,
    Routes: `${url}/docs`,
  };
  return Object.entries(rows)
    .map(([name, text]) => `  ${name.padEnd(10)}  ${text}`)
    .join('\n');
}
