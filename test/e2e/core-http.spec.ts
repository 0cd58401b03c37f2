import { readFileSync } from 'node:fs';
import { join } from 'node:path';

import { afterEach, describe, expect, it } from '@jest/globals';
import {
  Agent,
  condition,
  loop,
  parallel,
  router,
  step,
  Team,
  Workflow,
  type AgentOptions,
  type AgentOsExtras,
} from 'nestjs-agentos';
import { Engine, type EngineEvent } from 'nestjs-agentos/engine';

import { ADAPTERS, closeApps, startApp } from '../support/test-app.js';

afterEach(closeApps);

type Tools = readonly { name: string; description: string; parameters: Record<string, unknown> }[];

/** The engine whose components stand in the captures. */
class MockEngine extends Engine {
  override readonly model = { id: 'mock-1', name: 'Mock', provider: 'MockProvider' };

  constructor(private readonly tools: Tools = []) {
    super();
  }

  override describeTools(): Tools {
    return this.tools;
  }

  override async *stream(): AsyncGenerator<EngineEvent> {
    yield { type: 'text', text: 'Hi' };
  }
}

function agentOf(id: string, name: string, options: Partial<AgentOptions> = {}): Agent {
  return new Agent({ id, name, engine: new MockEngine(), ...options });
}

/** What the original answers, with our names of databases. */
function capture<T>(name: string): T {
  const text = readFileSync(join(import.meta.dirname, `../fixtures/captures/${name}.json`), 'utf8');
  const ours = text
    .replaceAll('"db1"', '"agent-os"')
    .replaceAll('agno_sessions', 'agent_os_sessions')
    .replaceAll('agno_eval_runs', 'agent_os_evaluations')
    .replaceAll('agno_metrics', 'agent_os_runs')
    // It is for the leader's prompt there; here members have descriptions.
    .replaceAll(/"role":"[^"]*",/g, '');
  return JSON.parse(ours) as T;
}

/** What later versions of the original have in their configuration. A front end hides its page for `company: null`. */
const LATER_CONFIG = {
  company: null,
  filesystem: { namespaces: [] },
  queue: { durable: false, queue_per_session: false },
};

function withSandbox<T extends object>(components: readonly T[] = []): T[] {
  return components.map((component) => ({ ...component, sandboxed: false }));
}

/** What the original says of one component. */
function captured(name: string, id: string): Record<string, unknown> {
  const found = capture<Record<string, unknown>[]>(name).find((component) => component['id'] === id);
  if (!found) throw new Error(`There is no "${id}" in ${name}.json.`);
  return found;
}

async function textOf(url: string): Promise<string> {
  return (await fetch(url)).text();
}

async function jsonOf(url: string): Promise<unknown> {
  return (await fetch(url)).json();
}

const addTools = (captured('agents', 'tool')['tools'] as { tools: Tools }).tools;
const delegateTools = (captured('teams', 't1')['tools'] as { tools: Tools }).tools;
const plain = agentOf('plain', 'Plain');
const retrying = agentOf('failretry', 'FailRetry', { retries: 2 });
const withTool = agentOf('tool', 'Tool', { engine: new MockEngine(addTools) });
const teamOf = (id: string, name: string, ...members: (Agent | Team)[]): Team =>
  new Team({ id, name, members, engine: new MockEngine(delegateTools) });
const duo = teamOf('t1', 'Team One', agentOf('m1', 'M1'), agentOf('m2', 'M2'));
const outer = teamOf('outer', 'Outer', teamOf('inner', 'Inner', agentOf('m5', 'M5')));
const flow = new Workflow({
  id: 'w1',
  name: 'Flow One',
  steps: [step('s1', agentOf('wa', 'WA')), step('s2', ({ input }) => input)],
});
const agentOs = { agents: [plain, retrying, withTool], teams: [duo, outer], workflows: [flow] };

