import { AssertionError } from 'node:assert';

import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { Module } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { Agent, AgentOsModule, AgentOsService, defineHook, Team } from 'nestjs-agentos';
import {
  createGate,
  createTestAgentOs,
  HookSpy,
  scriptedEngine,
  spyOnHooks,
  type TestAgentOs,
} from 'nestjs-agentos/testing';

import { inBackground } from '../support/background-hook.js';

const ran: string[] = [];
let gate = createGate();
const post = (name: string) => inBackground(name, () => void ran.push(name));
const guard = defineHook(() => undefined, { name: 'guard', runInBackground: false });
const failing = inBackground('failing', () => Promise.reject(new RangeError('no')));
const waiting = inBackground('waiting', () => gate.opened);
const skipped = inBackground('skipped', () => undefined, { when: () => false });

const engine = ({ input }: { readonly input: string }) => input;
const member = new Agent({ id: 'member', engine, postHooks: [post('of member')] });
const agents = [
  new Agent({ id: 'support', engine, preHooks: [guard], postHooks: [post('notify'), post('audit')] }),
  new Agent({ id: 'other', engine, postHooks: [post('notify')] }),
  new Agent({ id: 'failing', engine, postHooks: [failing] }),
  new Agent({ id: 'waiting', engine, postHooks: [waiting] }),
  new Agent({ id: 'skipped', engine, postHooks: [skipped] }),
];
const hanging = scriptedEngine().hang().text('late');
const inline = defineHook(() => undefined, { name: 'inline', runInBackground: false });
const team = new Team({
  id: 'desk',
  members: [member],
  engine: ({ input, delegate }) => delegate('member', input),
  postHooks: [post('of team')],
});

