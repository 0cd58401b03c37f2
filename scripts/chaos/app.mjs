/** The application under test, in a process of its own: server, worker or both. The record has the actions of its hooks. */
import 'reflect-metadata';

import { randomUUID } from 'node:crypto';
import { setTimeout as pause } from 'node:timers/promises';

import { Module } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { Agent, AgentOsModule, AgentOsService, defineHook } from 'nestjs-agentos';
import { bullmq } from 'nestjs-agentos/bullmq';
import { Pool } from 'pg';

import { HOOKS, LOCK_DURATION } from './plan.mjs';
import { Record } from './record.mjs';

const { name, role, store, queue, recordFile, onUnavailable } = JSON.parse(process.argv[2]);
const record = new Record(recordFile);
process.on('disconnect', () => process.exit(1));
watchStandstills();

const hooks = HOOKS.map((hookName, index) =>
  defineHook(
    async ({ runContext, hook, signal }) => {
      const call = randomUUID();
      const { executionId: execution, attempt } = hook;
      record.add({
        ...{ kind: 'started', process: name, run: runContext.runId, hook: hookName },
        ...{ execution, attempt, call },
      });
      // The one in the middle ignores its signal.
      const isPolite = index !== 1;
      try {
        await pause(5 + Math.random() * 80, undefined, isPolite ? { signal } : {});
      } catch (aborted) {
        record.add({ kind: 'aborted', process: name, call });
        throw aborted;
      }
      record.add({ kind: 'ended', process: name, call });
    },
    { name: hookName, runInBackground: true },
  ),
);
const agent = new Agent({ id: 'chaos', engine: ({ input }) => `You said: ${input}`, postHooks: hooks });

const executor = bullmq({
  ...storeOf(store),
  ...{ queue, onUnavailable, lockDuration: LOCK_DURATION, stalledInterval: 1_000, storeTimeout: 3_000 },
});
recordUnstoredBatches(executor);

class ChaosModule {}
Module({
  imports: [
    AgentOsModule.forRoot({
      role,
      ...(role === 'worker' ? {} : { http: {} }),
      agents: [agent],
      executor,
      releaseAfter: 3_000,
      shutdownTimeout: 2_000,
    }),
  ],
})(ChaosModule);

const logger = ['error', 'warn'];
const app =
  role === 'worker'
    ? await NestFactory.createApplicationContext(ChaosModule, { logger })
    : await NestFactory.create(ChaosModule, { logger });
app.enableShutdownHooks();
if (role !== 'worker') await app.listen(0, '127.0.0.1');
const agentOs = app.get(AgentOsService);
watchStore();
process.on('message', async () => {
  const executions = await agentOs.executions
    .list({ limit: Infinity, mode: 'background' })
    .catch(() => undefined);
  process.send({ executions });
});
process.send({ port: role === 'worker' ? 0 : app.getHttpServer().address().port });

function storeOf({ kind, url, folder }) {
  if (kind === 'folder') return { folder };
  if (kind === 'redis') return { connection: url };
  return { pool: new Pool({ connectionString: url, max: 10, connectionTimeoutMillis: 1_000 }) };
}

/** A batch whose executions the executor has left in the ledger of this process is in no store. */
function recordUnstoredBatches(target) {
  const start = target.start.bind(target);
  const accept = target.accept.bind(target);
  const stored = new WeakSet();
  target.start = (host) => {
    const { ledger } = host;
    const forget = (execution) => {
      stored.add(execution);
      ledger.forget(execution);
    };
    return start({ ...host, ledger: { changes: ledger.changes, find: (id) => ledger.find(id), forget } });
  };
  target.accept = async (batch, storeRun) => {
    try {
      await accept(batch, storeRun);
    } catch (thrown) {
      record.add({ kind: 'refused', process: name, run: batch.id });
      throw thrown;
    }
    if (!batch.tasks.every(({ execution }) => stored.has(execution)))
      record.add({ kind: 'volatile', process: name, run: batch.id });
  };
}

/** Also without a signal a process can stand still, on a machine that is busy. */
function watchStandstills() {
  let last = Date.now();
  setInterval(() => {
    const now = Date.now();
    if (now - last > LOCK_DURATION / 4)
      record.add({ kind: 'stood-still', process: name, from: last, to: now });
    last = now;
  }, 50).unref();
}

/** On a machine that is busy the store can be away for this process alone, and locks run out. A read tells. */
function watchStore() {
  const look = async () => {
    const from = Date.now();
    await agentOs.executions.list({ limit: 1, mode: 'background' }).catch(() => undefined);
    const to = Date.now();
    if (to - from > LOCK_DURATION / 4)
      record.add({ kind: 'store-away', process: name, from, to: to + LOCK_DURATION });
    setTimeout(() => void look(), 250).unref();
  };
  void look();
}
