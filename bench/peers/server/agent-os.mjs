/** The server of AgentOS, with an engine that answers at once or with the AI SDK and a model that does. */
import { Agent, Team, Workflow, step } from 'nestjs-agentos';

import { agentOs } from '../../server/agent-os.mjs';
import { listen } from '../../server/listen.mjs';
import { inTurns, piecesOf } from './answers.mjs';
import { configuration } from './configuration.mjs';
import { countedHook } from './counted-hooks.mjs';
import { formRequest } from './form-request.mjs';
import { serve } from './serve.mjs';

const { model, tokens, hookCount, hook, members, steps } = configuration;
const pieces = piecesOf(configuration);
const memberIds = Array.from({ length: members }, (_, index) => `member${index + 1}`);
const stepNames = Array.from({ length: steps }, (_, index) => `step${index + 1}`);

/** The engines of an agent and of the leader of a team. The AI SDK is loaded only where it is used. */
const ENGINES = {
  instant: () => {
    const answer = pieces.join('');
    const engine = tokens === 1 ? () => answer : () => inTurns(pieces);
    const leader = async ({ input, delegate }) => {
      await Promise.all(memberIds.map((id) => delegate(id, input)));
      return answer;
    };
    return { engine, leader };
  },
  aiSdk: async () => {
    const { aiSdk } = await import('nestjs-agentos/ai-sdk');
    const { answeringModel, leadingModel } = await import('./mock-model.mjs');
    const calls = memberIds.map((id) => ({
      name: 'delegate_task_to_member',
      input: { member_id: id, task: 'Answer the question.' },
    }));
    return {
      engine: aiSdk({ model: answeringModel(pieces) }),
      leader: aiSdk({ model: leadingModel(calls, pieces) }),
    };
  },
};

const { engine, leader } = await ENGINES[model]();
const agent = (id) => new Agent({ id, engine });
const teams = members === 0 ? [] : [new Team({ id: 'team', engine: leader, members: memberIds.map(agent) })];
const workflows =
  steps === 0
    ? []
    : [new Workflow({ id: 'workflow', steps: stepNames.map((name) => step(name, agent(name))) })];
const module = agentOs({
  engine,
  hookCount,
  hook: countedHook(hook),
  // A hook that is held must not be abandoned while the benchmark measures.
  hookOptions: { timeout: 3_600_000 },
  otherAgents: [agent('plain')],
  teams,
  workflows,
  // Neither hooks of 50 ms that follow requests without a pause nor 100,000 held ones make runs wait.
  maxPending: 1_000_000,
});
const { url } = await listen(module, 'express');
const at = (path, options) => formRequest(new URL(path, url).href, options);
serve({
  requests: {
    run: at('/agents/bench/runs'),
    plain: at('/agents/plain/runs'),
    stream: at('/agents/bench/runs', { stream: true }),
    team: at('/teams/team/runs'),
    workflow: at('/workflows/workflow/runs'),
  },
  token: 'event: RunContent\n',
});
