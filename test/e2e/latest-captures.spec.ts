import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';

import { Agent, Team } from 'nestjs-agentos';

import { runJson } from '../support/http-client.js';
import { captured } from '../support/captures.js';
import { callJson } from '../support/json-client.js';
import { answering, mockLab } from '../support/mock-lab.js';
import { structuralDifferences } from '../support/structure.js';
import { ADAPTERS, closeApps, startApp } from '../support/test-app.js';

/** What the server of agno 3.1.10 has answered, recorded, against what this one answers. */
describe.each(ADAPTERS)('Compared with the recorded answers of agno 3.1, on %s,', (adapter) => {
  let url: string;
  let begun: Promise<string>;
  beforeAll(async () => {
    const { agents = [], teams = [], ...others } = mockLab();
    const slow = slowAgent();
    begun = slow.begun;
    const agentOs = { ...others, agents: [...agents, slow.agent], teams: [...teams, quietTeam()] };
    ({ url } = await startApp({ adapter, agentOs }));
  });
  afterAll(closeApps);

  const get = async (path: string): Promise<unknown> => (await fetch(url + path)).json();

  it.each(['agent', 'team', 'workflow'])(
    'the previews of the runs of a session have the same fields: %s',
    async (kind) => {
      const path = { agent: '/agents/tool', team: '/teams/t1', workflow: '/workflows/w1' }[kind] ?? '';
      const fields = { session_id: `previews-${kind}`, user_id: 'u1' };
      await runJson(url, path, 'hi', fields);
      if (kind !== 'team') await runJson(url, path, 'hi', fields);
      const own = await get(`/sessions/previews-${kind}/run-previews`);
      expect(structuralDifferences(captured(`3.1/run_previews_${kind}.json`), own)).toEqual([]);
    },
  );

  it('a team that has asked no member says so', async () => {
    const { body } = await runJson(url, '/teams/quiet', 'hi');
    expect(body).toMatchObject({ member_responses: [] });
    expect(structuralDifferences(captured('3.1/team_without_delegation.json'), body)).toEqual([]);
  });

  it('a cancelled run says where it was', async () => {
    const answer = runJson(url, '/agents/slow', 'hi', { session_id: 'cancelled' });
    const runId = await begun;
    await fetch(`${url}/agents/slow/runs/${runId}/cancel`, { method: 'POST' });
    const run = (await answer).body;
    const runs = await get('/sessions/cancelled/runs');
    expect(run).toMatchObject({ status: 'CANCELLED', cancellation_stage: 'EXECUTING' });
    // An agent that is a function has no model.
    const ofModel = ['model', 'model_provider', 'metrics.time_to_first_token', 'events', 'messages'];
    const isOther = (difference: string): boolean => !ofModel.some((field) => difference.includes(field));
    expect(structuralDifferences(captured('3.1/run_cancelled.json'), run).filter(isOther)).toEqual([]);
    expect(structuralDifferences(captured('3.1/session_runs_cancelled.json'), runs).filter(isOther)).toEqual(
      [],
    );
  });

  it.each(['/agents/plain', '/teams/quiet', '/workflows/w1'])(
    'a version of %s is a whole number, or the run is refused',
    async (path) => {
      expect((await runJson(url, path, 'hi', { version: '1' })).status).toBe(200);
      for (const version of ['abc', '1.5'])
        expect(await runJson(url, path, 'hi', { version })).toMatchObject({
          status: 422,
          body: { detail: [{ type: 'int_parsing', loc: ['body', 'version'], input: version }] },
        });
    },
  );

  it('a version of a workflow is a whole number, or the workflow is not shown', async () => {
    const workflow = await get('/workflows/w1');
    for (const version of ['1', '99', ''])
      expect(await get(`/workflows/w1?version=${version}`)).toEqual(workflow);
    for (const version of ['abc', '1.5'])
      expect(await callJson(url, 'GET', `/workflows/w1?version=${version}`)).toMatchObject({
        status: 422,
        body: { detail: [{ type: 'int_parsing', loc: ['query', 'version'], input: version }] },
      });
    expect((await callJson(url, 'GET', '/workflows/nope?version=1')).status).toBe(404);
  });

  it('the information about the server has the same fields', async () => {
    expect(structuralDifferences(captured('3.1/info.json'), await get('/info'))).toEqual([]);
  });

  it('the configuration has the same fields in the same order', async () => {
    const [recorded, own] = [captured('3.1/config.json'), await get('/config')].map((config) =>
      firstComponents(config as Config),
    );
    expect(Object.keys(own ?? {})).toEqual(Object.keys(recorded ?? {}));
    expect(structuralDifferences(recorded, own)).toEqual([
      // Clients of agno 2 read names in this list, those of agno 3 objects, and both refuse the other.
      'available_models: expected 1 items, got 0',
      ...['memory', 'learning'].map((domain) => `${domain}.dbs: expected 1 items, got 0`),
      'traces.dbs[0].tables: not in the protocol',
    ]);
  });
});

type Config = Readonly<Record<string, unknown>> & {
  readonly [kind in 'agents' | 'teams' | 'workflows']: readonly unknown[];
};

function firstComponents(config: Config): Config {
  const { agents, teams, workflows } = config;
  return {
    ...config,
    agents: agents.slice(0, 1),
    teams: teams.slice(0, 1),
    workflows: workflows.slice(0, 1),
  };
}

/** A team whose leader asks no member. */
function quietTeam(): Team {
  const members = [new Agent({ id: 'unasked', engine: answering(['Hello']) })];
  return new Team({ id: 'quiet', members, engine: answering(['team ', 'answer ']) });
}

/** An agent that answers with the beginning of a sentence, and waits until it is cancelled. */
function slowAgent(): { agent: Agent; begun: Promise<string> } {
  let begin: (runId: string) => void = () => undefined;
  const begun = new Promise<string>((resolve) => (begin = resolve));
  const agent = new Agent({
    id: 'slow',
    engine: async function* ({ signal, context }) {
      yield 'w0 ';
      begin(context.runId);
      await new Promise((_resolve, reject) => {
        signal.addEventListener('abort', () => reject(signal.reason as Error), { once: true });
      });
    },
  });
  return { agent, begun };
}
