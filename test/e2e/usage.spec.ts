import { afterEach, describe, expect, it } from '@jest/globals';
import { Agent } from 'nestjs-agentos';
import { Engine, type EngineRequest, type EngineUsage, type EngineYield } from 'nestjs-agentos/engine';

import { runJson, runSse } from '../support/http-client.js';
import { closeApps, startApp } from '../support/test-app.js';

afterEach(closeApps);

const MODEL = { id: 'mini', provider: 'Acme' };

/** Asks a model twice, and reports in one way what that has used. */
class Counting extends Engine {
  override readonly model = MODEL;

  constructor(
    readonly report: (usage: EngineUsage) => EngineYield,
    readonly usage: EngineUsage,
  ) {
    super();
  }

  override async *stream(_request: EngineRequest): AsyncGenerator<EngineYield> {
    for (const piece of ['one ', 'two']) {
      yield { type: 'model-request-started' };
      yield piece;
      yield this.report(this.usage);
    }
  }
}

const REPORTS: [string, (usage: EngineUsage) => EngineYield][] = [
  ['of each request', (usage) => ({ type: 'model-request-completed', ...usage })],
  ['of calls that it does not report', (usage) => ({ type: 'usage', ...usage })],
  ['with the answer', (usage) => ({ content: '', metrics: usage })],
];

describe('The usage of a run', () => {
  const start = (engine: Engine): Promise<{ url: string }> =>
    startApp({ agentOs: { agents: [new Agent({ id: 'a', engine })] } });

  it.each(REPORTS)(
    'is the sum of input and output if the engine gives the numbers %s without a total',
    async (_when, report) => {
      const { url } = await start(new Counting(report, { inputTokens: 10, outputTokens: 3 }));
      const tokens = { input_tokens: 20, output_tokens: 6, total_tokens: 26 };
      const details = { model: [{ ...tokens, ...MODEL }] };

      const { body } = await runJson(url, '/agents/a', 'hi', { session_id: 's' });
      const session: unknown = await (await fetch(`${url}/sessions/s`)).json();

      expect(body['metrics']).toMatchObject({ ...tokens, details });
      expect(session).toMatchObject({ total_tokens: 26, metrics: { ...tokens, details } });
    },
  );

  it('is given for each request, in the stream and in the messages', async () => {
    const engine = new Counting((usage) => ({ type: 'model-request-completed', ...usage }), {
      inputTokens: 10,
      outputTokens: 3,
    });
    const { url } = await start(engine);

    const frames = await runSse(url, '/agents/a', 'hi');
    const { body } = await runJson(url, '/agents/a', 'hi');

    const requests = frames.filter(({ event }) => event === 'ModelRequestCompleted').map(({ data }) => data);
    expect(requests).toMatchObject([{ total_tokens: 13 }, { total_tokens: 13 }]);
    expect(frames.at(-1)?.data).toMatchObject({ metrics: { total_tokens: 26 } });
    expect(body['messages']).toMatchObject([
      { role: 'user' },
      { metrics: { total_tokens: 13 } },
      { metrics: { total_tokens: 13 } },
    ]);
  });

  it.each([
    ['its own total', { inputTokens: 10, outputTokens: 3, totalTokens: 20 }, 40],
    ['no number for one', { inputTokens: NaN, outputTokens: 3 }, 6],
    ['only a part', { outputTokens: 3, totalTokens: undefined }, 6],
    ['neither input nor output', { reasoningTokens: 3 }, undefined],
  ])('is counted with the numbers of the engine if it gives %s', async (_what, usage, total) => {
    const { url } = await start(new Counting((used) => ({ type: 'usage', ...used }), usage));

    const { body } = await runJson(url, '/agents/a', 'hi');

    expect((body['metrics'] as Record<string, unknown>)['total_tokens']).toBe(total);
  });
});
