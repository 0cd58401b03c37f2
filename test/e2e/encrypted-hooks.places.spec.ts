import { AsyncLocalStorage } from 'node:async_hooks';
import { randomBytes } from 'node:crypto';

import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import { Logger } from '@nestjs/common';
import { Agent } from 'nestjs-agentos';
import { bullmq, type BullmqSettings, type PayloadCodec } from 'nestjs-agentos/bullmq';
import type { HookExecutor, HookExecutorHost } from 'nestjs-agentos/executor';
import { createGate } from 'nestjs-agentos/testing';

import { aesGcm } from '../../docs/examples/durable-hooks.js';
import { ExecutorStage } from '../../src/testing/contracts/executor.stage.js';
import { inBackground } from '../support/background-hook.js';
import { nextQueue, QUEUE_PLACES, STARTING_TIME, type QueuePlace } from '../support/queue-places.js';
import { appendedTextOf, rawTextOf } from '../support/raw-store.js';
import { RecordingLogger } from '../support/recording-logger.js';
import { closeApps, startApp, type TestApp } from '../support/test-app.js';
import { describeWherePossible } from '../support/where-possible.js';

const CANARIES = [
  'canary in the question',
  'canary in the answer',
  'canary in metadata',
  'canary of a tenant',
];
const FILE = Buffer.from('canary in a file').toString('base64');

const keys = new Map(['old', 'new'].map((id) => [id, randomBytes(32)]));
const oldKey = new Map([...keys].slice(0, 1));
const newKey = new Map([...keys].slice(1));

const tenants = new AsyncLocalStorage<string>();

/** The texts among these that a store holds. */
function foundIn(text: string): string[] {
  return [...CANARIES, FILE].filter((canary) => text.includes(canary));
}

