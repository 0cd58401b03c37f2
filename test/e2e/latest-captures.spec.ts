import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';

import { captured } from '../support/captures.js';
import { mockLab } from '../support/mock-lab.js';
import { structuralDifferences } from '../support/structure.js';
import { ADAPTERS, closeApps, startApp } from '../support/test-app.js';

/** What the server of agno 3.1.10 has answered, recorded, against what this one answers. */
describe.each(ADAPTERS)('Compared with the recorded answers of agno 3.1, on %s,', (adapter) => {
  let url: string;
  beforeAll(async () => {
    ({ url } = await startApp({ adapter, agentOs: mockLab() }));
  });
  afterAll(closeApps);

  const get = async (path: string): Promise<unknown> => (await fetch(url + path)).json();

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
      ...['metrics', 'memory', 'learning', 'traces'].map(
        (domain) => `${domain}.dbs: expected 1 items, got 0`,
      ),
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
