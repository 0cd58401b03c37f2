import { afterAll, beforeAll, expect, it } from '@jest/globals';
import * as bullmqPackage from 'bullmq';
import fc from 'fast-check';
import { Agent } from 'nestjs-agentos';
import { bullmq } from 'nestjs-agentos/bullmq';

import type { JobProducer, QueueConnection } from '../../src/bullmq/queue.connection.js';
import { openRedisQueue } from '../../src/bullmq/redis.connection.js';
import { openFolderQueue, openPoolQueue } from '../../src/bullmq/sql.connection.js';
import { encodeSnapshot } from '../../src/bullmq/stored.batch.js';
import type { HookExecution } from '../../src/execution/hook-execution.js';
import { createExecution } from '../../src/testing/contracts/hook.harness.js';
import { inBackground } from '../support/background-hook.js';
import { nextQueue, QUEUE_PLACES, STARTING_TIME, type QueuePlace } from '../support/queue-places.js';
import { RecordingLogger } from '../support/recording-logger.js';
import { shareApp, startApp } from '../support/test-app.js';
import { describeWherePossible } from '../support/where-possible.js';

/** Names that a lookup in an object would find. */
const INHERITED = ['__proto__', 'constructor', 'toString', 'hasOwnProperty', 'valueOf', '__defineGetter__'];

const VALID = {
  version: 1,
  batch: 'run-0',
  execution: 'run:post:hook',
  run: 'run',
  origin: { sessionId: 's', isWithdrawn: false },
  isLater: false,
};

/** The data of a hook with one part replaced by any other value, and data of any kind. */
const hostileData = fc.oneof(
  fc
    .tuple(fc.constantFrom(...Object.keys(VALID), '__proto__', 'retryOf', 'hook'), fc.jsonValue())
    .map(([key, value]) => ({ ...VALID, [key]: value })),
  fc.jsonValue(),
);

function openQueue({ store }: QueuePlace, queue: string): Promise<QueueConnection> {
  const { folder, pool, connection } = store;
  if (folder !== undefined) return openFolderQueue(bullmqPackage, folder, queue);
  if (pool !== undefined) return openPoolQueue(bullmqPackage, pool, queue);
  return openRedisQueue(bullmqPackage, connection, queue, new RecordingLogger());
}

