import { describe, expect, it } from '@jest/globals';
import { Agent, Workflow } from 'nestjs-agentos';
import { countedIds, createTestAgentOs, fixedClock, scriptedEngine } from 'nestjs-agentos/testing';

const START = Date.UTC(2030, 0, 1);

describe('countedIds() and fixedClock()', () => {
  /** All that a client, the sessions and the ledger show of two runs. */
  async function shown(): Promise<string> {
    const engine = scriptedEngine().tool('find', {}, 'found').text('It is here.').repeat();
    const agent = new Agent({ id: 'support', engine, postHooks: [function notify() {}] });
    const os = await createTestAgentOs({
      agents: [agent],
      workflows: [new Workflow({ id: 'flow', steps: [agent] })],
      ids: countedIds(),
      clock: fixedClock(),
    });
    const all: unknown[] = [];
    for (const id of ['support', 'flow']) {
      const files = [{ name: 'a.txt', type: 'text/plain', content: 'a' }];
      const run = await os.client.run(id, 'Where?', { files });
      all.push(run.body, await os.client.stream(id, 'Where?', { sessionId: 'chat' }).rest());
      all.push((await os.client.sessions.get(run.sessionId)).body, os.hooks.of(run));
    }
    all.push((await os.client.request('GET', '/hooks/runs')).body);
    await os.close();
    return JSON.stringify(all, undefined, 1);
  }

  it('make all visible data of runs the same in every run of a test', async () => {
    const first = await shown();

    expect(await shown()).toBe(first);
    expect(first).not.toMatch(/[0-9a-f]{8}-[0-9a-f]{4}-/);
    expect(first).toContain('"run_id": "id-2"');
  });

  it('hold until the application is closed, and for one application at a time', async () => {
    const agents = [new Agent({ id: 'support', engine: () => 'fine' })];
    const os = await createTestAgentOs({ agents, ids: countedIds('run') });
    const second = createTestAgentOs({ agents, clock: fixedClock(), ids: countedIds() });

    await expect(second).rejects.toThrow(
      'another application of this process has replaced the ids or the clock. Close it first.',
    );
    expect((await os.client.run('support', 'hi')).runId).toBe('run-1');
    await os.close();
    const third = await createTestAgentOs({ agents });
    const { runId, body } = await third.client.run('support', 'hi');
    expect(runId).toMatch(/^[0-9a-f]{8}-/);
    expect(Number(body['created_at']) * 1_000).toBeLessThan(START);
    await third.close();
  });

  it('are undone when the application does not start', async () => {
    const wrong = createTestAgentOs({ ids: countedIds(), concurrency: -1, logger: false });
    await expect(wrong).rejects.toThrow('concurrency');

    const os = await createTestAgentOs({ ids: countedIds(), logger: false });
    await os.close();
  });
});

describe('fixedClock()', () => {
  it('shows the time it was given until it is moved', async () => {
    const clock = fixedClock(new Date(START + 5_000));
    const os = await createTestAgentOs({
      agents: [new Agent({ id: 'support', engine: () => 'fine' })],
      clock,
    });
    const first = await os.client.run('support', 'hi');
    clock.advance(60_000);
    const second = await os.client.run('support', 'hi');

    const times = [first, second].map(({ body }) => Number(body['created_at']) * 1_000 - START);
    expect(times).toEqual([5_000, 65_000]);
    expect(fixedClock()()).toBe(START);
    expect(() => fixedClock(new Date('nonsense'))).toThrow('expected a time, got Invalid Date');
    await os.close();
  });
});
