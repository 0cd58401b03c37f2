import { describe, expect, it, jest } from '@jest/globals';
import {
  defineGuardrail,
  defineHook,
  Guardrail,
  Hook,
  hookRef,
  type PostHookContext,
  type PreHookContext,
} from 'nestjs-agentos';

import type { BoundHook } from '../../../src/hooks/bound-hook.js';
import { bindHook, type HookInstances, type HookPlace } from '../../../src/hooks/hook.binder.js';

const SYMBOL = Symbol('audit');

class Support {
  constructor(readonly greeting = 'hello') {}

  @Hook(true)
  notify(context: PostHookContext): unknown {
    return [this.greeting, context];
  }

  @Guardrail({ name: 'no secrets' })
  noSecrets(_context: PreHookContext): void {}

  helper(): void {}
}

class Audit {
  @Hook()
  write(): string {
    return 'written';
  }

  helper(): void {}
}

class InheritedAudit extends Audit {
  override write(): string {
    return 'overridden';
  }
}

const PLACE: HookPlace = { owner: 'agent "support"', phase: 'post', index: 1, attachedBy: 'component' };
const MODULE: HookPlace = { owner: 'the module', phase: 'pre', index: 0, attachedBy: 'module' };
const CONTEXT = { runInput: { content: 'hi' } } as PostHookContext;

/** Binds as if the container held a fresh instance of every class. */
function bind(listed: unknown, place = PLACE, instances: HookInstances = container()): BoundHook {
  return bindHook(listed, place, instances);
}

function container(instance?: object): HookInstances {
  return { instanceOf: (hookClass) => instance ?? new (hookClass as new () => object)() };
}

describe('bindHook() with a class', () => {
  it('calls the method of the instance that the container holds', () => {
    const hook = bind(hookRef(Support, 'notify'), PLACE, container(new Support('from the container')));
    expect([hook.invoke(CONTEXT), hook.source, hook.phase, hook.attachedBy, hook.definition]).toEqual([
      ['from the container', CONTEXT],
      'Support.notify',
      'post',
      'component',
      { name: 'notify', isGuardrail: false, runInBackground: true },
    ]);
  });

  it('names the requester to the container', () => {
    const instanceOf = jest.fn(() => new Support());
    bind(hookRef(Support, 'notify'), PLACE, { instanceOf });
    expect(instanceOf.mock.calls).toEqual([[Support, 'postHooks[1] of agent "support"']]);
  });

  it('reads the decorator from the class, so that a mock in its place loses nothing', () => {
    const hook = bind(hookRef(Support, 'noSecrets'), PLACE, container({ noSecrets: () => 'mocked' }));
    expect([hook.invoke(CONTEXT), hook.definition]).toEqual([
      'mocked',
      { name: 'no secrets', isGuardrail: true },
    ]);
  });

  it('sees a spy that is put on the instance later', () => {
    const instance = new Support();
    const hook = bind(hookRef(Support, 'notify'), PLACE, container(instance));
    jest.spyOn(instance, 'notify').mockReturnValue('spied');
    expect(hook.invoke(CONTEXT)).toBe('spied');
  });

  it('chooses the only hook method of a class, inherited or overridden', () => {
    const bound = [Audit, InheritedAudit].map((hookClass) => bind(hookClass));
    expect(bound.map((hook) => [hook.source, hook.invoke(CONTEXT)])).toEqual([
      ['Audit.write', 'written'],
      ['InheritedAudit.write', 'overridden'],
    ]);
  });

  it('chooses the only hook method of a class if its name is a symbol', () => {
    class Quiet {
      @Hook()
      [SYMBOL](): string {
        return 'quiet';
      }
    }
    const hook = bind(Quiet);
    expect([hook.invoke(CONTEXT), hook.source, hook.definition.name]).toEqual([
      'quiet',
      'Quiet.Symbol(audit)',
      'Symbol(audit)',
    ]);
  });

  it('accepts a class that was compiled to a function', () => {
    function Legacy(): void {}
    (Legacy.prototype as Record<string, unknown>)['write'] = () => 'legacy';
    Hook()(Legacy.prototype as object, 'write', {});
    expect(bind(Legacy).invoke(CONTEXT)).toBe('legacy');
  });
});

