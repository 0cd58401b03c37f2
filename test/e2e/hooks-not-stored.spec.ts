import { afterEach, describe, expect, it } from '@jest/globals';
import { Agent, HooksNotStoredError } from 'nestjs-agentos';
import type { HookBatch } from 'nestjs-agentos/executor';
import { SessionStore } from 'nestjs-agentos/stores';

import { InProcessHookExecutor } from '../../src/execution/in-process-hook.executor.js';
import { inBackground } from '../support/background-hook.js';
import { runJson } from '../support/http-client.js';
import { ADAPTERS, closeApps, startApp, type Adapter, type TestApp } from '../support/test-app.js';

afterEach(closeApps);

/** Its store is away as long as `isAway`. */
class DurableExecutor extends InProcessHookExecutor {
  readonly accepted: string[] = [];
  isAway = true;

  constructor() {
    super({ concurrency: 10, maxPending: 10, onOverflow: () => undefined });
  }

  override get isDurable(): boolean {
    return true;
  }

  override accept(batch: HookBatch): Promise<void> | undefined {
    if (this.isAway)
      return Promise.reject(new HooksNotStoredError(batch.id, new Error('connection refused')));
    this.accepted.push(batch.id);
    return super.accept(batch);
  }
}

describe('A run whose background hooks cannot be stored', () => {
  const executor = (): DurableExecutor => new DurableExecutor();
  const start = (used: DurableExecutor, adapter: Adapter, failures: string[] = []): Promise<TestApp> =>
    startApp({
      adapter,
      agentOs: {
        agents: [
          new Agent({
            id: 'support',
            engine: () => 'answer',
            postHooks: [inBackground('notify', () => void failures.push('ran'))],
          }),
        ],
        executor: used,
      },
    });

  it.each(ADAPTERS)('answers 503 and is not stored, on %s', async (adapter) => {
    const used = executor();
    const ran: string[] = [];
    const { url, app, agentOs } = await start(used, adapter, ran);
    const body = new URLSearchParams({ message: 'question', stream: 'false', session_id: 'one' });
    const refused = await fetch(`${url}/agents/support/runs`, { method: 'POST', body });
    expect([refused.status, refused.headers.get('retry-after'), await refused.json()]).toEqual([
      503,
      '5',
      expect.objectContaining({ error_type: 'hooks_not_stored', status: 'ERROR' }),
    ]);
    expect(await app.get(SessionStore, { strict: false }).find('one')).toBeUndefined();
    expect(await agentOs.executions.list()).toMatchObject([{ hook: 'notify', state: 'dropped' }]);
    used.isAway = false;
    const { status } = await runJson(url, '/agents/support', 'question', { session_id: 'one' });
    await agentOs.drain();
    expect([status, ran]).toEqual([200, ['ran']]);
  });

  it('ends its event stream with RunError', async () => {
    const { client } = await start(executor(), 'express');
    const events: string[] = [];
    for await (const { event } of client.stream('support', 'question')) events.push(event);
    expect(events.at(-1)).toBe('RunError');
    expect(events).not.toContain('RunCompleted');
  });

  it('rejects for the code that has started it', async () => {
    const { agentOs } = await start(executor(), 'express');
    await expect(agentOs.run('support', 'question')).rejects.toMatchObject({
      code: 'hooks_not_stored',
      runOutput: { status: 'ERROR' },
    });
  });

  it('is stored after its hooks, so that no result exists whose hooks were not stored', async () => {
    const used = executor();
    used.isAway = false;
    const { agentOs, app } = await start(used, 'express');
    const store = app.get(SessionStore, { strict: false });
    const before: unknown[] = [];
    const accept = used.accept.bind(used);
    used.accept = (batch) => {
      before.push(store.find('one'));
      return accept(batch);
    };
    await agentOs.run('support', 'question', { sessionId: 'one' });
    expect([await before[0], (await store.find('one'))?.id]).toEqual([undefined, 'one']);
  });
});