describe.each(ADAPTERS)('The core routes on %s', (adapter) => {
  it('show components with the fields and values of the original', async () => {
    const { url } = await startApp({ adapter, agentOs });
    const agents = ['plain', 'failretry', 'tool'].map((id) => captured('agents', id));
    const teams = ['t1', 'outer'].map((id) => captured('teams', id));
    expect(await jsonOf(`${url}/agents`)).toEqual(agents);
    expect(await jsonOf(`${url}/agents/tool`)).toEqual(agents[2]);
    expect(await jsonOf(`${url}/teams`)).toEqual(teams);
    expect(await jsonOf(`${url}/teams/outer`)).toEqual(teams[1]);
    expect(await jsonOf(`${url}/workflows`)).toEqual([captured('workflows', 'w1')]);
    expect(await jsonOf(`${url}/workflows/w1?version=3`)).toEqual(capture('workflow_detail'));
  });

  it.each([
    ['/agents/nobody', 'Agent not found'],
    ['/agents/t1', 'Agent not found'],
    ['/agents/m1', 'Agent not found'],
    ['/teams/plain', 'Team not found'],
    ['/workflows/plain', 'Workflow not found'],
  ])('answer 404 at %s: %s', async (path, detail) => {
    const { url } = await startApp({ adapter, agentOs });
    const response = await fetch(`${url}${path}`);
    expect([response.status, await response.json()]).toEqual([404, { detail }]);
  });

  it('show the configuration as the original does, without the databases that do not exist', async () => {
    const { url } = await startApp({ adapter, agentOs: { id: 'lab-os', ...agentOs } });
    const config = capture<Record<string, { id: string }[]>>('config');
    const served = Object.values(agentOs).flatMap((components) => components.map(({ id }) => id));
    const ours = ['agents', 'teams', 'workflows'].map((kind) => [
      kind,
      withSandbox(config[kind]?.filter(({ id }) => served.includes(id))),
    ]);
    const missing = ['memory', 'learning'].map((domain) => [domain, { dbs: [] }]);
    const database = { db_id: 'agent-os', domain_config: { display_name: 'agent-os' } };
    const traces = { dbs: [{ ...database, tables: ['agent_os_runs'] }] };
    const expected = { ...config, ...Object.fromEntries([...missing, ...ours]), traces };
    expect(await jsonOf(`${url}/config`)).toEqual({ ...expected, ...LATER_CONFIG });
  });

  it('list the models of agents and teams, each once', async () => {
    class OtherEngine extends MockEngine {
      override readonly model = { id: 'mock-1', name: 'Other', provider: 'OtherProvider' };
    }
    const other = new Team({ id: 'other', members: [plain], engine: new OtherEngine() });
    const modelless = new Agent({ id: 'modelless', engine: () => 'Hi' });
    const { url } = await startApp({
      adapter,
      agentOs: { agents: [plain, modelless, withTool], teams: [other] },
    });
    expect(await jsonOf(`${url}/models`)).toEqual([
      { id: 'mock-1', provider: 'MockProvider' },
      { id: 'mock-1', provider: 'OtherProvider' },
    ]);
  });

  it('show the name of the server and its components', async () => {
    const names = { id: 'lab-os', name: 'Lab OS', description: 'For tests.' };
    const { url, agentOs: service } = await startApp({ adapter, agentOs: { ...names, ...agentOs } });
    service.register(agentOf('late', 'Late'));
    expect(await textOf(`${url}/info`)).toBe(
      '{"os_id":"lab-os","name":"Lab OS","os_version":"1.0.0","agno_version":"2.9.0","agent_count":4,"team_count":2,' +
        '"workflow_count":1,"mcp":{"enabled":false,"path":null,"oauth":null,"tool_run_endpoint":false},' +
        '"auth_mode":"none","user_isolation":false}',
    );
    expect(await textOf(url)).toBe('{"name":"AgentOS API","id":"lab-os","version":"1.0.0"}');
    expect(await jsonOf(`${url}/config`)).toMatchObject({ os_id: 'lab-os', description: 'For tests.' });
    expect(await jsonOf(`${url}/health`)).toEqual({ status: 'ok', instantiated_at: expect.any(String) });
  });

  it('show a default name for a server without one', async () => {
    const { url } = await startApp({ adapter });
    expect(await jsonOf(`${url}/info`)).toMatchObject({ os_id: 'agent-os', name: 'AgentOS', agent_count: 0 });
    expect(await jsonOf(`${url}/config`)).not.toHaveProperty('description');
  });

  const guards = [{ canActivate: () => false }];
  it.each<[string, string, AgentOsExtras['http']]>([
    ['none', 'nothing', {}],
    ['none', 'an empty list of guards', { guards: [] }],
    ['jwt', 'guards', { guards }],
    ['security_key', 'a key', { securityKey: 'key' }],
    ['security_key', 'a key and guards', { securityKey: 'key', guards }],
  ])('report the mode of authentication %s with %s', async (mode, _, http) => {
    const { url } = await startApp({ adapter, agentOs: { http } });
    expect(await jsonOf(`${url}/info`)).toMatchObject({ auth_mode: mode });
  });

  it('report that users are isolated where the host identifies them', async () => {
    const { url } = await startApp({ adapter, agentOs: { http: { userId: () => 'ann' } } });
    expect(await jsonOf(`${url}/info`)).toMatchObject({ user_isolation: true });
  });
});

