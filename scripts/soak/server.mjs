/** The server under load, in a process of its own. Reports what it has counted when it is asked, and before it ends. */
import 'reflect-metadata';

import { Module } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { ExpressAdapter } from '@nestjs/platform-express';
import { FastifyAdapter } from '@nestjs/platform-fastify';
import { drizzle } from 'drizzle-orm/node-postgres';
import {
  Agent,
  AgentOsModule,
  AgentOsService,
  defineHook,
  InMemorySessionStore,
  parallel,
  Team,
  Workflow,
} from 'nestjs-agentos';
import { migrate, SqlSessionStore } from 'nestjs-agentos/sql';
import { Pool } from 'pg';

const [adapter, kind, databaseUrl] = process.argv.slice(2);
const ended = new Map();
const ran = new Map();
let unhandled = 0;
let hung = 0;
let logged = 0;

process.on('unhandledRejection', () => (unhandled += 1));
process.on('disconnect', () => process.exit(1));

const pause = (milliseconds, signal) =>
  new Promise((resolve, reject) => {
    const timer = setTimeout(resolve, milliseconds);
    signal?.addEventListener('abort', () => {
      clearTimeout(timer);
      reject(signal.reason);
    });
  });
const count = (map, key) => map.set(key, (map.get(key) ?? 0) + 1);

/** Some calls of it never answer, and some fail. */
class FaultyStore extends InMemorySessionStore {
  #calls = 0;

  append(...call) {
    this.#calls += 1;
    if (this.#calls % 50 === 0) {
      hung += 1;
      return new Promise(() => undefined);
    }
    if (this.#calls % 21 === 0) throw new Error('The store is broken.');
    return super.append(...call);
  }
}

async function sessionStore() {
  if (kind !== 'postgres') return new FaultyStore({ maxSessions: 50, maxRunsPerSession: 5 });
  const pool = new Pool({
    connectionString: databaseUrl,
    max: 10,
    statement_timeout: 1_000,
    connectionTimeoutMillis: 1_000,
  });
  const database = drizzle({ client: pool });
  await migrate(database);
  return new SqlSessionStore(database);
}

const on = ['completed', 'failed', 'rejected', 'cancelled'];
const hooks = ['first', 'second'].map((name) =>
  defineHook(
    async ({ hook }) => {
      count(ran, hook.executionId);
      await pause(Math.random() * 5);
    },
    { name, runInBackground: true, on },
  ),
);
const engine = async function* ({ input, signal }) {
  for (let piece = 0; piece < 5; piece++) {
    await pause(Math.random() * 10, signal);
    if (input === 'fail' && piece === 3) throw new Error('The engine is broken.');
    if (input === 'never') await new Promise(() => undefined);
    yield input === 'long' ? 'word '.repeat(20_000) : `piece ${piece} `;
  }
};
const agent = new Agent({ id: 'agent', engine, postHooks: hooks, timeout: 1_500 });
const side = new Agent({ id: 'side', engine: () => 'side' });
const team = new Team({
  id: 'team',
  members: [agent, side],
  postHooks: hooks,
  engine: async ({ input, delegate }) => {
    const both = [delegate('agent', input), side.run(input), agent.run(input)];
    for (const answer of both) await answer;
    return 'both';
  },
});
const workflow = new Workflow({ id: 'workflow', steps: [parallel('both', [agent, side])], postHooks: hooks });

class SoakModule {}
Module({
  imports: [
    AgentOsModule.forRoot({
      agents: [agent, side],
      teams: [team],
      workflows: [workflow],
      sessionStore: await sessionStore(),
      storeTimeout: 400,
      shutdownTimeout: 2_000,
      maxRuns: 200,
    }),
  ],
})(SoakModule);

const logger = { log() {}, warn() {}, error: () => (logged += 1), debug() {}, verbose() {}, fatal() {} };
const app = await NestFactory.create(
  SoakModule,
  adapter === 'fastify' ? new FastifyAdapter() : new ExpressAdapter(),
  { logger },
);
const agentOs = app.get(AgentOsService);
agentOs.hookEvents.subscribe(({ id, endedAt }) => {
  if (endedAt === undefined) ended.set(id, ended.get(id) ?? 0);
  else count(ended, id);
});

function report() {
  const states = [...ended.values()];
  globalThis.gc?.();
  const { heapUsed, rss } = process.memoryUsage();
  const answer = {
    hooks: states.length,
    lost: states.filter((times) => times === 0).length,
    doubled:
      states.filter((times) => times > 1).length + [...ran.values()].filter((times) => times > 1).length,
    running: agentOs.listRuns().length,
    ...{ unhandled, hung, logged, heapUsed, rss },
  };
  return answer;
}

process.on('message', async (message) => {
  if (message === 'drain') {
    while (agentOs.listRuns().length > 0) await pause(20);
    await agentOs.drain();
    const answer = report();
    // What was counted must not look like a leak.
    ended.clear();
    ran.clear();
    process.send(answer);
  }
});
process.once('SIGTERM', async () => {
  await app.close();
  // Ended runs may still be on their way to the ledger.
  process.send(report(), () => process.exit(0));
});
await app.listen(0, '127.0.0.1');
process.send({ port: app.getHttpServer().address().port });
