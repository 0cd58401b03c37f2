import { Agent } from 'nestjs-agentos';
import { createTestAgentOs, type TestAgentOs } from 'nestjs-agentos/testing';

describe('the dashboard', () => {
  let os: TestAgentOs;

  afterEach(() => os.close());

  it('is served from the files of the package', async () => {
    const agents = [new Agent({ id: 'support', engine: () => 'Tomorrow.' })];
    os = await createTestAgentOs({ agents, http: { dashboard: true } });
    const url = await os.app.getUrl();

    for (const file of ['', '/main.js', '/style.css', '/licences.txt'])
      expect([file, (await fetch(`${url}/dashboard${file}`)).status]).toEqual([file, 200]);
  });
});
