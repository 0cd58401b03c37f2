import { Injectable, Module } from '@nestjs/common';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import {
  Agent,
  AgentOsModule,
  condition,
  Hook,
  hookRef,
  loop,
  parallel,
  router,
  step,
  Team,
  Workflow,
  type AgentOsOptions,
  type Component,
  type PostHookContext,
} from 'nestjs-agentos';
import type { StepLike } from 'nestjs-agentos/workflow';
import { createGate, type Gate } from 'nestjs-agentos/testing';

import { post } from '../support/http-client.js';
import { closeApps, startApp } from '../support/test-app.js';

let gate: Gate;
let ended: string[];

/** Both hooks wait for the gate: what runs inline keeps the caller waiting until it opens. */
@Injectable()
class SlowHooks {
  @Hook(true)
  decorated(context: PostHookContext): Promise<void> {
    return this.#end('decorated', context);
  }

  @Hook()
  switched(context: PostHookContext): Promise<void> {
    return this.#end('switched', context);
  }

  async #end(name: string, { component, hook }: PostHookContext): Promise<void> {
    await gate.opened;
    ended.push(`${name} of ${component.id}: ${hook.mode}`);
  }
}

beforeEach(() => {
  gate = createGate();
  ended = [];
});
afterEach(closeApps);

type HookName = 'decorated' | 'switched';

const hooked = (hook: HookName): Agent =>
  new Agent({ id: 'hooked', engine: () => 'answer', postHooks: [hookRef(SlowHooks, hook)] });
const team = (id: string, member: Component): Team =>
  new Team({ id, members: [member], engine: ({ delegate, input }) => delegate(member.id, input) });
const flow = (...steps: StepLike[]): Workflow => new Workflow({ id: 'root', steps });

/** Where a hook may stand below the component that is called, which is the outermost one. */
const PLACES: Readonly<Record<string, (agent: Agent) => Component>> = {
  'an agent': (agent) => agent,
  'a member of a team': (agent) => team('root', agent),
  'a member of a broadcasting team': (agent) =>
    new Team({
      id: 'root',
      mode: 'broadcast',
      members: [agent],
      engine: ({ answers }) => answers[0]?.content ?? '',
    }),
  'a member of a routing team': (agent) =>
    new Team({
      id: 'root',
      mode: 'route',
      members: [agent],
      engine: ({ delegate }) => delegate(agent.id, 'x'),
    }),
  'a member of a nested team three deep': (agent) => team('root', team('middle', team('inner', agent))),
  'a step': (agent) => flow(agent),
  'a member of the team of a step': (agent) => flow(team('inner', agent)),
  'a step in parallel': (agent) => flow(parallel('block', [agent, step('other', () => 'x')])),
  'a step in a loop': (agent) => flow(loop('block', { steps: [agent], maxIterations: 1 })),
  'a step under a condition': (agent) => flow(condition('block', { when: () => true, then: [agent] })),
  'a step under an else': (agent) =>
    flow(condition('block', { when: () => false, then: [step('then', () => 'x')], else: [agent] })),
  'a route': (agent) => flow(router('block', { choose: () => agent.id, routes: [agent] })),
  'a step of a nested workflow': (agent) => flow(new Workflow({ id: 'inner', steps: [agent] })),
  'a component that an engine runs by itself': (agent) =>
    new Agent({ id: 'root', engine: async () => (await agent.run('x')).content }),
};

describe.each(Object.entries(PLACES))('A hook of %s', (_place, build) => {
  describe.each<HookName>(['decorated', 'switched'])('that is %s', (hook) => {
    it.each(['false', 'true'])('runs after the response (stream=%s)', async (stream) => {
      const component = build(hooked(hook));
      const started = await startApp({
        agentOs: { ...served(component), runHooksInBackground: hook === 'switched' },
        providers: [SlowHooks],
      });

      const response = await post(started.url, `/${component.kind}s/${component.id}`, {
        message: 'x',
        stream,
      });
      await response.text();

      expect(ended).toEqual([]);
      gate.open();
      await started.agentOs.drain();
      expect(ended).toEqual([`${hook} of hooked: background`]);
    });

    it('runs inline when the component is run directly', async () => {
      const component = build(hooked(hook));
      const started = await startApp({
        agentOs: { ...served(component), runHooksInBackground: true },
        providers: [SlowHooks],
      });
      gate.open();

      await started.agentOs.get(component.id).run('x');

      expect(ended).toEqual([`${hook} of hooked: inline`]);
    });
  });
});

describe('A hook of an agent that a Nest factory provides, or that is registered later', () => {
  it.each<HookName>(['decorated', 'switched'])('runs after the response when it is %s', async (hook) => {
    @Module({ providers: [{ provide: 'AGENT', useFactory: () => hooked(hook) }], exports: ['AGENT'] })
    class AgentsModule {}
    const started = await startApp({
      agentOsModule: AgentOsModule.forRootAsync({
        imports: [AgentsModule],
        inject: ['AGENT'],
        useFactory: (agent: Agent) => ({ agents: [agent], runHooksInBackground: hook === 'switched' }),
      }),
      providers: [SlowHooks],
    });
    started.agentOs.register(
      new Agent({ id: 'later', engine: () => 'answer', postHooks: [hookRef(SlowHooks, hook)] }),
    );

    for (const id of ['hooked', 'later']) {
      await (await post(started.url, `/agents/${id}`, { message: 'x', stream: 'false' })).text();
    }

    expect(ended).toEqual([]);
    gate.open();
    await started.agentOs.drain();
    expect([...ended].sort()).toEqual([`${hook} of hooked: background`, `${hook} of later: background`]);
  });
});

function served(component: Component): AgentOsOptions {
  return { [`${component.kind}s`]: [component] };
}
