import { setImmediate as nextTurn } from 'node:timers/promises';

import { Injectable } from '@nestjs/common';
import { afterEach, describe, expect, it } from '@jest/globals';
import {
  Agent,
  AgentOsConfigurationError,
  Guardrail,
  Hook,
  hookRef,
  Team,
  type HookLike,
  type PreHookContext,
} from 'nestjs-agentos';

import { closeApps, startApp } from '../support/test-app.js';

const METHODS = ['background', 'onFailure', 'inline', 'guard'] as const;

@Injectable()
class EveryKind {
  readonly steps: string[] = [];

  @Hook({ runInBackground: true })
  background(context: PreHookContext): Promise<void> {
    return this.#record(context);
  }

  @Hook({ runInBackground: true, on: ['failed'], retry: { attempts: 2 } })
  onFailure(context: PreHookContext): Promise<void> {
    return this.#record(context);
  }

  @Hook({ runInBackground: false })
  inline(context: PreHookContext): Promise<void> {
    return this.#record(context);
  }

  @Guardrail()
  guard(context: PreHookContext): Promise<void> {
    return this.#record(context);
  }

  async #record({ hook, component }: PreHookContext): Promise<void> {
    await nextTurn();
    this.steps.push(`${component.id}: ${hook.name}, ${hook.mode}`);
  }
}

/** A team and its member with the same hooks before and after each. */
function hooked(hooks: HookLike<PreHookContext>[]): Team {
  const options = { preHooks: hooks, postHooks: hooks };
  const member = new Agent({ id: 'member', engine: () => 'hi', ...options });
  return new Team({
    id: 'team',
    members: [member],
    engine: ({ delegate }) => delegate('member', ''),
    ...options,
  });
}

const IN_ORDER = ['team', 'member', 'member', 'team'].flatMap((id) =>
  METHODS.map((method) => `${id}: ${method}, inline`),
);

afterEach(closeApps);

describe('A direct run', () => {
  it('of a bare definition runs all hooks inline, in order, and decorators have no effect', async () => {
    const hooks = new EveryKind();
    const root = hooked(METHODS.map((method) => hookRef(hooks, method)));

    const { content } = await root.run('hello');

    expect([...hooks.steps, content]).toEqual([...IN_ORDER, 'hi']);
  });

  it('of a handle from AgentOsService.get() runs hooks of the container inline, in order', async () => {
    const root = hooked(METHODS.map((method) => hookRef(EveryKind, method)));
    const { app, agentOs } = await startApp({
      agentOs: { teams: [root], runHooksInBackground: true },
      providers: [EveryKind],
    });

    const { content } = await agentOs.get('team').run('hello');

    expect([...app.get(EveryKind).steps, content]).toEqual([...IN_ORDER, 'hi']);
    expect(await agentOs.executions.list()).toEqual([]);
  });

  it('refuses a class reference on a bare definition, and names the remedy', async () => {
    const agent = new Agent({
      id: 'bare',
      engine: () => 'hi',
      postHooks: [hookRef(EveryKind, 'background')],
    });

    await expect(agent.run('hello')).rejects.toThrow(
      new AgentOsConfigurationError(
        'postHooks[0] of agent "bare": EveryKind is a class, and outside AgentOS there is no container to take its ' +
          'instance from. Run the component through AgentOsService, or pass an instance: ' +
          "hookRef(new EveryKind(…), 'method').",
      ),
    );
  });
});
