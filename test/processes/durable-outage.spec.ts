import { setTimeout as sleep } from 'node:timers/promises';

import { afterEach, expect, it, jest } from '@jest/globals';
import { Logger } from '@nestjs/common';
import { bullmq, type BullmqSettings, type BullmqStore } from 'nestjs-agentos/bullmq';
import { createGate } from 'nestjs-agentos/testing';
import { Pool } from 'pg';

import { ExecutorStage } from '../../src/testing/contracts/executor.stage.js';
import { isOwnPostgresInstalled, startOwnPostgres } from '../support/postgres.server.js';
import { nextQueue } from '../support/queue-places.js';
import { RecordingLogger } from '../support/recording-logger.js';
import { isRedisInstalled, startRedis } from '../support/redis.js';
import { describeWherePossible } from '../support/where-possible.js';

jest.setTimeout(20_000);

/** A server that a test may interrupt. */
interface Server {
  readonly store: BullmqStore;
  /** Ends the server and its connections, and starts it again when the callback has ended. */
  during(callback: () => Promise<void>): Promise<void>;
  /** Ends what the test itself has open. */
  disconnect(): Promise<void>;
  stop(): Promise<void>;
}

async function startRedisServer(): Promise<Server> {
  const server = await startRedis();
  return {
    store: { connection: server.url },
    during: (callback) => server.restart(callback),
    disconnect: () => Promise.resolve(),
    stop: () => server.stop(),
  };
}

async function startPostgresServer(): Promise<Server> {
  const server = await startOwnPostgres();
  const pool = new Pool({ connectionString: server.url, connectionTimeoutMillis: 2_000 });
  let isEnded = false;
  const disconnect = async (): Promise<void> => {
    if (!isEnded) await pool.end();
    isEnded = true;
  };
  return {
    store: { pool },
    during: (callback) => server.restart(callback),
    disconnect,
    stop: async () => {
      await disconnect();
      await server.stop();
    },
  };
}

const isCi = process.env['CI'] !== undefined;

for (const { name, isPossible, startServer } of [
  { name: 'Redis', isPossible: isRedisInstalled() || isCi, startServer: startRedisServer },
  { name: 'PostgreSQL', isPossible: isOwnPostgresInstalled() || isCi, startServer: startPostgresServer },
])
  describeWherePossible(isPossible, `While ${name} is away,`, `install ${name}`, () => {
    const opened: (() => Promise<unknown>)[] = [];

    afterEach(async () => {
      for (const close of opened.splice(0).reverse()) await close();
      Logger.overrideLogger(new RecordingLogger());
    });

    const start = async (
      settings: BullmqSettings,
    ): Promise<{ server: Server; stage: ExecutorStage; log: RecordingLogger }> => {
      const log = new RecordingLogger();
      Logger.overrideLogger(log);
      const server = await startServer();
      opened.push(() => server.stop());
      const stage = new ExecutorStage(
        bullmq({ ...server.store, queue: nextQueue(), storeTimeout: 3_000, ...settings }),
      );
      opened.push(() => stage.executor.stop(AbortSignal.abort()));
      await stage.start();
      return { server, stage, log };
    };

    it('hooks run in the process as volatile ones, and are durable again afterwards', async () => {
      const { server, stage, log } = await start({});
      await stage.acceptAndRelease(stage.batch('before', { hook: stage.step('before') }));
      await stage.executor.drain();
      await server.during(async () => {
        const volatile = stage.batch('away', { hook: stage.step('away') });
        await stage.acceptAndRelease(volatile);
        await stage.executor.ended(volatile);
        expect(stage.ledger.list()).toMatchObject([{ runId: 'away', state: 'succeeded' }]);
      });
      expect(log.messages('warn').join()).toContain('are volatile');
      const isVolatile = (runId: string): boolean => stage.ledger.list({ runId }).length > 0;
      let latest = 'away';
      for (let tries = 1; isVolatile(latest); tries++) {
        await sleep(20);
        latest = `after ${tries}`;
        const after = stage.batch(latest, { hook: stage.step('after') });
        await stage.acceptAndRelease(after);
        await stage.executor.ended(after);
      }
      const runs = (await stage.executions.list({ state: 'succeeded' })).map(({ runId }) => runId);
      expect([stage.steps.slice(0, 3), runs.length]).toEqual([
        ['before', 'away', 'after'],
        stage.steps.length,
      ]);
      const volatile = stage.ledger.list().length;
      expect([(await stage.executions.totals()).volatile, isVolatile('away')]).toEqual([volatile, true]);
    });

    it('an executor that stops leaves no timer and no connection behind', async () => {
      const kinds = ['Timeout', 'TCPSocketWrap', 'TCPWrap'];
      const active = (): number =>
        process.getActiveResourcesInfo().filter((kind) => kinds.includes(kind)).length;
      const before = active();
      const { server, stage } = await start({ storeTimeout: 500 });
      const [started, gate] = [createGate(), createGate()];
      const hook = (): Promise<void> => {
        started.open();
        return gate.opened;
      };
      await stage.acceptAndRelease(stage.batch('runs', { hook }));
      await started.opened;
      await server.during(async () => {
        await stage.acceptAndRelease(stage.batch('away', { hook: stage.step('away') }));
        await stage.executor.stop(AbortSignal.abort());
        gate.open();
        await server.disconnect();
        // What is ended is closed in later turns of the event loop, but for timers of seconds.
        for (let turns = 0; active() > before && turns < 1_000; turns++) await new Promise(setImmediate);
        expect(active()).toBeLessThanOrEqual(before);
      });
    });

    it('a run fails with onUnavailable: fail, and is stored again afterwards', async () => {
      const { server, stage } = await start({ onUnavailable: 'fail' });
      await server.during(async () => {
        const batch = stage.batch('away', { hook: stage.step('away') });
        await expect(stage.executor.accept(batch)).rejects.toMatchObject({ code: 'hooks_not_stored' });
      });
      const accepted = async (id: string): Promise<boolean> => {
        const batch = stage.batch(id, { hook: stage.step('after') });
        return Promise.resolve(stage.executor.accept(batch)).then(
          () => {
            stage.executor.release(batch, true);
            return true;
          },
          () => false,
        );
      };
      for (let tries = 1; !(await accepted(`after ${tries}`)); tries++) await sleep(20);
      await stage.executor.drain();
      expect(stage.steps).toEqual(['after']);
    });
  });
