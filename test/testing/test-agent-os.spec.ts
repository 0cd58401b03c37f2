import { afterEach, describe, expect, it } from '@jest/globals';
import { Controller, Get, Injectable, Module } from '@nestjs/common';
import { FastifyAdapter } from '@nestjs/platform-fastify';
import { Agent, AgentOsModule, AgentOsService, Hook, hookRef, type PostHookContext } from 'nestjs-agentos';
import {
  createGate,
  createTestAgentOs,
  scriptedEngine,
  type TestAgentOs,
  type TestAgentOsOptions,
} from 'nestjs-agentos/testing';

import { inBackground } from '../support/background-hook.js';

@Injectable()
class Journal {
  readonly entries: string[] = [];
}

@Injectable()
class SupportHooks {
  constructor(private readonly journal: Journal) {}

  @Hook({ runInBackground: true })
  notify({ runOutput }: PostHookContext): void {
    this.journal.entries.push(runOutput.content);
  }
}

@Controller('own')
class OwnController {
  constructor(private readonly agentOs: AgentOsService) {}

  @Get()
  async ask(): Promise<string> {
    return (await this.agentOs.run('support', 'hi')).content;
  }
}

const support = new Agent({
  id: 'support',
  engine: ({ input }) => `You asked: ${input}`,
  postHooks: [hookRef(SupportHooks, 'notify')],
});
const options: TestAgentOsOptions = { agents: [support], providers: [SupportHooks, Journal] };

const open: TestAgentOs[] = [];
afterEach(() => Promise.all(open.splice(0).map((os) => os.close())));

async function start(more: TestAgentOsOptions = options): Promise<TestAgentOs> {
  const os = await createTestAgentOs(more);
  open.push(os);
  return os;
}

/** The error that keeps the kit from starting. */
function startError(wrong: TestAgentOsOptions): Promise<unknown> {
  return createTestAgentOs(wrong).catch((error: unknown) => error);
}

describe('createTestAgentOs()', () => {
  it.each(['express', 'fastify'] as const)(
    'serves agents on a real socket, with client and spy (%s)',
    async (adapter) => {
      const os = await start({ ...options, ...(adapter === 'fastify' && { adapter: new FastifyAdapter() }) });

      const run = await os.client.run('support', 'hi');
      await os.hooks.next('notify', { state: 'succeeded' });

      expect([run.status, run.content]).toEqual([200, 'You asked: hi']);
      expect(os.app.get(Journal).entries).toEqual(['You asked: hi']);
      expect(os.agentOs).toBe(os.app.get(AgentOsService));
      expect((await fetch(`${os.url}/health`, { headers: { connection: 'close' } })).status).toBe(200);
      os.hooks.assertRanAfterResponse(run, 'notify');
    },
  );

  it("passes the module's options, imports and controllers on, and lets the test configure the application", async () => {
    @Module({ controllers: [OwnController] })
    class OwnModule {}
    const os = await start({
      ...options,
      isGlobal: true,
      imports: [OwnModule],
      http: { prefix: 'os', securityKey: 'secret' },
      configure: (app) => void app.setGlobalPrefix('api'),
    });

    expect((await os.client.run('support', 'hi')).status).toBe(401);
    const admin = os.client.withHeaders({ authorization: 'Bearer secret' });
    expect((await admin.run('support', 'hi')).content).toBe('You asked: hi');
    const own = await fetch(`${os.url}/api/own`, { headers: { connection: 'close' } });
    expect(await own.text()).toBe('You asked: hi');
  });

  it('runs background hooks before the answer with hooks: "inline"', async () => {
    const os = await start({ ...options, hooks: 'inline' });

    const run = await os.client.run('support', 'hi');

    expect(os.app.get(Journal).entries).toEqual(['You asked: hi']);
    expect(() => os.hooks.assertRanAfterResponse(run, 'notify')).toThrow(
      /to run after the response of run .*, but it started before the response had closed/,
    );
  });

  it('answers with hooks: "inline" although a hook fails', async () => {
    const failing = inBackground('failing', () => Promise.reject(new Error('no')));
    const agent = new Agent({ id: 'support', engine: () => 'fine', postHooks: [failing] });
    const os = await start({ agents: [agent], hooks: 'inline', logger: false });

    expect((await os.client.run('support', 'hi')).content).toBe('fine');
    await os.hooks.next('failing', { state: 'failed', timeout: 0 });
  });

  it('refuses an unknown mode, and an executor that would not be used, by name', async () => {
    await expect(startError({ hooks: 'held' as never })).resolves.toMatchObject({
      message: 'createTestAgentOs(): expected hooks to be "real", "inline" or "hold", got "held".',
    });
    await expect(startError({ hooks: 'hold', executor: {} as never })).resolves.toMatchObject({
      message: expect.stringContaining("hooks: 'hold' has an executor of its own"),
    });
  });

  it('rejects with the error that keeps the application from starting, and does not end the process', async () => {
    const twin = AgentOsModule.forRoot({});

    await expect(startError({ ...options, logger: false, imports: [twin] })).resolves.toMatchObject({
      message: expect.stringContaining('AgentOsModule is configured 2 times'),
    });
  });
});

describe('TestAgentOs.close()', () => {
  it('cuts off requests, cancels runs in flight and does not wait for their end', async () => {
    const engine = scriptedEngine().hang().nextRun().text('one ').hang();
    const os = await createTestAgentOs({
      agents: [new Agent({ id: 'support', engine })],
      logger: false,
      // Longer than the test may take.
      shutdownTimeout: 600_000,
    });
    const pending = os.client.run('support', 'hi');
    await engine.hanging();
    const stream = os.client.stream('support', 'hi');
    await stream.until('RunContent');

    await os.close();

    await expect(pending).rejects.toThrow('disconnected before its answer was complete');
    await expect(stream.rest()).rejects.toThrow('disconnected before its answer was complete');
    expect(os.agentOs.listRuns()).toEqual([]);
    await expect(fetch(os.url)).rejects.toThrow();
  });

  it('ends the application once, however often it is called, also by `await using`', async () => {
    const os = await createTestAgentOs(options);

    await Promise.all([os.close(), os.close(), os[Symbol.asyncDispose]()]);

    await expect(fetch(os.url)).rejects.toThrow();
  });

  it('names the held hooks that were never released, and ends the application', async () => {
    const os = await createTestAgentOs({ ...options, hooks: 'hold' });
    const { runId } = await os.client.run('support', 'hi');

    await expect(os.close()).rejects.toThrow(
      new RegExp(`were held and never released.*"notify" of agent "support", run ${runId}: scheduled`, 's'),
    );

    expect(os.hooks.of(runId)).toMatchObject([{ hook: 'notify', state: 'dropped' }]);
    await expect(fetch(os.url)).rejects.toThrow();
  });

  it('waits a second for running background hooks', async () => {
    const gate = createGate();
    const started = createGate();
    const slow = inBackground('slow', () => {
      started.open();
      return gate.opened;
    });
    const agent = new Agent({ id: 'support', engine: () => 'fine', postHooks: [slow] });
    const os = await createTestAgentOs({ agents: [agent], logger: false });
    await os.client.run('support', 'hi');
    await started.opened;

    const closed = os.close();
    gate.open();
    await closed;

    os.hooks.assertRan('slow', { times: 1 });
    expect(os.hooks.of((await os.hooks.next('slow', { state: 'succeeded' })).runId)).toHaveLength(1);
  });
});
