import { Injectable } from '@nestjs/common';
import { afterEach, describe, expect, it } from '@jest/globals';
import {
  Agent,
  defineGuardrail,
  defineHook,
  Guardrail,
  Hook,
  hookRef,
  Team,
  Workflow,
  type AgentOptions,
  type AgentOsOptions,
} from 'nestjs-agentos';

import { closeApps, startApp, startUpError, type TestAppOptions } from '../support/test-app.js';

afterEach(closeApps);

@Injectable()
class Hooks {
  @Hook() one(): void {}
  @Hook(true) two(): void {}
  plain(): void {}
}

@Injectable()
class NoHooks {
  plain(): void {}
}

function echo(options: Omit<AgentOptions, 'id' | 'engine'> & { readonly id?: string } = {}): Agent {
  return new Agent({ id: 'echo', engine: ({ input }) => input, ...options });
}

function errorOf(agentOs: AgentOsOptions, options: TestAppOptions = {}): Promise<string> {
  return startUpError({ agentOs, providers: [Hooks, NoHooks], ...options });
}

/** What is wrong with options that the type checker would refuse. */
function postHookError(...postHooks: unknown[]): Promise<string> {
  return errorOf({ agents: [echo({ postHooks: postHooks as never })] });
}

const place = 'postHooks[0] of agent "echo"';

describe('The start fails because of a hook reference', () => {
  it('to an unknown method', async () => {
    expect(await postHookError(hookRef(Hooks, 'three' as never))).toBe(
      `${place}: Hooks has no method "three". Hook methods of Hooks: one, two.`,
    );
  });

  it('to a method without a decorator', async () => {
    expect(await postHookError(hookRef(Hooks, 'plain'))).toBe(
      `${place}: Hooks.plain is not a hook. Mark it with @Hook() or @Guardrail(). Hook methods of Hooks: one, two.`,
    );
  });

  it('to a method of an instance without a decorator', async () => {
    expect(await postHookError(hookRef(new NoHooks(), 'plain'))).toBe(
      `${place}: NoHooks.plain is not a hook. Mark it with @Hook() or @Guardrail().`,
    );
  });

  it('to a class with several hook methods', async () => {
    expect(await postHookError(Hooks)).toBe(
      `${place}: class Hooks has several hook methods (one, two). Name one of them: hookRef(Hooks, 'one').`,
    );
  });

  it('to a class without hook methods', async () => {
    expect(await postHookError(NoHooks)).toBe(
      `${place}: class NoHooks has no hook method. Mark one with @Hook() or @Guardrail().`,
    );
  });

  it.each<[string, unknown, string]>([
    ['undefined', undefined, 'undefined (look for a circular import)'],
    ['a text', 'one', '"one" (string)'],
    ['an instance without a method', new Hooks(), 'an instance of Hooks without a method name'],
  ])('of the wrong kind: %s', async (_name, listed, found) => {
    expect(await postHookError(listed)).toBe(
      `${place}: expected hookRef(Class, 'method'), a class with one hook method or a function, got ${found}.`,
    );
  });

  it('that is undefined because of a circular import', () => {
    expect(() => hookRef(undefined as never, 'one' as never)).toThrow(
      'hookRef() was given undefined. Expected a class, an instance or a function; if it is imported, look for a circular import.',
    );
  });

  it('in the hooks of the module', async () => {
    const error = await errorOf({ preHooks: [hookRef(Hooks, 'three' as never)] });
    expect(error).toContain('preHooks[0] of the module: Hooks has no method "three".');
  });

  it('of a member that is not served itself', async () => {
    const member = echo({ id: 'member', preHooks: [hookRef(Hooks, 'three' as never)] });
    const team = new Team({ id: 'desk', members: [member], engine: () => '' });
    expect(await errorOf({ teams: [team] })).toContain('preHooks[0] of agent "member": Hooks has no method');
  });
});