describe('bindHook() with an instance', () => {
  it('calls the method of that instance, and asks no container', () => {
    const instanceOf = jest.fn(() => ({}));
    const hook = bind(hookRef(new Support('my own'), 'notify'), PLACE, { instanceOf });
    expect([hook.invoke(CONTEXT), hook.source, instanceOf.mock.calls]).toEqual([
      ['my own', CONTEXT],
      'Support.notify',
      [],
    ]);
  });
});

describe('bindHook() with a function', () => {
  it('makes it follow the switch of the module, under its own name', () => {
    function count(context: PostHookContext): unknown {
      return context;
    }
    const hook = bind(count);
    expect([hook.invoke(CONTEXT), hook.source, hook.target, hook.definition]).toEqual([
      CONTEXT,
      'function count',
      count,
      { name: 'count', isGuardrail: false },
    ]);
  });

  it('names an anonymous function after its place', () => {
    expect(bind(() => 1).definition.name).toBe('postHooks[1]');
    expect(bind(defineHook(() => 1, { timeout: 5 })).definition).toEqual({
      name: 'postHooks[1]',
      isGuardrail: false,
      timeout: 5,
    });
  });

  it('uses the options that defineHook() and defineGuardrail() gave it', () => {
    function check(): string {
      return 'checked';
    }
    const background = bind(defineHook(check, { runInBackground: true, name: 'later' }));
    const guardrail = bind(defineGuardrail(check));
    expect([background, guardrail].map((hook) => [hook.invoke(CONTEXT), hook.definition])).toEqual([
      ['checked', { name: 'later', isGuardrail: false, runInBackground: true }],
      ['checked', { name: 'check', isGuardrail: true }],
    ]);
    expect(bind(check).definition.isGuardrail).toBe(false);
  });

  it('refuses a function that is already a hook: a guardrail would become something else', () => {
    const guardrail = defineGuardrail(function noSecrets() {});
    expect(() => defineHook(guardrail, { runInBackground: true })).toThrow(
      'defineHook() was given "noSecrets", which is already the result of defineGuardrail(). ' +
        'Pass all options in one call.',
    );
  });

  it('names the place if the options are wrong', () => {
    expect(() => bind(defineHook(() => 1, { timeout: 0 }))).toThrow(
      /^@Hook on postHooks\[1\] of agent "support": expected timeout/,
    );
  });

  it('accepts mocks, bound functions and functions of every kind', async () => {
    const kinds = [jest.fn(() => 1), Support.prototype.helper.bind(new Support()), async () => 1, () => 1];
    const bound = kinds.map((hook) => bind(hook).target);
    expect(bound).toEqual(kinds);
  });
});