describe('spyOnHooks()', () => {
  let os: TestAgentOs;
  let hooks: HookSpy;

  beforeAll(async () => {
    const late = new Agent({ id: 'hanging', engine: hanging, postHooks: [inline] });
    os = await createTestAgentOs({ agents: [...agents, late], teams: [team], logger: false });
  });
  afterAll(() => os.close());

  beforeEach(async () => {
    gate.open();
    gate = createGate();
    await os.agentOs.drain();
    ({ hooks } = os);
    hooks.clear();
  });

  it('refuses an application without the module', async () => {
    @Module({})
    class EmptyModule {}
    const app = await NestFactory.createApplicationContext(EmptyModule, { logger: false });

    expect(() => spyOnHooks(app)).toThrow('spyOnHooks(): the application does not import AgentOsModule.');
    await app.close();
  });

  it('observes an application without HTTP, earlier executions included', async () => {
    @Module({ imports: [AgentOsModule.forRoot({ agents })] })
    class AppModule {}
    const app = await NestFactory.createApplicationContext(AppModule, { logger: false });
    const run = await app.get(AgentOsService).run('support', 'hi');
    await app.get(AgentOsService).drain();

    const spy = spyOnHooks(app);

    expect(await spy.next('notify', { state: 'succeeded' })).toMatchObject({ runId: run.runId });
    spy.assertOrder(run, ['guard', 'notify', 'audit']);
    spy.assertInline(run, 'guard');
    expect(() => spy.assertRanAfterResponse(run, 'notify')).toThrow('or there was no response');
    spy.close();
    await app.close();
  });

  describe('with next()', () => {
    it('resolves with a past execution, and with a future one', async () => {
      const coming = hooks.next('notify', { state: 'succeeded' });
      const run = await os.client.run('support', 'hi');

      expect(await coming).toMatchObject({ hook: 'notify', state: 'succeeded', runId: run.runId });
      await os.agentOs.drain();
      expect(await hooks.next('audit', { timeout: 0 })).toMatchObject({ state: 'succeeded' });
    });

    it('hands every execution out once, in the order of their ends', async () => {
      const first = await os.client.run('support', 'one');
      const second = await os.client.run('support', 'two');

      expect((await hooks.next('notify')).runId).toBe(first.runId);
      expect((await hooks.next('notify')).runId).toBe(second.runId);
      await expect(hooks.next('notify', { timeout: 0 })).rejects.toThrow('has not ended within 0 ms');
    });

    it('hands one execution out to one of several waiting calls', async () => {
      const both = [hooks.next('notify'), hooks.next('notify')];
      await os.client.run('support', 'one');
      await os.client.run('support', 'two');

      const [one, two] = await Promise.all(both);
      expect(one?.runId).not.toBe(two?.runId);
    });

    it('sees each state that an execution passes', async () => {
      await os.client.run('waiting', 'hi');
      const { id } = await hooks.next('waiting', { state: 'scheduled' });

      expect(await hooks.next('waiting', { state: 'running' })).toMatchObject({ id, state: 'running' });
      gate.open();
      expect(await hooks.next('waiting', { state: 'succeeded' })).toMatchObject({ id, state: 'succeeded' });
    });

    it('can be narrowed to a run, a component and a phase', async () => {
      const support = await os.client.run('support', 'hi');
      const other = await os.client.run('other', 'hi');

      expect(await hooks.next('notify', { run: other })).toMatchObject({ runId: other.runId });
      expect(await hooks.next('notify', { component: 'support' })).toMatchObject({ runId: support.runId });
      await expect(hooks.next('notify', { phase: 'pre', timeout: 0 })).rejects.toThrow(
        '"notify" (pre) has not',
      );
    });

    it('rejects after its timeout with the executions so far', async () => {
      const { runId } = await os.client.run('failing', 'hi');
      await hooks.next('failing');

      const late = hooks.next('failing', { state: 'succeeded', timeout: 1 });

      await expect(late).rejects.toThrow(
        'The hook "failing" has not reached the state "succeeded" within 1 ms. Hooks so far: \n' +
          `  - "failing" of agent "failing", run ${runId}: failed (RangeError)`,
      );
      await expect(late).rejects.toBeInstanceOf(AssertionError);
    });

    it('lists the known names at once if no hook has the given one', async () => {
      await expect(hooks.next('notfy')).rejects.toThrow(
        'next(): no component has a hook "notfy". Known hooks: "audit", "failing", "guard", "inline", "notify", ' +
          '"of member", "of team", "skipped", "waiting".',
      );
    });

    it('refuses a timeout that is not a number', async () => {
      await expect(hooks.next('notify', { timeout: '5' as never })).rejects.toThrow(
        'next("notify"): expected timeout to be a number of milliseconds, got 5.',
      );
    });
  });

  it('lists with of() the states of the hooks of a run and its parts, in the order of their start', async () => {
    const run = await os.client.run('desk', 'hi');
    await hooks.next('of team');

    expect(hooks.of(run).map(({ hook, state }) => [hook, state])).toEqual([
      ['of member', 'succeeded'],
      ['of team', 'succeeded'],
    ]);
    expect(hooks.of('another run')).toEqual([]);
  });

  it('throws in expectNoPending() as long as background hooks have not ended, and names them', async () => {
    const { runId } = await os.client.run('waiting', 'hi');
    await hooks.next('waiting', { state: 'running' });

    expect(() => hooks.expectNoPending()).toThrow(`"waiting" of agent "waiting", run ${runId}: running`);
    gate.open();
    await hooks.next('waiting');
    hooks.expectNoPending();
  });

  it('counts starts with assertRan() and assertNotRun()', async () => {
    const run = await os.client.run('support', 'hi');
    await os.client.run('other', 'hi');
    await os.client.run('skipped', 'hi');
    await os.agentOs.drain();

    hooks.assertRan('notify');
    hooks.assertRan('notify', { times: 2 });
    hooks.assertRan('notify', { run, times: 1 });
    hooks.assertNotRun('skipped');
    hooks.assertNotRun('notify', { component: 'desk' });
    expect(() => hooks.assertRan('notify', { times: 3 })).toThrow('to have run 3 times, but it ran 2 times');
    expect(() => hooks.assertRan('skipped')).toThrow(/"skipped" to have run\. .*skipped \(condition\)/s);
    expect(() => hooks.assertNotRun('notify', { run })).toThrow(`run ${run.runId} not to have run. It did:`);
    expect(() => hooks.assertNotRun('notfy')).toThrow('assertNotRun(): no component has a hook "notfy"');
  });

  it('tells the modes apart with assertInline() and assertRanAfterResponse()', async () => {
    const run = await os.client.run('support', 'hi');
    await hooks.next('audit');

    hooks.assertInline(run, 'guard');
    hooks.assertRanAfterResponse(run, 'audit');
    expect(() => hooks.assertInline(run, 'audit')).toThrow('run inline, but it ran in the background');
    expect(() => hooks.assertRanAfterResponse(run, 'guard')).toThrow('but it ran inline');
    expect(() => hooks.assertInline(run, 'failing')).toThrow(
      /"failing" of run .* to have run\. Hooks of run/,
    );
    expect(() => hooks.assertInline(run, 'garud')).toThrow('assertInline(): no component has a hook "garud"');
  });

  it('does not accept in assertRanAfterResponse() an inline hook that runs after its client has left', async () => {
    const run = os.client.run('hanging', 'hi');
    const id = await hanging.hanging();
    await run.leave();
    hanging.proceed();
    await hooks.next('inline', { run: id });

    expect(() => hooks.assertRanAfterResponse(id, 'inline')).toThrow('but it ran inline');
  });

  it("finds in assertRanAfterResponse() the response of a member's hook, which is that of its team", async () => {
    const run = await os.client.run('desk', 'hi');
    const { runId } = await hooks.next('of member');

    hooks.assertRanAfterResponse(runId, 'of member');
    hooks.assertRanAfterResponse(run, 'of member');
  });

  it('compares with assertOrder() the order of starts, whatever runs between', async () => {
    const run = await os.client.run('support', 'hi');
    await hooks.next('audit');

    hooks.assertOrder(run, ['guard', 'notify', 'audit']);
    hooks.assertOrder(run, ['guard', 'audit']);
    expect(() => hooks.assertOrder(run, ['audit', 'notify'])).toThrow(
      'to start in the order audit, notify. They started in the order guard, notify, audit.',
    );
    expect(() => hooks.assertOrder(run, ['notify', 'failing'])).toThrow(AssertionError);
    expect(() => hooks.assertOrder(run, ['nobody'])).toThrow(
      'assertOrder(): no component has a hook "nobody"',
    );
  });

  it('forgets earlier executions at clear()', async () => {
    const run = await os.client.run('support', 'hi');
    await hooks.next('audit');

    hooks.clear();

    expect(hooks.of(run)).toEqual([]);
    hooks.assertNotRun('notify');
  });

  it('ends its watch and its waiting calls at close(), as `using` does', async () => {
    const spy = spyOnHooks(os.app);
    const waiting = spy.next('notify', { phase: 'pre' });
    spy[Symbol.dispose]();
    await expect(waiting).rejects.toThrow('next("notify"): the spy was closed before the hook came.');
    const run = await os.client.run('support', 'hi');
    await hooks.next('audit');

    expect(spy.of(run)).toEqual([]);
  });
});