for (const { name, isPossible, open } of QUEUE_PLACES)
  describeWherePossible(
    isPossible,
    `Jobs that were put into a queue in ${name} by hand`,
    `install ${name}`,
    () => {
      const queueName = nextQueue();
      let place: QueuePlace;
      let queue: QueueConnection;
      let producer: JobProducer;
      let ran: string[] = [];
      let jobs = 0;

      beforeAll(async () => {
        place = await open();
        queue = await openQueue(place, queueName);
        producer = await queue.createProducer(() => undefined);
      }, STARTING_TIME);
      const shared = shareApp(() => {
        const hook = inBackground('hook', ({ runContext }) => void ran.push(runContext.runId));
        const agent = new Agent({ id: 'agent', engine: ({ input }) => `Re: ${input}`, postHooks: [hook] });
        const executor = bullmq({ ...place.store, queue: queueName, unknownAfter: 1 });
        return startApp({ agentOs: { agents: [agent], executor } });
      });
      afterAll(async () => {
        await producer.close();
        await place.close();
      });

      /** Puts a job into the queue, and waits until it has ended. */
      const put = async (jobName: string, data: unknown): Promise<string> => {
        const id = `by-hand-${jobs++}`;
        const { job } = await producer.add({
          name: jobName,
          queueName,
          data,
          opts: { jobId: id, priority: 1 },
        });
        for (;;) {
          const state = await job.getState();
          if (state === 'completed' || state === 'failed') return state;
          await new Promise((resolve) => setTimeout(resolve, 5));
        }
      };
      const logged = (): string =>
        shared().log.messages('error').concat(shared().log.messages('warn')).join('\n');
      /** A run as always, whose hook the worker runs. */
      const runOne = async (): Promise<void> => {
        const { agentOs } = shared();
        const { runId } = await agentOs.run('agent', 'hello');
        await agentOs.drain();
        expect(ran).toEqual([runId]);
        ran = [];
      };

      it('run nothing and are named in the log, whatever their data is, and the worker continues', async () => {
        await fc.assert(
          fc.asyncProperty(fc.constantFrom('hook', ...INHERITED), hostileData, async (jobName, data) => {
            const id = `by-hand-${jobs}`;
            await put(jobName, data);
            expect(ran).toEqual([]);
            expect(logged()).toContain(`job "${id}" ("${jobName}")`);
          }),
          { numRuns: 60 },
        );
        await runOne();
      });

      it('are refused if they are too large or quote control characters, and the log stays short', async () => {
        const large = 'x'.repeat(2_000_000);
        expect(await put('hook', { ...VALID, run: large, execution: `${large}:post:hook` })).toBe('failed');
        expect(await put(`a\n\u001b[31m${'n'.repeat(100_000)}`, { version: 'ä\n' })).toBe('failed');
        for (const line of logged().split('\n')) expect(line.length).toBeLessThan(1_000);
        expect(logged()).not.toContain('\u001b');
        await runOne();
      });

      it('in a later version are left to others, and fail with PayloadVersionError when none has come', async () => {
        const { agentOs } = shared();
        const executions = [createExecution({ runId: 'later', hook: 'hook' })];
        const { snapshot } = encodeSnapshot({});
        const origins = new Map([['later', { sessionId: 's', isWithdrawn: false }]]);
        const ids = { id: 'later-0', tree: 'later', executions, origins, keys: new Map(), jobs: new Map() };
        await queue.store.add(
          { ...ids, snapshots: new Map([['later', snapshot]]), files: new Map() },
          async () => {
            await Promise.resolve();
          },
        );
        const state = await put('hook', { version: 3, execution: 'later:post:hook', anything: { else: 1 } });
        expect([state, await agentOs.executions.list({ runId: 'later' })]).toMatchObject([
          'failed',
          [{ state: 'failed', errorName: 'PayloadVersionError' }],
        ]);
        expect(logged()).toMatch(/It was stored in version 3; this process reads the versions 1 to 2/);
      });

      it('fail and call nothing if their component, phase, position or hook is unknown', async () => {
        const hostile: Partial<HookExecution>[] = INHERITED.flatMap((text) => [
          { hook: text },
          { component: { kind: 'agent', id: text, name: text } },
          { component: { kind: text as never, id: 'agent', name: 'Agent' } },
          { phase: text as never },
          { position: text as never },
        ]);
        for (const [index, execution] of hostile.entries()) {
          const runId = `hostile${index}`;
          const id = `${runId}:post:hook`;
          const component = { kind: 'agent', id: 'agent', name: 'Agent' } as const;
          const executions = [createExecution({ component, hook: 'hook', ...execution, runId, id })];
          const part = {};
          const { snapshot } = encodeSnapshot({
            runInput: part,
            runContext: part,
            runOutput: part,
            session: part,
          });
          const origins = new Map([[runId, { sessionId: 's', isWithdrawn: false }]]);
          const snapshots = new Map([[runId, snapshot]]);
          const batch = `${runId}-0`;
          const stored = {
            id: batch,
            tree: runId,
            executions,
            origins,
            snapshots,
            files: new Map(),
            keys: new Map(),
            jobs: new Map(),
          };
          await queue.store.add(stored, () => Promise.resolve());
          await put('hook', { ...VALID, batch, execution: id, run: runId });
          const [ended] = await shared().agentOs.executions.list({ runId });
          expect([
            execution,
            ended?.state,
            /^(HookNotFoundError|TypeError)$/.test(ended?.errorName ?? ''),
          ]).toEqual([execution, 'failed', true]);
        }
        expect(ran).toEqual([]);
        await runOne();
      });
    },
  );
