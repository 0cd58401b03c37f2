import { afterAll, afterEach, beforeAll, expect, it } from '@jest/globals';
import { bullmq } from 'nestjs-agentos/bullmq';
import type { HookBatch, HookExecutor } from 'nestjs-agentos/executor';
import { createGate } from 'nestjs-agentos/testing';

import { ExecutorStage } from '../../src/testing/contracts/executor.stage.js';
import { raise, someTurns, type TestHook } from '../../src/testing/contracts/hook.harness.js';
import { nextQueue, QUEUE_PLACES, STARTING_TIME, type QueuePlace } from '../support/queue-places.js';
import { describeWherePossible } from '../support/where-possible.js';

const HOUR = 3_600_000;

// A folder belongs to one process.
for (const { name, isPossible, open } of QUEUE_PLACES)
  describeWherePossible(
    isPossible,
    `The limits of a hook over two machines on ${name}`,
    `install ${name}`,
    () => {
      let place: QueuePlace;
      const machines: HookExecutor[] = [];
      let queue: string;
      let stage: ExecutorStage;

      beforeAll(async () => {
        place = await open();
      }, STARTING_TIME);
      afterEach(async () => {
        for (const machine of machines.splice(0)) await machine.stop(AbortSignal.abort());
      });
      afterAll(() => place.close());

      /** Two executors on one queue, which know the same hooks. Each runs up to four hooks at once. */
      async function startMachines(): Promise<void> {
        queue = nextQueue();
        stage = new ExecutorStage(createMachine());
        await stage.start();
        await startMachine();
      }

      async function startMachine(): Promise<void> {
        await createMachine().start(stage.host);
      }

      function createMachine(): HookExecutor {
        const machine = bullmq({ ...place.store, queue, concurrency: 4 });
        machines.push(machine);
        return machine;
      }

      function batches(
        hook: TestHook,
        count: number,
        decoration: Parameters<ExecutorStage['batch']>[3],
      ): HookBatch[] {
        return Array.from({ length: count }, (_, index) =>
          stage.batch(`run-${index}`, { hook }, {}, decoration),
        );
      }

      it('let no more executions run at once than its concurrency, and reach it', async () => {
        await startMachines();
        const gate = createGate();
        let running = 0;
        let most = 0;
        const hook = async (): Promise<void> => {
          most = Math.max(most, ++running);
          if (running === 3) gate.open();
          await gate.opened;
          await someTurns();
          running -= 1;
        };
        await stage.acceptAndRelease(...batches(hook, 20, { concurrency: 3 }));
        await stage.executor.drain();
        const { succeeded } = await stage.executions.counts();
        expect([most, running, succeeded]).toEqual([3, 0, 20]);
      });

      it('hold up no hook of another run, although more executions wait than both machines run at once', async () => {
        await startMachines();
        const gate = createGate();
        await stage.acceptAndRelease(...batches(() => gate.opened, 20, { concurrency: 1 }));
        const other = stage.batch('other', { one: stage.step('one'), two: stage.step('two') });
        await stage.acceptAndRelease(other);
        await stage.executor.ended(other);
        expect(stage.steps).toEqual(['one', 'two']);
        gate.open();
        await stage.executor.drain();
        expect((await stage.executions.counts()).succeeded).toBe(22);
      });

      it('allow as many starts as its rate, whichever machine makes the attempt', async () => {
        await startMachines();
        let starts = 0;
        const third = createGate();
        const hook: TestHook = ({ hook: { attempt } }) => {
          starts += 1;
          if (starts === 3) third.open();
          return attempt === 1 ? raise(new Error('first')) : undefined;
        };
        const decoration = { rate: { max: 3, per: HOUR }, retry: { attempts: 2, backoff: 1 } };
        await stage.acceptAndRelease(...batches(hook, 8, decoration));
        await third.opened;
        // Each job has been asked for at least once when these have run, which came later.
        const other = stage.batch('other', { one: stage.step('one'), two: stage.step('two') });
        await stage.acceptAndRelease(other);
        await stage.executor.ended(other);
        expect(starts).toBe(3);
      });

      it('give the place of an execution that a machine had to leave to the next one', async () => {
        await startMachines();
        const seen: string[] = [];
        const begun = createGate();
        const hook: TestHook = ({ hook: { executionId, attempt } }) => {
          seen.push(`${executionId} ${attempt}`);
          begun.open();
          return seen.length === 1 ? new Promise(() => undefined) : undefined;
        };
        await stage.acceptAndRelease(...batches(hook, 4, { concurrency: 1 }));
        await begun.opened;
        const [left = ''] = seen[0]?.split(' ') ?? [];
        for (const machine of machines.splice(0)) await machine.stop(AbortSignal.abort());
        await startMachine();
        await until(async () => (await stage.executions.counts()).open === 0);
        const attempts = seen.filter((call) => call.startsWith(left));
        expect([seen.length, attempts.at(-1)]).toEqual([5, `${left} 2`]);
      });
    },
  );

async function until(isSo: () => Promise<boolean>): Promise<void> {
  while (!(await isSo())) await new Promise((resolve) => setTimeout(resolve, 10));
}
