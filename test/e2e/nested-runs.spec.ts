import { setImmediate as nextTurn } from 'node:timers/promises';

import { Injectable, Module } from '@nestjs/common';
import { afterEach, describe, expect, it } from '@jest/globals';
import {
  Agent,
  AgentOsModule,
  condition,
  defineHook,
  Hook,
  hookRef,
  loop,
  parallel,
  router,
  Team,
  Workflow,
  type Component,
  type PostHookContext,
  type RunContext,
} from 'nestjs-agentos';
import type { StepLike } from 'nestjs-agentos/workflow';
import { createGate } from 'nestjs-agentos/testing';

import { inBackground } from '../support/background-hook.js';
import { pathOf, registrationOf } from '../support/registration.js';
import { ask, DOMAIN_SURFACES } from '../support/surfaces.js';
import { closeApps, startApp, type Adapter, type TestApp } from '../support/test-app.js';

/** Hooks of the component at the bottom. In the background they wait until the test has read the answer. */
@Injectable()
class BottomHooks {
  readonly steps: string[] = [];
  readonly answered = createGate();

  @Hook({ runInBackground: true })
  marked(context: PostHookContext): Promise<void> {
    return this.#record(context);
  }

  @Hook()
  unmarked(context: PostHookContext): Promise<void> {
    return this.#record(context);
  }

  async #record({ hook, component, runOutput }: PostHookContext): Promise<void> {
    if (hook.mode === 'background') await this.answered.opened;
    this.steps.push(
      `${hook.mode} hook of ${component.id}, delivered: ${hook.delivered}, ${runOutput.content}`,
    );
  }
}

/** The two ways in which a hook gets into the background. */
const WAYS = [
  { way: 'its decorator', method: 'marked', runHooksInBackground: false },
  { way: 'the switch', method: 'unmarked', runHooksInBackground: true },
] as const;

function team(id: string, member: Component): Team {
  return new Team({ id, members: [member], engine: ({ input, delegate }) => delegate(member.id, input) });
}

function workflow(id: string, ...steps: StepLike[]): Workflow {
  return new Workflow({ id, steps });
}

/** Where the component at the bottom can be. */
const PLACES: { place: string; above(bottom: Agent): Component }[] = [
  { place: 'a registered agent', above: (bottom) => bottom },
  { place: 'a member of a team', above: (bottom) => team('root', bottom) },
  {
    place: 'a member three teams deep',
    above: (bottom) => team('root', team('middle', team('inner', bottom))),
  },
  { place: "a workflow's step", above: (bottom) => workflow('root', bottom) },
  { place: "a member of a step's team", above: (bottom) => workflow('root', team('inner', bottom)) },
  { place: "a nested workflow's step", above: (bottom) => workflow('root', workflow('inner', bottom)) },
  {
    place: 'a step inside parallel, loop, condition and router',
    above: (bottom) =>
      workflow(
        'root',
        parallel('at once', [
          loop('again', {
            maxIterations: 1,
            steps: [
              condition('if', {
                when: () => true,
                then: [router('one of', { choose: () => 'bottom', routes: [bottom] })],
              }),
            ],
          }),
        ]),
      ),
  },
  {
    place: 'a component that an engine runs',
    above: (bottom) =>
      new Agent({ id: 'root', engine: async ({ input }) => (await bottom.run(input)).content }),
  },
  {
    place: 'a component that an inline hook runs',
    above: (bottom) => {
      const judge = defineHook(
        async ({ runOutput }: PostHookContext) => void (runOutput.content = (await bottom.run('x')).content),
        { name: 'judge', runInBackground: false },
      );
      return new Agent({ id: 'root', engine: () => 'unjudged', postHooks: [judge] });
    },
  },
];

interface Arrival {
  readonly root: Component;
  readonly adapter: Adapter;
  readonly runHooksInBackground: boolean;
}

function startListed({ root, adapter, runHooksInBackground }: Arrival): Promise<TestApp> {
  const agentOs = { ...registrationOf(root), runHooksInBackground };
  return startApp({ adapter, agentOs, providers: [BottomHooks] });
}

function startFromFactory({ root, adapter, runHooksInBackground }: Arrival): Promise<TestApp> {
  @Module({ providers: [{ provide: 'ROOT', useFactory: () => root }], exports: ['ROOT'] })
  class ComponentsModule {}
  const agentOsModule = AgentOsModule.forRootAsync({
    imports: [ComponentsModule],
    inject: ['ROOT'],
    useFactory: (made: Component) => ({ ...registrationOf(made), runHooksInBackground }),
  });
  return startApp({ adapter, agentOsModule, providers: [BottomHooks] });
}

