import { afterEach, describe, expect, it } from '@jest/globals';
import { Agent, agentAsJudge } from 'nestjs-agentos';
import { Engine } from 'nestjs-agentos/engine';
import { EvalStore } from 'nestjs-agentos/stores';

import { closeApps, startApp } from '../support/test-app.js';

afterEach(closeApps);

class Modelled extends Engine {
  override readonly model = { id: 'mini', provider: 'lab', name: 'Mini' };

  override async *stream(): AsyncIterable<string> {
    yield await Promise.resolve('Dear Ann');
  }
}

describe('Stored evaluations', () => {
  it('name the user of the judged run and the model of the answer, not those of the judge', async () => {
    const judge = agentAsJudge({
      engine: () => '{"score": 9, "reason": "Polite."}',
      criteria: 'The answer is polite.',
    });
    const agent = new Agent({ id: 'support', engine: new Modelled(), postHooks: [judge] });
    const { agentOs, app } = await startApp({ agentOs: { agents: [agent] } });

    await agentOs.run('support', 'hi', { userId: 'ann' });
    await agentOs.run('support', 'hi');
    await agentOs.drain();

    const evals = app.get(EvalStore);
    const ofAnn = await evals.list({ userId: 'ann' });
    expect(ofAnn).toEqual([
      expect.objectContaining({ userId: 'ann', model: { id: 'mini', provider: 'lab', name: 'Mini' } }),
    ]);
    expect(await evals.count({ userId: null, modelId: 'mini' })).toBe(1);
  });
});