describe('The start fails because of a decorator', () => {
  it('on a static method', async () => {
    class Audit {
      @Hook() static record(): void {}
    }
    const error = await errorOf({}, { providers: [Audit] });
    expect(error).toBe('Audit.record is static, so Nest has no instance to call it on. Remove "static".');
  });

  it('beside another one on the same method', async () => {
    class Audit {
      @Hook(true) @Guardrail() record(): void {}
    }
    const error = await errorOf(
      { agents: [echo({ postHooks: [hookRef(Audit, 'record')] })] },
      { providers: [Audit] },
    );
    expect(error).toBe('Audit.record has @Guardrail and @Hook. Keep one, and give it all the options.');
  });

  it.each<[string, object, string]>([
    [
      'an unknown option',
      { background: true },
      'unknown option "background". Known options: runInBackground, name',
    ],
    [
      'a mode that is not a boolean',
      { runInBackground: 'yes' },
      'expected runInBackground to be true or false, got "yes".',
    ],
    ['an empty name', { name: ' ' }, 'expected name to be a text that is not empty'],
    [
      'no time',
      { timeout: 0 },
      'expected timeout to be a number of milliseconds from 1 to 2147483647, got 0 (number).',
    ],
    [
      'one attempt',
      { runInBackground: true, retry: { attempts: 1 } },
      'expected retry.attempts to be a whole number from 2 on',
    ],
    [
      'an unknown outcome',
      { runInBackground: true, on: ['done'] },
      'expected on[0] to be "completed", "rejected"',
    ],
    ['a condition that is no function', { when: true }, 'expected when to be a function'],
    ['an unknown verdict', { onError: 'ignore' }, 'expected onError to be "fail" or "continue"'],
  ])('with contradictory options: @Hook with %s', async (_name, options, problem) => {
    const hook = defineHook(function audit() {}, options);
    expect(await postHookError(hook)).toContain(`@Hook on ${place}: ${problem}`);
  });

  it.each<[string, object, string]>([
    [
      'runInBackground',
      { runInBackground: true },
      'a guardrail cannot run in the background, it would guard nothing. Remove runInBackground.',
    ],
    [
      'retry',
      { retry: { attempts: 2 } },
      'unknown option "retry". Known options: name, timeout, when, stream.',
    ],
    ['an unknown way to stream', { stream: 'later' }, 'expected stream to be "hold" or "pass", got "later".'],
  ])('with contradictory options: @Guardrail with %s', async (_name, options, problem) => {
    const guardrail = defineGuardrail(function audit() {}, options);
    expect(await postHookError(guardrail)).toBe(`@Guardrail on ${place}: ${problem}`);
  });

  it.each<[string, unknown]>([
    ['retry', { attempts: 2 }],
    ['on', ['failed']],
    ['concurrency', 1],
    ['rate', { max: 1, per: 1_000 }],
  ])('with "%s" on a hook that is inline by its decorator', async (option, value) => {
    class Audit {
      @Hook({ runInBackground: false, [option]: value })
      record(): void {}
    }
    const agentOs = { agents: [echo({ postHooks: [Audit] })] };
    expect(await errorOf(agentOs, { providers: [Audit] })).toBe(
      `Audit.record, a post-hook of agent "echo", has the option "${option}", which is for background hooks, but it runs ` +
        `inline (decorator). Remove "${option}", or set runInBackground: true.`,
    );
  });

  it('with limits on a function that has no name', async () => {
    const sync = defineHook(() => undefined, { runInBackground: true, concurrency: 1 });
    expect(await postHookError(sync)).toBe(
      `${place}: a function with limits needs a name, by which they are kept over all components and processes. Give it ` +
        'one: defineHook(function sync() { … }, { … }), or set the option "name".',
    );
  });

  it('with other limits for a hook of the same name', async () => {
    const limited = (concurrency: number): Agent =>
      echo({
        id: `with-${concurrency}`,
        postHooks: [defineHook(function sync() {}, { runInBackground: true, concurrency })],
      });
    expect(await errorOf({ agents: [limited(1), limited(2)] })).toBe(
      'function sync, a post-hook of agent "with-2", has other limits than the hook of agent "with-1" with this name: hooks ' +
        'with one name share their limits. Give both the same concurrency and rate, or one of them another name.',
    );
  });

  it('with an option of a reference that belongs to another place', async () => {
    expect(await postHookError(hookRef(Hooks, 'one', { members: true }))).toContain(
      `${place}: the option "members" is only for hooks of the module.`,
    );
    const unknown = hookRef(Hooks, 'one', { mode: 'inline' } as never);
    expect(await postHookError(unknown)).toBe(`${place}: unknown option "mode". Known options: members.`);
  });
});

describe('The start fails because of a duplicate name', () => {
  it('of two hooks of a phase', async () => {
    expect(
      await postHookError(
        hookRef(Hooks, 'one'),
        defineHook(function count() {}, { name: 'one' }),
      ),
    ).toBe(
      'Two post-hooks of agent "echo" are called "one" (Hooks.one and function count). ' +
        'Give one of them another name: @Hook({ name: … }).',
    );
  });

  it('of a hook of the component and a hook of the module', async () => {
    const agents = [echo({ postHooks: [hookRef(Hooks, 'one')] })];
    const postHooks = [defineHook(() => {}, { name: 'one' })];
    expect(await errorOf({ agents, postHooks })).toContain('Two post-hooks of agent "echo" are called "one"');
  });

  it('but not because of one hook in both lists, nor of one name in both phases', async () => {
    const agents = [echo({ preHooks: [hookRef(Hooks, 'one')], postHooks: [hookRef(Hooks, 'one')] })];
    const postHooks = [hookRef(Hooks, 'one')];
    const { agentOs } = await startApp({ agentOs: { agents, postHooks }, providers: [Hooks] });
    await agentOs.run('echo', 'hi');
    expect((await agentOs.executions.list()).map(({ id }) => id.replace(/.*?:/, ''))).toEqual([
      'post:one',
      'pre:one',
    ]);
  });

  const other = echo();
  it.each<[string, AgentOsOptions]>([
    ['two agents', { agents: [echo(), other] }],
    [
      'an agent and a team',
      { agents: [other], teams: [new Team({ id: 'echo', members: [echo({ id: 'a' })], engine: () => '' })] },
    ],
    [
      'an agent and a workflow',
      { agents: [other], workflows: [new Workflow({ id: 'echo', steps: [() => ''] })] },
    ],
    [
      'an agent and the member of a member',
      {
        agents: [other],
        teams: [
          new Team({
            id: 'outer',
            engine: () => '',
            members: [new Team({ id: 'inner', engine: () => '', members: [echo()] })],
          }),
        ],
      },
    ],
    [
      'an agent and the step of a workflow',
      { agents: [other], workflows: [new Workflow({ id: 'flow', steps: [echo()] })] },
    ],
    ['a team and its own member', { teams: [new Team({ id: 'echo', members: [other], engine: () => '' })] }],
    ['one agent, listed twice', { agents: [other, other] }],
  ])('of two components: %s', async (_name, agentOs) => {
    expect(await errorOf(agentOs)).toBe(
      'Two components have the id "echo". Ids are unique over agents, teams and workflows, members and steps included.',
    );
  });

  it('but not because of one agent in two places', async () => {
    const team = new Team({
      id: 'desk',
      members: [other],
      engine: ({ input, delegate }) => delegate('echo', input),
    });
    const { agentOs } = await startApp({ agentOs: { agents: [other], teams: [team] } });
    expect((await agentOs.run('desk', 'hi')).content).toBe('hi');
  });
});
