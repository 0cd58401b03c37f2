import { afterEach, describe, expect, it } from '@jest/globals';
import {
  Agent,
  defineGuardrail,
  defineHook,
  type HookFunction,
  type PostHookContext,
  type PreHookContext,
} from 'nestjs-agentos';
import { createGate } from 'nestjs-agentos/testing';
import { EMPTY, from, NEVER } from 'rxjs';

import { inBackground } from '../support/background-hook.js';
import { FAILING_HOOKS } from '../support/failing-hooks.js';
import { raise } from '../support/raise.js';
import { ask, DOMAIN_SURFACES } from '../support/surfaces.js';
import { closeApps, startApp } from '../support/test-app.js';
import { recordUnhandledRejections } from '../support/unhandled-rejections.js';
import { openExecutions } from '../support/hook-executions.js';

afterEach(closeApps);

const failing = Object.entries(FAILING_HOOKS).map(([name, hook]) => ({ name, ...hook }));

type Resolve = (value?: unknown) => void;

/** What hooks return although nobody asked them to. */
const RETURNED: Readonly<Record<string, () => unknown>> = {
  'a number': () => 42,
  'not a number': () => NaN,
  'a string': () => 'done',
  null: () => null,
  'a function': () => () => raise(new Error('not to be called')),
  'a generator': () =>
    (function* () {
      yield raise(new Error('not to be started'));
    })(),
  'an object with a then that is no function': () => ({ then: 'later' }),
  'a frozen object': () => Object.freeze({}),
  'a thenable': () => ({ then: (resolve: Resolve) => resolve() }),
  'a thenable that resolves, then rejects, then throws': () => ({
    then: (resolve: Resolve, reject: Resolve) => {
      resolve();
      reject(new Error('too late'));
      throw new Error('too late');
    },
  }),
  'a thenable of a thenable': () => ({
    then: (resolve: Resolve) => resolve({ then: (innerResolve: Resolve) => innerResolve() }),
  }),
  'an observable': () => from([1, 2, 3]),
  'an empty observable': () => EMPTY,
};