describe('bindHook() refuses', () => {
  it.each<[string, unknown, string]>([
    [
      'nothing, the sign of a circular import',
      undefined,
      "expected hookRef(Class, 'method'), a class with one hook method or a function, " +
        'got undefined (look for a circular import).',
    ],
    [
      'null',
      null,
      "expected hookRef(Class, 'method'), a class with one hook method or a function, got null (object).",
    ],
    [
      'text',
      'notify',
      'expected hookRef(Class, \'method\'), a class with one hook method or a function, got "notify" (string).',
    ],
    [
      'an instance without a method name',
      new Support(),
      "expected hookRef(Class, 'method'), a class with one hook method or a function, " +
        'got an instance of Support without a method name.',
    ],
    [
      'a class with several hook methods',
      Support,
      "class Support has several hook methods (notify, noSecrets). Name one of them: hookRef(Support, 'notify').",
    ],
    [
      'a class without hook methods',
      class Plain {
        helper(): void {}
      },
      'class Plain has no hook method. Mark one with @Hook() or @Guardrail().',
    ],
    [
      'a method that does not exist',
      hookRef(Support, 'notfy' as 'notify'),
      'Support has no method "notfy". Hook methods of Support: notify, noSecrets.',
    ],
    [
      'a method without a decorator',
      hookRef(Support, 'helper'),
      'Support.helper is not a hook. Mark it with @Hook() or @Guardrail(). Hook methods of Support: notify, noSecrets.',
    ],
    [
      'a method of an instance without a decorator',
      hookRef(new Support(), 'helper'),
      'Support.helper is not a hook. Mark it with @Hook() or @Guardrail(). Hook methods of Support: notify, noSecrets.',
    ],
    [
      'options that it does not know',
      hookRef(Audit, 'write', { member: true } as object),
      'unknown option "member". Known options: members.',
    ],
    [
      '"members" on a hook of a component',
      hookRef(Audit, { members: false }),
      'the option "members" is only for hooks of the module. Attach the hook to the members, or list it in forRoot().',
    ],
  ])('a reference that is %s', (_name, listed, problem) => {
    expect(() => bind(listed)).toThrow(`postHooks[1] of agent "support": ${problem}`);
  });

  it('a provider that lacks the method, such as a mock', () => {
    expect(() => bind(hookRef(Support, 'notify'), PLACE, container({}))).toThrow(
      'postHooks[1] of agent "support": the provider of Support has no method "notify". ' +
        'If the provider is a mock, give it that method.',
    );
  });

  it('an undefined reference, where it is made', () => {
    const made = [undefined, null, 'Support'].map(
      (target) => () => hookRef(target as never, 'notify' as never),
    );
    for (const make of made) expect(make).toThrow(/^hookRef\(\) was given .+ look for a circular import\.$/);
  });
});

describe('bindHook() for the module', () => {
  it('runs a hook for members and steps only if its reference says so', () => {
    const listed = [
      Audit,
      hookRef(Audit, {}),
      hookRef(Audit, 'write', { members: true }),
      hookRef(() => 1, { members: true }),
    ];
    expect(listed.map((hook) => bind(hook, MODULE).includesMembers)).toEqual([false, false, true, true]);
  });

  it('names the module in its errors', () => {
    expect(() => bind(undefined, MODULE)).toThrow(/^preHooks\[0\] of the module: expected/);
  });
});

describe('bindHook() with a generator function', () => {
  class Streaming {
    @Guardrail()
    async *noSecrets(): AsyncGenerator<string> {
      yield 'never';
    }

    @Hook()
    *notify(): Generator<string> {
      yield 'never';
    }
  }

  class Field {
    noSecrets = async function* (): AsyncGenerator<string> {
      yield 'never';
    };
  }

  (Guardrail() as PropertyDecorator)(Field.prototype, 'noSecrets');

  class Overriding extends Support {
    override async *notify(): AsyncGenerator<string> {
      yield 'never';
    }
  }

  const BODY = 'is a generator function, whose body never runs when it is called.';

  it.each<[string, () => unknown, string]>([
    ['a guardrail method', () => hookRef(Streaming, 'noSecrets'), 'Streaming.noSecrets'],
    ['a hook method', () => hookRef(Streaming, 'notify'), 'Streaming.notify'],
    ['a guardrail in a field', () => hookRef(Field, 'noSecrets'), 'Field.noSecrets'],
    ['an override', () => hookRef(Overriding, 'notify'), 'Overriding.notify'],
    ['a method of an instance', () => hookRef(new Streaming(), 'notify'), 'Streaming.notify'],
  ])('refuses a method that is one: %s', (_name, listed, called) => {
    expect(() => bind(listed())).toThrow(`postHooks[1] of agent "support": ${called} ${BODY}`);
  });

  it('refuses a function that is one, with and without options', () => {
    async function* checkAll(): AsyncGenerator<string> {
      yield 'never';
    }
    expect(() => bind(checkAll)).toThrow(`postHooks[1] of agent "support": function checkAll ${BODY}`);
    expect(() => defineGuardrail(checkAll)).toThrow(`defineGuardrail(): "checkAll" ${BODY}`);
    expect(() => defineHook(checkAll, {})).toThrow(`defineHook(): "checkAll" ${BODY}`);
  });
});
