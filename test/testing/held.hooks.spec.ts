import { afterEach, describe, expect, it } from '@jest/globals';
import { Test } from '@nestjs/testing';
import { Agent, AgentOsModule, AgentOsService } from 'nestjs-agentos';
import { HookExecutor } from 'nestjs-agentos/executor';
import { createTestAgentOs, HeldHooks, scriptedEngine, type TestAgentOs } from 'nestjs-agentos/testing';

import { inBackground } from '../support/background-hook.js';
import { HookHarness } from '../support/hook-harness.js';

describe('Held hooks', () => {
  let os: TestAgentOs;
  let ran: string[] = [];

  afterEach(async () => {
    os.dropAll();
    await os.close();
    ran = [];
  });

  const record = (name: string) =>
    inBackground(
      name,
      ({ runInput, hook }) => void ran.push(`${name} ${runInput.content} ${hook.delivered}`),
    );
  const engine = ({ input }: { readonly input: string }) => input;
  const support = new Agent({ id: 'support', engine, postHooks: [record('notify'), record('audit')] });

  it('are listed in the order of their runs', async () => {
    os = await createTestAgentOs({ agents: [support], hooks: 'hold' });
    const one = await os.client.run('support', 'one');
    const two = await os.client.run('support', 'two');

    expect(os.held().map(({ hook, runId }) => [hook, runId])).toEqual([
      ['notify', one.runId],
      ['audit', one.runId],
      ['notify', two.runId],
      ['audit', two.runId],
    ]);
    expect(os.held({ run: two })).toHaveLength(2);
    expect(ran).toEqual([]);
  });

  it('run when their name is released, while others stay held', async () => {
    os = await createTestAgentOs({ agents: [support], hooks: 'hold' });
    await os.client.run('support', 'one');
    const two = await os.client.run('support', 'two');

    expect(await os.release('audit', { run: two })).toMatchObject([{ hook: 'audit', state: 'succeeded' }]);
    expect(ran).toEqual(['audit two true']);
    expect(await os.release('notify')).toHaveLength(2);
    expect(ran).toEqual(['audit two true', 'notify one true', 'notify two true']);
    expect(os.held().map(({ hook }) => hook)).toEqual(['audit']);
  });

  it('run in order within a run when all are released, hooks that they add included', async () => {
    const asking = inBackground('asking', async () => void (await os.agentOs.run('support', 'inner')));
    const outer = new Agent({ id: 'outer', engine, postHooks: [asking, record('last')] });
    os = await createTestAgentOs({ agents: [support, outer], hooks: 'hold' });
    await os.client.run('outer', 'hi');

    expect((await os.releaseAll()).map(({ hook }) => hook)).toEqual(['asking', 'last', 'notify', 'audit']);
    expect(ran).toEqual(['last hi true', 'notify inner undefined', 'audit inner undefined']);
  });

  it('wait for the response of their run, and name it if it does not close', async () => {
    os = await createTestAgentOs({ agents: [support], hooks: 'hold' });
    const harness = new HookHarness();
    const held = new HeldHooks();
    const batch = harness.batch('run', { notify: () => ran.push('notify'), audit: () => ran.push('audit') });
    await held.executor.accept(batch);

    await expect(held.release('notify', { timeout: 1 })).rejects.toThrow(
      'the response of run run has not closed within 1 ms, so "notify" cannot run after it.',
    );
    expect(held.held().map(({ hook }) => hook)).toEqual(['notify', 'audit']);
    const releasing = held.releaseAll();
    expect(ran).toEqual([]);
    held.executor.release(batch, true);
    await releasing;

    expect(ran).toEqual(['notify', 'audit']);
  });

  it('know that the response of a client that left was not delivered', async () => {
    const hanging = scriptedEngine().hang().text('late');
    const agent = new Agent({ id: 'support', engine: hanging, postHooks: [record('notify')] });
    os = await createTestAgentOs({ agents: [agent], hooks: 'hold' });
    const run = os.client.run('support', 'hi');
    await hanging.hanging();
    await run.leave();
    hanging.proceed();
    await os.hooks.next('notify', { state: 'scheduled' });
    await run.catch(() => undefined);
    // The run has settled when its hooks are held.
    while (os.held().length === 0) await new Promise((resolve) => setImmediate(resolve));

    await os.release('notify');

    expect(ran).toEqual(['notify hi false']);
  });

  it('end in the ledger as in any other application', async () => {
    const failing = inBackground('failing', () => Promise.reject(new Error('no')));
    os = await createTestAgentOs({
      agents: [new Agent({ id: 'support', engine, postHooks: [failing] })],
      hooks: 'hold',
      logger: false,
    });
    await os.client.run('support', 'hi');

    expect(await os.release('failing')).toMatchObject([{ state: 'failed', errorName: 'Error' }]);
    expect(os.held()).toEqual([]);
    await os.agentOs.drain();
  });

  it('are listed in the error when a name that is not held is released', async () => {
    os = await createTestAgentOs({ agents: [support], hooks: 'hold' });
    const { runId } = await os.client.run('support', 'hi');

    await expect(os.release('notfy')).rejects.toThrow(
      'release(): no hook "notfy" is held. Held: "audit", "notify".',
    );
    await expect(os.release('notify', { run: 'x' })).rejects.toThrow('no hook "notify" of run x is held');
    expect(os.held({ run: runId })).toHaveLength(2);
  });

  it('make drain() reject instead of waiting for ever, and let it wait for running hooks', async () => {
    os = await createTestAgentOs({ agents: [support], hooks: 'hold' });
    await os.client.run('support', 'hi');

    await expect(os.agentOs.drain()).rejects.toThrow(/these hooks are held.*"notify".*"audit"/s);
    const released = os.releaseAll();
    await os.agentOs.drain();
    expect(ran).toHaveLength(2);
    await released;
  });

  it('are dropped on request, and are not held any more afterwards', async () => {
    os = await createTestAgentOs({ agents: [support], hooks: 'hold' });
    const run = await os.client.run('support', 'hi');

    os.dropAll();

    expect(os.held()).toEqual([]);
    expect(os.hooks.of(run)).toMatchObject([{ state: 'dropped' }, { state: 'dropped' }]);
    os.hooks.assertNotRun('notify');
  });

  it.each(['held', 'release', 'releaseAll', 'dropAll'] as const)(
    'are required by %s(), whose error names the missing option',
    async (method) => {
      const real = await createTestAgentOs({ agents: [support] });
      const call = async (): Promise<unknown> => real[method]('notify');

      await expect(call()).rejects.toThrow(
        `${method}(): no hooks are held. Call createTestAgentOs({ …, hooks: 'hold' }).`,
      );
      await real.close();
      os = await createTestAgentOs({ agents: [support], hooks: 'hold' });
    },
  );

  it('are available in an application of @nestjs/testing, through its executor', async () => {
    os = await createTestAgentOs({ agents: [support], hooks: 'hold' });
    const held = new HeldHooks();
    const testing = await Test.createTestingModule({
      imports: [AgentOsModule.forRoot({ agents: [support] })],
    })
      .overrideProvider(HookExecutor)
      .useValue(held.executor)
      .compile();
    const app = await testing.createNestApplication({ logger: false }).init();
    await app.get(AgentOsService).run('support', 'hi');

    expect(held.held()).toHaveLength(2);
    await held.releaseAll();
    expect(ran).toEqual(['notify hi undefined', 'audit hi undefined']);
    await app.close();
  });
});
