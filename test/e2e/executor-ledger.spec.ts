import { afterEach, describe, expect, it } from '@jest/globals';
import { Agent } from 'nestjs-agentos';
import type { HookExecution, HookExecutionFilter, HookExecutions } from 'nestjs-agentos/executor';

import { InProcessHookExecutor } from '../../src/execution/in-process-hook.executor.js';
import { inBackground } from '../support/background-hook.js';
import { closeApps, startApp } from '../support/test-app.js';

afterEach(closeApps);

/** Has one background hook of another process on record. */
class RecordingExecutor extends InProcessHookExecutor {
  constructor(readonly stored: HookExecution) {
    super({ concurrency: 10, maxPending: 10, onOverflow: () => undefined });
  }

  override executions(local: HookExecutions): HookExecutions {
    const { stored } = this;
    return {
      changes: local.changes,
      list: async (filter: HookExecutionFilter = {}) => [
        stored,
        ...(await local.list({ ...filter, mode: 'inline' })),
      ],
      counts: async () => ({ ...(await local.counts({ mode: 'inline' })), dropped: 7 }),
      totals: () => local.totals({ mode: 'inline' }),
    };
  }
}

describe('The ledger of an executor', () => {
  it('holds the background hooks of all processes, beside the inline hooks of this one', async () => {
    const stored: HookExecution = {
      id: 'elsewhere:post:notify',
      hook: 'notify',
      phase: 'post',
      mode: 'background',
      component: { kind: 'agent', id: 'support', name: 'Support' },
      position: 'root',
      attachedBy: 'component',
      runId: 'elsewhere',
      state: 'succeeded',
      attempts: 1,
      scheduledAt: 1_000,
    };
    const support = new Agent({
      id: 'support',
      engine: () => 'answer',
      preHooks: [function inline() {}],
      postHooks: [inBackground('notify', () => undefined)],
    });
    const { agentOs, client } = await startApp({
      agentOs: { agents: [support], executor: new RecordingExecutor(stored) },
    });
    await agentOs.run('support', 'question');
    await agentOs.drain();
    const listed = (await agentOs.executions.list()).map(({ id }) => id.replace(/^.*?:/, ''));
    expect([listed, await agentOs.executions.counts()]).toEqual([
      ['post:notify', 'pre:inline'],
      { succeeded: 1, failed: 0, timed_out: 0, skipped: 0, dropped: 7, open: 0 },
    ]);
    expect((await agentOs.executions.totals()).hooks.map(({ hook }) => hook)).toEqual(['inline']);
    const { body } = await client.request('GET', '/hooks/executions');
    expect(body).toMatchObject({ meta: { counts: { dropped: 7, succeeded: 1 } } });
  });
});
