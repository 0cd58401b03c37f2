/**
 * A process that holds back the background hooks of many runs, sends how much memory each run waits in, as a multiple
 * of its output's JSON, and ends. Needs --expose-gc.
 */
import { AgentOsService, InMemorySessionStore } from 'nestjs-agentos';

import { BODY, CONNECTIONS, HEADERS } from './request.mjs';
import { createEngineOutput } from './run-output.mjs';
import { agentOs } from './server/agent-os.mjs';
import { HOOK_COUNT } from './server/hooks.mjs';
import { listen } from './server/listen.mjs';
import { summarize } from './statistics.mjs';

const WARM_UP_RUNS = 160;
const ROUNDS = 3;

const [size, runs] = process.argv.slice(2).map(Number);
const module = agentOs({
  engine: () => createEngineOutput(size),
  hookCount: HOOK_COUNT,
  // The first run's first hook never ends, and all others wait behind it.
  hook: () => new Promise(() => undefined),
  concurrency: 1,
  // What a session remembers is not what a pending run needs.
  sessionStore: new InMemorySessionStore({ maxSessions: 1 }),
});
const { app, url } = await listen(module, 'express');
const { length: jsonSize } = JSON.stringify(
  await app.get(AgentOsService).run('bench', 'How do I reset my password?'),
);
await leavePending(WARM_UP_RUNS);
const shares = [];
for (let round = 0; round < ROUNDS; round++) {
  const before = await heapInUse();
  await leavePending(runs);
  shares.push(((await heapInUse()) - before) / runs / jsonSize);
}
process.send(summarize(shares));
process.on('disconnect', () => process.exit());

/** So many runs over HTTP, whose responses have been read and whose hooks have not been run. */
async function leavePending(count) {
  for (let left = count; left > 0; left -= CONNECTIONS) {
    await Promise.all(Array.from({ length: CONNECTIONS }, post));
  }
}

async function post() {
  const response = await fetch(url, { method: 'POST', headers: HEADERS, body: BODY });
  await response.text();
}

async function heapInUse() {
  // What a turn of the event loop still holds is not pending.
  await new Promise((resolve) => setTimeout(resolve, 50));
  gc();
  return process.memoryUsage().heapUsed;
}