describe.each(DOMAIN_SURFACES)('Hooks with faults, on $adapter over $transport', ({ adapter, transport }) => {
  it('may return a value that is not a promise: the hook has succeeded and the next one starts', async () => {
    const unhandled = recordUnhandledRejections();
    const ran: string[] = [];
    const postHooks = Object.entries(RETURNED).flatMap(([name, returned]) => [
      inBackground(name, returned),
      inBackground(`after ${name}`, () => void ran.push(name)),
    ]);
    const agent = new Agent({ id: 'support', engine: () => 'the answer', postHooks });
    const { url, agentOs, log } = await startApp({ adapter, agentOs: { agents: [agent] } });

    const { body } = await ask(url, '/agents/support', 'hello', transport);
    await agentOs.drain();

    expect(body.content).toBe('the answer');
    expect(ran).toEqual(Object.keys(RETURNED));
    expect([(await agentOs.executions.counts()).succeeded, log.messages('error')]).toEqual([
      2 * ran.length,
      [],
    ]);
    expect(await unhandled.stop()).toEqual([]);
  });

  it('may destroy all their data: the answer, the session, later hooks and later runs do not notice', async () => {
    const seen: unknown[] = [];
    const look = ({ runInput, runContext, runOutput, session, component, hook }: PostHookContext): void => {
      const { content, status, messages, metadata } = runOutput;
      seen.push({
        ...{
          input: runInput.content,
          user: runContext.userId,
          session: session.id,
          component: component.id,
        },
        ...{ content, status, messages: messages.length, metadata, delivered: hook.delivered },
      });
    };
    const agent = new Agent({
      id: 'support',
      engine: ({ input, messages }) => ({
        content: `answer ${messages.length} to ${input}`,
        metadata: { tags: ['a'] },
      }),
      preHooks: [inBackground<PreHookContext>('early vandal', destroy)],
      postHooks: [inBackground('vandal', destroy), inBackground('look', look)],
    });
    const { url, agentOs } = await startApp({ adapter, agentOs: { agents: [agent] } });
    const fields = { session_id: 'one', user_id: 'ada' };

    const first = await ask(url, '/agents/support', 'hello', transport, fields);
    await agentOs.drain();
    const second = await ask(url, '/agents/support', 'again', transport, fields);
    await agentOs.drain();

    expect(await agentOs.executions.counts()).toMatchObject({ succeeded: 6, failed: 0 });
    // The second question comes after the first one and its answer: the session has survived.
    expect([first.body.content, second.body.content]).toEqual(['answer 1 to hello', 'answer 3 to again']);
    const common = { user: 'ada', session: 'one', component: 'support', status: 'COMPLETED', messages: 2 };
    expect(seen).toEqual([
      {
        ...common,
        input: 'hello',
        content: 'answer 1 to hello',
        metadata: { tags: ['a'] },
        delivered: true,
      },
      {
        ...common,
        input: 'again',
        content: 'answer 3 to again',
        metadata: { tags: ['a'] },
        delivered: true,
      },
    ]);
  });

  it('may block the event loop after the answer has been sent', async () => {
    const ran: string[] = [];
    const agent = new Agent({
      id: 'support',
      engine: () => 'the answer',
      postHooks: [
        inBackground(
          'blocker',
          () => void ran.push(Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 50)),
        ),
        inBackground('next', () => void ran.push('next')),
      ],
    });
    const { url, agentOs } = await startApp({ adapter, agentOs: { agents: [agent] } });

    const { body } = await ask(url, '/agents/support', 'hello', transport);
    await agentOs.drain();

    expect([body.content, ran]).toEqual(['the answer', ['timed-out', 'next']]);
    expect(await agentOs.executions.counts()).toMatchObject({ succeeded: 2, timed_out: 0 });
  });

  it('may fail inline in every way: a post-hook changes nothing, a guardrail ends its run', async () => {
    const unhandled = recordUnhandledRejections();
    const inline = failing.map(({ name, hook }) => defineHook(hook, { name, runInBackground: false }));
    const guards = failing.map(
      ({ name, hook }, index) =>
        new Agent({
          id: `guarded-${index}`,
          engine: () => 'unseen',
          postHooks: [defineGuardrail(hook, { name })],
        }),
    );
    const open = new Agent({ id: 'open', engine: () => 'the answer', postHooks: inline });
    const { url, agentOs } = await startApp({ adapter, agentOs: { agents: [open, ...guards] } });

    const answer = await ask(url, '/agents/open', 'hello', transport);
    const guarded = await Promise.all(guards.map(({ id }) => ask(url, `/agents/${id}`, 'hello', transport)));

    expect(answer.body.content).toBe('the answer');
    expect(new Set(guarded.map(({ body }) => body.error_type))).toEqual(new Set(['guardrail_failed']));
    expect(await agentOs.executions.counts()).toMatchObject({ failed: 2 * failing.length, succeeded: 0 });
    expect(await openExecutions(agentOs)).toBe(0);
    expect(await unhandled.stop()).toEqual([]);
  });
});

