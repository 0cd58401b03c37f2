/** One subject of the durable benchmark, in a process of its own: answers each message with a measurement. */
import 'reflect-metadata';

import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { Module } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { FlowProducer, Queue, Worker, createPostgresBackend, runMigrations } from 'bullmq';
import { Redis } from 'ioredis';
import { Agent, AgentOsModule, AgentOsService, defineHook } from 'nestjs-agentos';
import { bullmq } from 'nestjs-agentos/bullmq';
import { openFolder } from 'nestjs-agentos/sql';
import { Pool } from 'pg';

import { PgliteDatabase } from '../../dist/src/bullmq/queue.database.js';

const { subject, store, queue, hookCount, role = 'both', size, concurrency } = JSON.parse(process.argv[2]);
const folder = mkdtempSync(join(tmpdir(), 'agent-os-bench-'));
/** Milliseconds between two calls of which the time is measured. */
const PAUSE = 3;
const answer = 'x'.repeat(size);
const closers = [() => rmSync(folder, { recursive: true, force: true })];
const measure = await { agentOs, byHand }[subject]();
process.on('message', async (message) => {
  process.send({ result: await measure[message.measure](message) });
});
process.on('disconnect', async () => {
  for (const close of closers.toReversed()) await close();
  process.exit();
});
process.send({ ready: true });

/** Hooks of AgentOS. */
async function agentOs() {
  const names = Array.from({ length: hookCount }, (_, index) => `hook${index + 1}`);
  const postHooks = names.map((name) => defineHook(() => undefined, { name, runInBackground: true }));
  const agent = new Agent({ id: 'bench', engine: () => answer, postHooks });
  const at =
    store.kind === 'folder'
      ? { folder }
      : store.kind === 'redis'
        ? { connection: store.url }
        : { pool: new Pool({ connectionString: store.url, max: 10 }) };
  class BenchModule {}
  Module({
    imports: [
      AgentOsModule.forRoot({
        ...(role === 'worker' ? { role } : { role, http: false }),
        agents: [agent],
        executor: bullmq({ ...at, queue, concurrency }),
      }),
    ],
  })(BenchModule);
  const app = await NestFactory.createApplicationContext(BenchModule, { logger: ['error'] });
  const service = app.get(AgentOsService);
  closers.push(() => app.close());
  const run = () => service.run('bench', 'hello');
  return {
    /** The times of runs, one after another. */
    latency: ({ runs }) => timesOf(runs, run),
    /** Runs per second until all their hooks have ended. */
    throughput: async ({ runs }) => {
      const startedAt = performance.now();
      await inFlight(runs, run);
      await service.drain();
      return (runs / (performance.now() - startedAt)) * 1_000;
    },
    /** Stores hooks for workers. */
    fill: ({ runs }) => inFlight(runs, run),
    /** Hooks per second, from the first start to the last end; undefined while some have not ended. */
    rate: async () => {
      const executions = await service.executions.list({ limit: Infinity, mode: 'background' });
      if (executions.some(({ endedAt }) => endedAt === undefined)) return null;
      const first = Math.min(...executions.map(({ startedAt }) => startedAt));
      const last = Math.max(...executions.map(({ endedAt }) => endedAt));
      return (executions.length / Math.max(1, last - first)) * 1_000;
    },
  };
}

/** The same jobs, added and run as a competent user would without AgentOS. */
async function byHand() {
  const [options, backend] = await connectionByHand();
  const jobs = new Queue(queue, options, backend);
  const flows = new FlowProducer(options, backend);
  let ended = 0;
  const worker = new Worker(
    queue,
    async () => void (ended += 1),
    { ...options, concurrency, drainDelay: 1 },
    backend,
  );
  await worker.waitUntilReady();
  closers.push(async () => {
    await worker.close(true);
    await flows.close();
    await jobs.close();
  });
  const data = { answer };
  const addFlow = () => {
    let flow;
    for (let index = 0; index < hookCount; index++)
      flow = {
        name: 'hook',
        queueName: queue,
        data,
        opts: { priority: 1 },
        ...(flow ? { children: [flow] } : {}),
      };
    return flows.add(flow);
  };
  return {
    add: ({ runs }) => timesOf(runs, () => jobs.add('hook', data, { delay: 600_000 })),
    throughput: async ({ runs }) => {
      ended = 0;
      const startedAt = performance.now();
      await inFlight(runs, addFlow);
      while (ended < runs * hookCount) await new Promise((resolve) => setTimeout(resolve, 2));
      return (runs / (performance.now() - startedAt)) * 1_000;
    },
  };
}

async function connectionByHand() {
  if (store.kind === 'redis') {
    const connection = new Redis(store.url, { maxRetriesPerRequest: null });
    closers.push(() => connection.disconnect());
    return [{ connection }, undefined];
  }
  if (store.kind === 'postgres') {
    const pool = new Pool({ connectionString: store.url, max: 10, options: '-c search_path=bullmq' });
    closers.push(() => pool.end());
    const client = await pool.connect();
    await runMigrations(client);
    client.release();
    return [{ connection: pool }, createPostgresBackend];
  }
  // BullMQ has no PGlite of its own: the same shape of a pool as in the library.
  const opened = await openFolder(folder);
  closers.push(() => opened.close());
  const database = new PgliteDatabase(opened.database.$client);
  await database.exclusively((connection) => runMigrations(connection));
  await database.prepare();
  return [{ connection: database }, createPostgresBackend];
}

/** Milliseconds of each call, and microseconds of processor time for one, with what it leaves to do after its end. */
async function timesOf(count, call) {
  const times = [];
  const before = process.cpuUsage();
  for (let index = 0; index < count; index++) {
    const startedAt = performance.now();
    await call();
    times.push(performance.now() - startedAt);
    // Hooks are released when the run has been handed back: that is not part of the next call.
    await new Promise((resolve) => setTimeout(resolve, PAUSE));
  }
  const { user, system } = process.cpuUsage(before);
  return { times, processorMicros: (user + system) / count };
}

/** Sixteen callers, as with connections of clients. */
async function inFlight(count, call) {
  let left = count;
  const work = async () => {
    while (left > 0) {
      left -= 1;
      await call();
    }
  };
  await Promise.all(Array.from({ length: 16 }, work));
}
