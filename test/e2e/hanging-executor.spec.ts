import { afterEach, expect, it } from '@jest/globals';
import { Agent, HookExecutor, type HookTask } from 'nestjs-agentos';

import { inBackground } from '../support/background-hook.js';
import { createGate } from '../support/gate.js';
import { closeApps, startApp } from '../support/test-app.js';

afterEach(closeApps);

/** A queue whose server does not answer. */
class HangingExecutor extends HookExecutor {
  readonly asked = createGate();

  override accept(): Promise<void> {
    this.asked.open();
    return new Promise(() => undefined);
  }

  override release(): void {
    // Nothing was accepted.
  }

  override ended(): Promise<void> {
    return Promise.resolve();
  }

  override drain(): Promise<void> {
    return Promise.resolve();
  }

  override stop(): Promise<readonly HookTask[]> {
    return Promise.resolve([]);
  }
}

const agent = (): Agent =>
  new Agent({ id: 'agent', engine: () => 'answer', postHooks: [inBackground('notify', () => undefined)] });

it('a run whose executor hangs hands its answer back once it is cancelled', async () => {
  const executor = new HangingExecutor();
  const { agentOs } = await startApp({ agentOs: { agents: [agent()], executor } });
  const run = agentOs.run('agent', 'hello');
  await executor.asked.opened;
  const [inFlight] = agentOs.listRuns();
  agentOs.cancel(inFlight?.runId ?? '');
  await expect(run).resolves.toMatchObject({ content: 'answer' });
});

it('a run whose executor hangs keeps no application from ending', async () => {
  const executor = new HangingExecutor();
  const { app, agentOs } = await startApp({
    agentOs: { agents: [agent()], executor, shutdownTimeout: 100 },
  });
  const run = agentOs.run('agent', 'hello');
  await executor.asked.opened;
  await app.close();
  await expect(run).resolves.toMatchObject({ content: 'answer' });
});