describe('A component with a description', () => {
  it('shows it before the details of its kind', async () => {
    const described = agentOf('described', 'Described', { description: 'Knows it.' });
    const { url } = await startApp({
      agentOs: {
        agents: [described],
        workflows: [new Workflow({ id: 'w', description: 'Does it.', steps: [described] })],
      },
    });
    expect(await textOf(`${url}/agents/described`)).toContain(
      '"name":"Described","db_id":"agent-os","description":"Knows it.","is_factory":false',
    );
    expect(await jsonOf(`${url}/workflows`)).toEqual([
      {
        id: 'w',
        name: 'w',
        description: 'Does it.',
        db_id: 'agent-os',
        is_factory: false,
        is_component: false,
      },
    ]);
  });
});

describe('A workflow', () => {
  it('shows the steps in its blocks, to any depth', async () => {
    const sub = new Workflow({ id: 'sub', steps: [step('inner', agentOf('ia', 'IA'))] });
    const pass = (name: string) => step(name, ({ input }) => input);
    const blocks = new Workflow({
      id: 'blocks',
      steps: [
        parallel('both', [step('team', duo), step('sub', sub)]),
        condition('either', { when: () => true, then: [pass('yes')], else: [pass('no')] }),
        condition('perhaps', { when: () => true, then: [pass('maybe')] }),
        loop('again', {
          steps: [router('way', { choose: () => 'left', routes: [pass('left')] })],
          maxIterations: 2,
        }),
      ],
    });
    const { url } = await startApp({ agentOs: { workflows: [blocks] } });
    const wa = { is_factory: false, is_component: false };
    const { db_id: _id, sessions: _sessions, ...team } = captured('teams', 't1');
    const inner = { name: 'inner', type: 'Step', agent: expect.objectContaining({ id: 'ia', name: 'IA' }) };
    const subWorkflow = { id: 'sub', name: 'sub', steps: [inner], workflow_agent: false, ...wa };
    const left = { name: 'left', type: 'Step' };
    expect(await jsonOf(`${url}/workflows/blocks`)).toMatchObject({
      steps: [
        {
          name: 'both',
          type: 'Parallel',
          steps: [
            { name: 'team', type: 'Step', team },
            { name: 'sub', type: 'Step', workflow: subWorkflow },
          ],
        },
        {
          name: 'either',
          type: 'Condition',
          steps: [{ name: 'yes', type: 'Step' }],
          else_steps: [{ name: 'no', type: 'Step' }],
        },
        { name: 'perhaps', type: 'Condition', steps: [{ name: 'maybe', type: 'Step' }] },
        { name: 'again', type: 'Loop', steps: [{ name: 'way', type: 'Router', steps: [left] }] },
      ],
    });
    const { steps } = (await jsonOf(`${url}/workflows/blocks`)) as { steps: object[] };
    expect(steps[2]).not.toHaveProperty('else_steps');
    expect(JSON.stringify(steps)).not.toContain('db_id');
  });
});
