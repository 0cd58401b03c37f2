import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { afterEach, describe, expect, it } from '@jest/globals';
import { Module } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import {
  Agent,
  AgentOsModule,
  AgentOsService,
  type AgentOsExtras,
  type AgentOsOptions,
} from 'nestjs-agentos';
import { bullmq } from 'nestjs-agentos/bullmq';
import type { HookExecutorHost } from 'nestjs-agentos/executor';
import { openFolder } from 'nestjs-agentos/sql';

import { JsonHookExecutor } from '../support/json-hook.executor.js';
import { RecordingLogger } from '../support/recording-logger.js';
import { closeApps, startApp, startUpError } from '../support/test-app.js';

afterEach(closeApps);

/** Remembers the role that it was started with. */
class RoleExecutor extends JsonHookExecutor {
  get role(): HookExecutorHost['role'] {
    return this.host.role;
  }
}

const agents = [new Agent({ id: 'support', engine: () => 'answer' })];

describe('The role of a process', () => {
  it.each([undefined, 'server', 'worker', 'both'] as const)('is known to the executor: %s', async (role) => {
    const executor = new RoleExecutor();
    await startApp({ agentOs: { agents, executor, ...(role ? { role } : {}) } });
    expect(executor.role).toBe(role ?? 'both');
  });

  it('decides about routes: a worker has none, a server has them', async () => {
    const statusOf = async (role: 'server' | 'worker'): Promise<number> => {
      const { url } = await startApp({ agentOs: { agents, executor: new JsonHookExecutor(), role } });
      return (await fetch(`${url}/agents`)).status;
    };
    expect([await statusOf('server'), await statusOf('worker')]).toEqual([200, 404]);
  });

  it('as a worker needs no HTTP server: an application context is enough', async () => {
    const executor = new RoleExecutor();

    @Module({ imports: [AgentOsModule.forRoot({ agents, executor, role: 'worker' })] })
    class WorkerModule {}

    const app = await NestFactory.createApplicationContext(WorkerModule, { logger: new RecordingLogger() });
    expect([executor.role, app.get(AgentOsService).listHooks()]).toEqual(['worker', []]);
    await app.close();
  });

  it.each<[AgentOsOptions & AgentOsExtras, RegExp]>([
    [{ role: 'worker' }, /role: 'worker' needs an executor whose store processes share/],
    [{ role: 'server' }, /role: 'server' needs an executor whose store processes share/],
    [{ role: 'worker', http: { prefix: 'os' } }, /role: 'worker' has no routes. Remove http/],
    [{ role: 'other' as never }, /expected role to be "server", "worker" or "both"/],
  ])('fails the start if an option contradicts it: %j', async (options, message) => {
    expect(await startUpError({ agentOs: { agents, ...options } })).toMatch(message);
  });

  it('that does not fit the store fails the start, which then keeps the folder no longer', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'agent-os-role-'));
    try {
      const agentOs = { agents, role: 'server' as const, executor: bullmq({ folder }) };
      expect(await startUpError({ agentOs })).toMatch(/bullmq\(\{ folder \}\) is used by one process alone/);
      await (await openFolder(folder)).close();
    } finally {
      rmSync(folder, { recursive: true, force: true });
    }
  });
});