describe('Hooks with faults', () => {
  it('are awaited if they return a thenable or an observable', async () => {
    const steps: string[] = [];
    const gates = [createGate(), createGate()] as const;
    const started = [createGate(), createGate()] as const;
    const agent = new Agent({
      id: 'support',
      engine: () => 'the answer',
      postHooks: [
        inBackground('thenable', () => {
          started[0].open();
          return {
            then: (resolve: Resolve) => void gates[0].opened.then(() => resolve(steps.push('thenable'))),
          };
        }),
        inBackground('observable', () => {
          started[1].open();
          return from(gates[1].opened.then(() => steps.push('observable')));
        }),
        inBackground('next', () => void steps.push('next')),
      ],
    });
    const { agentOs } = await startApp({ agentOs: { agents: [agent] } });

    await agentOs.run('support', 'hello');
    for (const index of [0, 1] as const) {
      await started[index].opened;
      steps.push(`gate ${index}`);
      gates[index].open();
    }
    await agentOs.drain();

    expect(steps).toEqual(['gate 0', 'thenable', 'gate 1', 'observable', 'next']);
  });

  it('that never settle occupy their place no longer than their timeout, even with one place for all runs', async () => {
    const ran: string[] = [];
    const never: readonly HookFunction<PostHookContext>[] = [
      inBackground('promise', () => new Promise(() => undefined), { timeout: 10 }),
      inBackground('thenable', () => ({ then: () => undefined }), { timeout: 10 }),
      inBackground('observable', () => NEVER, { timeout: 10 }),
      inBackground('condition', () => 'unwanted', { timeout: 10, when: () => new Promise(() => undefined) }),
    ];
    const last = inBackground('last', ({ runInput }) => void ran.push(runInput.content));
    const agent = new Agent({ id: 'support', engine: () => 'the answer', postHooks: [...never, last] });
    const { agentOs } = await startApp({
      // A report that never ends holds nothing up either.
      agentOs: { agents: [agent], concurrency: 1, onHookError: () => new Promise(() => undefined) },
    });

    await Promise.all(['one', 'two', 'three'].map((input) => agentOs.run('support', input)));
    await agentOs.drain();

    expect(ran).toEqual(['one', 'two', 'three']);
    expect(await agentOs.executions.counts()).toMatchObject({ timed_out: 12, succeeded: 3 });
  });

  it('fail if their condition fails', async () => {
    const conditions = {
      throws: () => raise(new RangeError('x')),
      rejects: async () => raise(new TypeError('x')),
    };
    const agent = new Agent({
      id: 'support',
      engine: () => 'the answer',
      postHooks: Object.entries(conditions).map(([name, when]) =>
        inBackground(name, () => 'unwanted', { when }),
      ),
    });
    const { agentOs } = await startApp({ agentOs: { agents: [agent] } });

    await agentOs.run('support', 'hello');
    await agentOs.drain();

    expect(
      (await agentOs.executions.list()).map(({ hook, state, errorName }) => [hook, state, errorName]),
    ).toEqual([
      ['rejects', 'failed', 'TypeError'],
      ['throws', 'failed', 'RangeError'],
    ]);
  });

  it('fail in the same way if the client has left', async () => {
    const unhandled = recordUnhandledRejections();
    const engine = createGate();
    const agent = new Agent({
      id: 'support',
      engine: async function* () {
        yield 'the beginning';
        await engine.opened;
      },
      postHooks: failing.map(({ name, hook }) => inBackground(name, hook)),
    });
    const app = await startApp({ agentOs: { agents: [agent] } });
    const settled = new Promise<void>((resolve) => {
      let failed = 0;
      app.agentOs.hookEvents.subscribe(({ state }) => {
        if (state === 'failed' && ++failed === 2 * failing.length) resolve();
      });
    });

    const impatient = app.client.stream('support', 'hello');
    await impatient.until('RunContent');
    const patient = app.client.stream('support', 'hello');
    await patient.until('RunContent');
    await impatient.leave();
    engine.open();
    await patient.rest();
    await settled;

    expect(await openExecutions(app.agentOs)).toBe(0);
    expect(await unhandled.stop()).toEqual([]);
  });
});

/** Changes, empties and freezes whatever it can reach. */
function destroy(context: object): void {
  const reached = new Set<object>();
  const wreck = (value: unknown): void => {
    if (typeof value !== 'object' || value === null || reached.has(value)) return;
    reached.add(value);
    for (const key of Reflect.ownKeys(value)) {
      wreck(Reflect.get(value, key));
      Reflect.set(value, key, key === 'length' ? 0 : 'destroyed');
      Reflect.deleteProperty(value, key);
    }
    Object.freeze(value);
  };
  for (const name of ['runInput', 'runContext', 'runOutput', 'session', 'component', 'agent', 'hook']) {
    wreck(Reflect.get(context, name));
  }
  wreck(context);
}
