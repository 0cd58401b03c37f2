/** A process that runs an agent without HTTP and answers with the microseconds of processor time that a run took. */
import 'reflect-metadata';

import { NestFactory } from '@nestjs/core';
import { Agent, AgentOsService } from 'nestjs-agentos';

import { CONNECTIONS } from './request.mjs';
import { agentOs } from './server/agent-os.mjs';
import { HOOK_COUNT } from './server/hooks.mjs';
import { answerFor } from './server/outputs.mjs';

const INPUT = 'How do I reset my password?';

const SUBJECTS = {
  direct0: (engine) => {
    const agent = new Agent({ id: 'bench', engine });
    return () => agent.run(INPUT);
  },
  os0: (engine) => served(engine, 0),
  os10: (engine) => served(engine, HOOK_COUNT),
};

const [variant, size, warmUpRuns] = process.argv.slice(2);
const answer = answerFor(Number(size));
const run = await SUBJECTS[variant](() => answer);
await measure(Number(warmUpRuns));
process.on('message', async ({ runs }) => process.send(await measure(runs)));
process.on('disconnect', () => process.exit());
process.send({ ready: true });

async function served(engine, hookCount) {
  const app = await NestFactory.createApplicationContext(agentOs({ engine, hookCount }), {
    logger: ['error'],
  });
  const service = app.get(AgentOsService);
  return () => service.run('bench', INPUT);
}

async function measure(runs) {
  const before = process.cpuUsage();
  for (let count = 0; count < runs; count += CONNECTIONS) {
    for (let index = 0; index < CONNECTIONS; index++) await run();
    // Background hooks begin in a turn of their own.
    await new Promise((resolve) => setImmediate(resolve));
  }
  const { user, system } = process.cpuUsage(before);
  return (user + system) / runs;
}