for (const { name, isPossible, open } of QUEUE_PLACES)
  describeWherePossible(isPossible, `Hooks in ${name} with a codec`, `install ${name}`, () => {
    let place: QueuePlace;
    const running: HookExecutor[] = [];
    const log = new RecordingLogger();

    beforeAll(async () => {
      place = await open();
    }, STARTING_TIME);
    afterEach(async () => {
      await closeApps();
      for (const executor of running.splice(0)) await executor.stop(AbortSignal.abort());
    });
    afterAll(() => place.close());

    const seen: unknown[] = [];
    /** An application whose hook fails, or does not. */
    const start = async (
      queue: string,
      codec: PayloadCodec | undefined,
      isFailing: boolean,
      { store }: QueuePlace = place,
    ): Promise<TestApp> => {
      const hook = inBackground('hook', ({ runInput, runOutput }) => {
        seen.push([runInput.content, runInput.files?.[0]?.content, runOutput.content, tenants.getStore()]);
        if (isFailing) throw new Error('It fails.');
      });
      const agent = new Agent({ id: 'agent', engine: () => CANARIES[1] ?? '', postHooks: [hook] });
      const executor = bullmq({ ...store, queue, ...(codec ? { codec } : {}) });
      const carry = {
        capture: () => tenants.getStore(),
        run: <R>(captured: unknown, callback: () => R): R => tenants.run(String(captured), callback),
      };
      return startApp({ agentOs: { agents: [agent], executor, carry } });
    };
    const ask = async ({ agentOs }: TestApp): Promise<void> => {
      const files = [
        { id: 'f', kind: 'file' as const, name: 'f.txt', mimeType: 'text/plain', content: FILE },
      ];
      const input = { content: CANARIES[0] ?? '', files };
      await tenants.run(CANARIES[3] ?? '', () =>
        agentOs.run('agent', input, { metadata: { note: CANARIES[2] } }),
      );
      await agentOs.drain();
    };
    const expected = [CANARIES[0], FILE, CANARIES[1], CANARIES[3]];

    it(
      'are stored without a readable text of their run, and get the whole run',
      async () => {
        seen.length = 0;
        const found: unknown[] = [];
        for (const codec of [aesGcm(keys, 'old'), undefined]) {
          const own = await open();
          const app = await start(nextQueue(), codec, true, own);
          await ask(app);
          const [execution] = await app.agentOs.executions.list({ state: 'failed' });
          const text = await rawTextOf(own);
          expect(text).toContain(execution?.runId ?? 'a failed execution');
          found.push(foundIn(text));
          if (name === 'Redis') expect(foundIn(await appendedTextOf(own))).toEqual(foundIn(text));
          await closeApps();
          await own.close();
        }
        // Without a codec all of it is found.
        expect(found).toEqual([[], [...CANARIES, FILE]]);
        expect(seen).toEqual([expected, expected]);
      },
      STARTING_TIME,
    );

    it('are read with old keys, and fail loudly without them; a retry runs them when the key is there again', async () => {
      seen.length = 0;
      const queue = nextQueue();
      const first = await start(queue, aesGcm(oldKey, 'old'), true);
      await ask(first);
      await first.close();
      const retry = async ({ agentOs }: TestApp): Promise<unknown> => {
        const [execution] = await agentOs.executions.list();
        await agentOs.executions.retry(execution?.id ?? '');
        await agentOs.drain();
        const [after] = await agentOs.executions.list();
        return [after?.state, after?.errorName];
      };
      const second = await start(queue, aesGcm(newKey, 'new'), false);
      expect(await retry(second)).toEqual(['failed', 'PayloadDecodeError']);
      const errors = second.log.messages('error').join('\n');
      expect(errors).toMatch(/The data of run .* could not be decoded: There is no key "old"/);
      await second.close();
      const third = await start(queue, aesGcm(keys, 'new'), false);
      expect(await retry(third)).toEqual(['succeeded', undefined]);
      expect(seen).toEqual([expected, expected]);
      expect(foundIn(errors + log.messages('error').join())).toEqual([]);
    });

    it('that were changed in the store fail with PayloadDecodeError, and the log shows nothing of them', async () => {
      const codec = { encode: (bytes: Uint8Array) => bytes, decode: () => Buffer.from('{"secret canary') };
      const queue = nextQueue();
      const first = await start(queue, aesGcm(keys, 'old'), true);
      await ask(first);
      await first.close();
      const broken = bullmq({ ...place.store, queue: nextQueue(), codec });
      const stage = new ExecutorStage(broken);
      await expect(stage.start()).rejects.toThrow(
        /the option codec does not work: decode\(\) does not return the payload/,
      );
      let isBroken = false;
      const good = aesGcm(keys, 'old');
      const second = await start(
        queue,
        { ...good, decode: (bytes) => (isBroken ? Buffer.from('{"secret canary') : good.decode(bytes)) },
        false,
      );
      isBroken = true;
      const [execution] = await second.agentOs.executions.list();
      await second.agentOs.executions.retry(execution?.id ?? '');
      await second.agentOs.drain();
      const errors = second.log.messages('error').join('\n');
      expect((await second.agentOs.executions.list())[0]).toMatchObject({
        state: 'failed',
        errorName: 'PayloadDecodeError',
      });
      expect([/could not be decoded: it is not JSON/.test(errors), errors.includes('secret canary')]).toEqual(
        [true, false],
      );
    });

    it('whose codec does not answer fail after storeTimeout, and a retry runs them when it answers again', async () => {
      const good = aesGcm(keys, 'old');
      let isHanging = false;
      const codec: PayloadCodec = {
        ...good,
        decode: (bytes) => (isHanging ? new Promise(() => undefined) : good.decode(bytes)),
      };
      const stage = new ExecutorStage(
        bullmq({ ...place.store, queue: nextQueue(), codec, storeTimeout: 1_000 }),
      );
      running.push(stage.executor);
      await stage.start();
      isHanging = true;
      await stage.acceptAndRelease(stage.batch('run', { hook: stage.step('hook') }));
      await stage.executor.drain();
      expect([await stage.executions.list(), stage.steps]).toMatchObject([
        [{ state: 'failed', errorName: 'PayloadDecodeError' }],
        [],
      ]);
      isHanging = false;
      await stage.executions.retry('run:post:hook');
      await stage.executor.drain();
      expect(stage.steps).toEqual(['hook']);
    });

    it('is checked at the start, which a codec that does not answer does not hold up', async () => {
      const codec: PayloadCodec = { ...aesGcm(keys, 'old'), decode: () => new Promise(() => undefined) };
      const stage = new ExecutorStage(bullmq({ ...place.store, queue: nextQueue(), codec, storeTimeout: 1 }));
      await expect(stage.start()).rejects.toThrow(
        /the option codec does not work: .*decode\(\) did not answer within 1 ms/,
      );
    });

    it('whose codec cannot encode are volatile, or fail their run, and are not stored', async () => {
      const good = aesGcm(keys, 'old');
      let isAway = false;
      const codec: PayloadCodec = {
        ...good,
        encode: (bytes) =>
          isAway ? Promise.reject(new Error('The key service is away.')) : good.encode(bytes),
      };
      for (const onUnavailable of ['in-process', 'fail'] as const) {
        isAway = false;
        const stage = new ExecutorStage(bullmq({ ...place.store, queue: nextQueue(), codec, onUnavailable }));
        running.push(stage.executor);
        await stage.start();
        isAway = true;
        const batch = stage.batch('run', { hook: stage.step('hook') });
        const accepted = await stage.executor.accept(batch)?.then(
          () => 'accepted',
          ({ code }) => code as unknown,
        );
        stage.executor.release(batch, true);
        await stage.executor.drain();
        expect([
          accepted,
          stage.steps,
          await stage.executor.executions({ list: () => [] } as never).list(),
        ]).toEqual(onUnavailable === 'fail' ? ['hooks_not_stored', [], []] : ['accepted', ['hook'], []]);
      }
    });

    it('are left to others by a worker without the codec; a worker with one also reads hooks that were stored without', async () => {
      if (place.store.folder !== undefined) return;
      Logger.overrideLogger(log);
      const codec = aesGcm(keys, 'old');
      const create = async (
        stage: ExecutorStage | undefined,
        settings: BullmqSettings,
        role: HookExecutorHost['role'],
      ): Promise<ExecutorStage> => {
        const executor = bullmq({ ...place.store, ...settings });
        running.push(executor);
        const own = new ExecutorStage(executor);
        await executor.start({ ...(stage ?? own).host, role, logger: log });
        return own;
      };
      for (const [stored, other] of [
        [codec, undefined],
        [undefined, codec],
      ]) {
        const queue = nextQueue();
        const server = await create(undefined, { queue, ...(stored ? { codec: stored } : {}) }, 'server');
        const ran = createGate();
        const batch = server.batch('run', { hook: () => ran.open() });
        for (const { execution } of batch.tasks) Object.assign(execution, { scheduledAt: Date.now() });
        await server.acceptAndRelease(batch);
        const worker = await create(server, { queue, ...(other ? { codec: other } : {}) }, 'worker');
        if (stored) {
          await until(() =>
            /left to other workers: It was encoded by a codec/.test(log.messages('warn').join()),
          );
          // Else the two take turns.
          await worker.executor.stop(AbortSignal.abort());
          await create(server, { queue, codec: stored }, 'worker');
        }
        await ran.opened;
        await server.executor.drain();
        expect(await server.executions.list()).toMatchObject([{ state: 'succeeded', attempts: 1 }]);
      }
      const queue = nextQueue();
      const server = await create(undefined, { queue, codec }, 'server');
      // Stored longer ago than unknownAfter.
      await server.acceptAndRelease(server.batch('old', { hook: server.step('hook') }));
      await create(server, { queue }, 'worker');
      await server.executor.drain();
      expect([await server.executions.list(), server.steps]).toMatchObject([
        [{ state: 'failed', errorName: 'CodecMissingError' }],
        [],
      ]);
    });
  });

describe('The option codec of the queue', () => {
  it.each([{}, { encode: () => undefined }, 'aes'])('refuses a value that is not a codec: %j', (codec) => {
    expect(() => bullmq({ folder: 'a', codec: codec as never })).toThrow(
      /expected codec to be an object with the functions encode and decode/,
    );
  });
});

async function until(isTrue: () => boolean): Promise<void> {
  while (!isTrue()) await new Promise((resolve) => setTimeout(resolve, 20));
}
