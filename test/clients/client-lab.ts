import {
  Agent,
  InputCheckError,
  OutputCheckError,
  ProviderError,
  Team,
  Workflow,
  agentAsJudge,
  condition,
  loop,
  parallel,
  router,
  step,
  type AgentOsOptions,
  type Component,
} from 'nestjs-agentos';
import type { EngineRequest } from 'nestjs-agentos/engine';

import { mockLab } from '../support/mock-lab.js';

/** Text that would confuse a reader which looks for braces, quotes or lines. */
export const AWKWARD = [
  '{"event":"RunError"',
  '}',
  '"{{"\\',
  '\r\ndata: {"a":1}\n\n',
  ' ',
  '👋 \u2028\u2029\u0085',
  '\\"}',
];

/** Says something, and nothing more until it is cancelled. */
const slow = new Agent({
  id: 'slow',
  engine: async function* ({ signal }) {
    yield 'partial ';
    await new Promise((_resolve, reject) => {
      signal.addEventListener('abort', () => reject(signal.reason as Error), { once: true });
    });
  },
});

const inner = new Workflow({
  id: 'inner-flow',
  steps: [step('deep', new Agent({ id: 'deep', engine: () => 'from the deep' }))],
});

/** Every kind of block, and a workflow in a workflow. */
const blocks = new Workflow({
  id: 'blocks',
  steps: [
    parallel('both', [step('left', () => 'l'), step('right', () => 'r')]),
    condition('if', { when: () => true, then: [step('then', () => 't')] }),
    loop('twice', { steps: [step('again', () => 'a')], maxIterations: 2 }),
    router('one', { choose: () => 'this', routes: [step('this', () => 'x')] }),
    inner,
  ],
});

/** A team that says what its member says. */
function teamOf(id: string, member: Component): Team {
  return new Team({ id, members: [member], engine: ({ delegate, input }) => delegate(member.id, input) });
}

/** What clients of the protocol are tried on: the recorded components, and those that end in other ways. */
export function clientLab(): AgentOsOptions {
  const { agents = [], teams = [], workflows = [], ...others } = mockLab();
  return {
    ...others,
    agents: [...agents, ...answeringAgents(), ...failingAgents()],
    teams: [...teams, teamOf('flowteam', inner), ...failingTeams()],
    workflows: [...workflows, inner, blocks, ...failingWorkflows()],
  };
}

function answeringAgents(): Agent[] {
  const polite = agentAsJudge({
    name: 'polite',
    criteria: 'It is polite.',
    engine: () => '{"score": 9, "reason": "It is."}',
  });
  return [
    new Agent({ id: 'judged', name: 'Judged', engine: () => 'Hello', postHooks: [polite] }),
    new Agent({ id: 'seer', engine: describeFiles }),
    new Agent({
      id: 'hooked',
      engine: () => 'Hello',
      preHooks: [function before() {}],
      postHooks: [function after() {}],
    }),
    new Agent({
      id: 'awkward',
      engine: async function* () {
        yield* AWKWARD;
      },
    }),
    new Agent({
      id: 'structured',
      engine: async function* () {
        yield '{"city":"Bern"}';
        yield { type: 'data', data: { city: 'Bern' } };
      },
    }),
    // What it calls is of kinds that the clients do not expect in an agent's stream.
    new Agent({ id: 'caller', engine: async ({ input }) => (await inner.run(input)).content }),
    new Agent({
      id: 'brokentool',
      engine: async function* () {
        yield { type: 'tool-call', id: 'call_1', name: 'add', arguments: { a: 1 } };
        yield { type: 'tool-result', id: 'call_1', result: 'b is missing', failed: true };
        yield 'I cannot add.';
      },
    }),
  ];
}

function failingAgents(): Agent[] {
  return [
    slow,
    new Agent({
      id: 'unreachable',
      engine: () => {
        throw new ProviderError('The provider did not answer.', undefined);
      },
    }),
  ];
}

function failingTeams(): Team[] {
  return [
    teamOf('slowteam', slow),
    new Team({
      id: 'guardteam',
      members: [slow],
      engine: () => 'never',
      preHooks: [
        function rejectInput() {
          throw new InputCheckError('rejected by the team', { trigger: 'off_topic' });
        },
      ],
    }),
    new Team({
      id: 'failteam',
      members: [slow],
      engine: () => {
        throw new Error('the leader exploded');
      },
    }),
  ];
}

function failingWorkflows(): Workflow[] {
  return [
    new Workflow({ id: 'slowflow', steps: [step('wait', slow)] }),
    new Workflow({
      id: 'guardflow',
      steps: [
        step('check', () => {
          throw new OutputCheckError('rejected by a step');
        }),
      ],
    }),
    new Workflow({
      id: 'failflow',
      steps: [
        step('explode', () => {
          throw new Error('the step exploded');
        }),
      ],
    }),
  ];
}

function describeFiles({ files }: EngineRequest): string {
  return files
    .map(({ mediaType, content = '' }) => `${mediaType} of ${atob(content).length} bytes`)
    .join(', ');
}
