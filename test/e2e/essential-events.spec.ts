import { afterEach, describe, expect, it } from '@jest/globals';
import { Agent, step, Team, Workflow, type AgentOsOptions } from 'nestjs-agentos';

import { namesOf, runSse } from '../support/http-client.js';
import { closeApps, startApp } from '../support/test-app.js';

afterEach(closeApps);

const member = new Agent({ id: 'member', engine: () => 'of the member' });
const flow = new Workflow({ id: 'flow', steps: [member, step('shout', ({ input }) => `${input}!`)] });
const agentOs: AgentOsOptions = {
  agents: [
    new Agent({ id: 'agent', engine: () => 'hello' }),
    new Agent({ id: 'joiner', engine: async () => (await flow.run('go')).content }),
    new Agent({
      id: 'broken',
      engine: () => {
        throw new Error('no');
      },
    }),
  ],
  teams: [new Team({ id: 'desk', members: [member], engine: ({ delegate }) => delegate('member', 'go') })],
  workflows: [flow],
};

describe('With stream_events=false a stream', () => {
  it.each<[string, string, string[]]>([
    ['of an agent has the pieces of its answer', '/agents/agent', ['RunContent']],
    ['of an agent that runs a workflow has its own pieces only', '/agents/joiner', ['RunContent']],
    ['of a run that fails has its end', '/agents/broken', ['RunError']],
    [
      'of a team has the events of its members besides',
      '/teams/desk',
      ['RunStarted', 'RunContent', 'RunContentCompleted', 'RunCompleted', 'TeamRunContent'],
    ],
    [
      'of a workflow has what its steps say, its start and its end',
      '/workflows/flow',
      ['WorkflowStarted', 'RunContent', 'StepOutput', 'WorkflowCompleted'],
    ],
  ])('%s, in the background too', async (_title, path, expected) => {
    const { url } = await startApp({ agentOs });
    const fields = { stream_events: 'false' };
    expect(namesOf(await runSse(url, path, 'hi', fields))).toEqual(expected);
    const frames = await runSse(url, path, 'hi', { ...fields, background: 'true' });
    expect(namesOf(frames)).toEqual(expected);
    expect(frames.map(({ data }) => data['event_index'])).toEqual(expected.map((_name, index) => index));
  });
});
