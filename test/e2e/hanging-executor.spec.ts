import { afterEach, describe, expect, it } from '@jest/globals';
import { Agent, type AgentOsOptions } from 'nestjs-agentos';
import { HookExecutor, type HookBatch, type HookTask } from 'nestjs-agentos/executor';
import { createGate } from 'nestjs-agentos/testing';

import { inBackground } from '../support/background-hook.js';
import { closeApps, startApp, startUpError, type TestApp } from '../support/test-app.js';
import { recordUnhandledRejections } from '../support/unhandled-rejections.js';

afterEach(closeApps);

const never = (): Promise<never> => new Promise(() => undefined);

/** A queue whose server answers at once; tests replace single methods. */
class Queue extends HookExecutor {
  readonly batches: HookBatch[] = [];

  override accept(batch: HookBatch): Promise<void> {
    this.batches.push(batch);
    return Promise.resolve();
  }

  override release(_batch: HookBatch): void {
    // It never begins.
  }

  override ended(): Promise<void> {
    return Promise.resolve();
  }

  override drain(): Promise<void> {
    return Promise.resolve();
  }

  override forget(): Promise<void> {
    return Promise.resolve();
  }

  override stop(): Promise<readonly HookTask[]> {
    return Promise.resolve([]);
  }
}

describe('A run whose executor hangs', () => {
  const notified: string[] = [];
  const start = (executor: HookExecutor, options: AgentOsOptions = {}): Promise<TestApp> =>
    startApp({
      agentOs: {
        agents: [
          new Agent({
            id: 'agent',
            engine: () => 'answer',
            postHooks: [inBackground('notify', ({ runContext }) => void notified.push(runContext.runId))],
          }),
        ],
        executor,
        ...options,
      },
    });

  /** Takes batches, and does not answer. */
  class HangingQueue extends Queue {
    readonly asked = createGate();
    readonly answers = createGate();

    override async accept(batch: HookBatch): Promise<void> {
      this.batches.push(batch);
      this.asked.open();
      await this.answers.opened;
    }
  }

  it('returns its answer once it is cancelled', async () => {
    const executor = new HangingQueue();
    const { agentOs } = await start(executor);
    const run = agentOs.run('agent', 'hello');
    await executor.asked.opened;
    const [inFlight] = agentOs.listRuns();
    agentOs.cancel(inFlight?.runId ?? '');
    await expect(run).resolves.toMatchObject({ content: 'answer' });
    executor.answers.open();
  });

  it('keeps no application from ending', async () => {
    const executor = new HangingQueue();
    const { app, agentOs } = await start(executor, { shutdownTimeout: 100 });
    const run = agentOs.run('agent', 'hello');
    await executor.asked.opened;
    await app.close();
    await expect(run).resolves.toMatchObject({ content: 'answer' });
    executor.answers.open();
  });

  it('returns its answer after storeTimeout, and its hooks are logged as lost and never run', async () => {
    const executor = new HangingQueue();
    const { agentOs, log } = await start(executor, { storeTimeout: 50 });
    await expect(agentOs.run('agent', 'hello')).resolves.toMatchObject({ content: 'answer' });
    expect(log.messages('error')).toEqual([
      expect.stringMatching(
        /^The background hooks of run \S+ could not be handed over and are lost: HookExecutor\.accept\(\) did not answer within 50 ms\./,
      ),
    ]);
    expect(await agentOs.executions.list()).toMatchObject([{ hook: 'notify', state: 'dropped' }]);

    // The queue takes the batch all the same, and runs it.
    for (const task of executor.batches.flatMap(({ tasks }) => tasks)) await task.run({});
    expect(notified).toEqual([]);
    executor.answers.open();
    await executor.answers.opened;
    await new Promise(setImmediate);
    expect(log.messages('warn')).toContain('HookExecutor.accept() answered, which was too late.');
  });
});

describe('An executor', () => {
  const agents = (): Agent[] => [
    new Agent({ id: 'agent', engine: () => 'answer', postHooks: [inBackground('notify', () => undefined)] }),
  ];

  it('that hangs at the start keeps the application from starting, and is named', async () => {
    class Hanging extends Queue {
      override start = never;
    }
    const options = { agentOs: { agents: agents(), executor: new Hanging(), storeTimeout: 50 } };
    expect(await startUpError(options)).toMatch(/^HookExecutor\.start\(\) did not answer within 50 ms\./);
  });

  it('that does not stop keeps no application from ending, and its hooks are listed', async () => {
    class Hanging extends Queue {
      override stop = never;
    }
    const options = { agents: agents(), executor: new Hanging(), shutdownTimeout: 50 };
    const { app, agentOs, log } = await startApp({ agentOs: options });
    await agentOs.run('agent', 'hello');
    await app.close();
    expect(log.messages('error')).toEqual([
      expect.stringContaining('HookExecutor.stop() did not answer within 1000 ms.'),
    ]);
    expect(log.messages('warn').at(-1)).toMatch(/did not finish: "notify" of run /);
    expect(await agentOs.executions.list()).toMatchObject([{ state: 'dropped', reason: 'shutdown' }]);
  });

  it.each<[string, () => void]>([
    [
      'throws',
      () => {
        throw new Error('no connection');
      },
    ],
    ['rejects', () => Promise.reject(new Error('no connection'))],
  ])('whose release() %s ends no process, and is logged', async (_what, release) => {
    class Failing extends Queue {
      override release = release;
    }
    const unhandled = recordUnhandledRejections();
    const { agentOs, log } = await startApp({ agentOs: { agents: agents(), executor: new Failing() } });
    await expect(agentOs.run('agent', 'hello')).resolves.toMatchObject({ content: 'answer' });
    await new Promise(setImmediate);
    expect(log.messages('error')).toEqual([
      expect.stringMatching(/^HookExecutor\.release\(\) failed for the hooks of run \S+: no connection$/),
    ]);
    expect(await unhandled.stop()).toEqual([]);
  });
});