async function startThenRegister({ root, adapter, runHooksInBackground }: Arrival): Promise<TestApp> {
  const agentOs = { runHooksInBackground };
  const app = await startApp({ adapter, agentOs, providers: [BottomHooks] });
  app.agentOs.register(root);
  return app;
}

const CASES = [
  ...PLACES.map((place) => ({ ...place, start: startListed })),
  {
    place: 'an agent from a factory provider of forRootAsync',
    above: (bottom: Agent): Component => bottom,
    start: startFromFactory,
  },
  {
    place: 'a member of a team registered while the application runs',
    above: (bottom: Agent): Component => team('root', bottom),
    start: startThenRegister,
  },
].flatMap((place) => WAYS.map((way) => ({ ...place, ...way })));

afterEach(closeApps);

describe.each(DOMAIN_SURFACES)('Nested runs ($adapter, $transport)', ({ adapter, transport }) => {
  it.each(CASES)(
    "G3: the mode is resolved at run time from the run's scope: $way reaches $place",
    async ({ above, start, method, runHooksInBackground }) => {
      const postHooks = [hookRef(BottomHooks, method)];
      const root = above(new Agent({ id: 'bottom', engine: () => 'hi', postHooks }));
      const { app, agentOs, url } = await start({ root, adapter, runHooksInBackground });
      const { steps, answered } = app.get(BottomHooks);

      const { status } = await ask(url, pathOf(root), 'hello', transport);
      steps.push(`answered with ${status}`);
      answered.open();
      await agentOs.drain();

      expect(steps).toEqual(['answered with 200', 'background hook of bottom, delivered: true, hi']);
    },
  );
});

describe('A definition of a component', () => {
  it("G3: the mode is never written onto components: one definition runs in each application's way", async () => {
    const hooks = new BottomHooks();
    hooks.answered.open();
    const agent = new Agent({ id: 'bottom', engine: () => 'hi', postHooks: [hookRef(hooks, 'unmarked')] });
    const on = await startListed({ root: agent, adapter: 'express', runHooksInBackground: true });
    const off = await startListed({ root: agent, adapter: 'express', runHooksInBackground: false });

    await on.agentOs.run('bottom', 'hello');
    await on.agentOs.drain();
    await off.agentOs.run('bottom', 'hello');
    await agent.run('hello');

    expect(hooks.steps).toEqual([
      'background hook of bottom, delivered: undefined, hi',
      'inline hook of bottom, delivered: undefined, hi',
      'inline hook of bottom, delivered: undefined, hi',
    ]);
  });

  it("G3: a component's run() called inside an AgentOS run joins that run's tree", async () => {
    const seen: object[] = [];
    const look = inBackground('look', ({ component, runContext }) => {
      seen.push({ id: component.id, ...idsOf(runContext) });
    });
    const improvised = new Agent({ id: 'improvised', engine: () => 'hi', postHooks: [look] });
    const host = new Agent({
      id: 'host',
      engine: async ({ input }) => {
        const { content } = await improvised.run(input);
        // Let go by itself, the inner run's hook would have run by now.
        await nextTurn();
        seen.push({ engine: 'goes on' });
        return content;
      },
      postHooks: [look],
    });
    const { agentOs } = await startListed({ root: host, adapter: 'express', runHooksInBackground: false });

    const { runId, sessionId } = await agentOs.run('host', 'hello');
    await agentOs.drain();

    expect(seen).toEqual([
      { engine: 'goes on' },
      { id: 'improvised', parentRunId: runId, sessionId },
      { id: 'host', parentRunId: undefined, sessionId },
    ]);
  });

  it('is conducted by AgentOS in a background hook, too, as a tree of its own', async () => {
    const bottom = new Agent({
      id: 'bottom',
      engine: () => 'hi',
      postHooks: [hookRef(BottomHooks, 'unmarked')],
    });
    const judge = inBackground('judge', async () => {
      steps.push(`judge says ${(await bottom.run('hello')).content}`);
      answered.open();
    });
    const host = new Agent({ id: 'host', engine: () => 'hi', postHooks: [judge] });
    const { app, agentOs } = await startListed({
      root: host,
      adapter: 'express',
      runHooksInBackground: true,
    });
    const { steps, answered } = app.get(BottomHooks);

    await agentOs.run('host', 'hello');
    // The first drain waits for the judge, the second for the hook of the run that the judge has started.
    await agentOs.drain();
    await agentOs.drain();

    expect(steps).toEqual(['judge says hi', 'background hook of bottom, delivered: undefined, hi']);
  });
});

function idsOf({ parentRunId, sessionId }: RunContext): object {
  return { parentRunId, sessionId };
}
