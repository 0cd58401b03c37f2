import { describe, expect, it } from '@jest/globals';
import { AgentOsConfigurationError, Guardrail, Hook } from 'nestjs-agentos';

import { HookMetadataAccessor } from '../../../src/hooks/hook-metadata.accessor.js';

const SYMBOL = Symbol('audit');

/** Like a tracing or caching decorator: puts another function in the method's place. */
function Wrap(): MethodDecorator {
  return (_target, _key, descriptor) => ({ ...descriptor, value: (() => 'wrapped') as never });
}

class Base {
  @Hook(true)
  notify(): string {
    return 'base';
  }

  @Guardrail({ name: 'no secrets' })
  noSecrets(): void {}

  helper(): void {}
}

class Inheriting extends Base {}

class Overriding extends Base {
  override notify(): string {
    return 'override';
  }
}

class Redecorating extends Base {
  @Hook({ runInBackground: false, name: 'mine' })
  override notify(): string {
    return 'redecorated';
  }
}

class Wrapped {
  @Wrap()
  @Hook(true)
  above(): void {}

  @Hook(true)
  @Wrap()
  below(): void {}
}

describe('HookMetadataAccessor.read()', () => {
  it.each([
    ['@Hook()', Hook(), { isGuardrail: false }],
    ['@Hook(true)', Hook(true), { isGuardrail: false, runInBackground: true }],
    ['@Hook(false)', Hook(false), { isGuardrail: false, runInBackground: false }],
    [
      '@Hook(options)',
      Hook({ timeout: 5, on: ['failed'] }),
      { isGuardrail: false, timeout: 5, on: ['failed'] },
    ],
    ['@Guardrail()', Guardrail(), { isGuardrail: true }],
    ['@Guardrail(options)', Guardrail({ stream: 'pass' }), { isGuardrail: true, stream: 'pass' }],
  ])('reads the options that %s wrote, and takes the name from the method', (_name, decorator, expected) => {
    class Hooks {
      notify(): void {}
    }
    decorator(Hooks.prototype, 'notify', {});
    expect(HookMetadataAccessor.read(Hooks.prototype, 'notify')).toEqual({ name: 'notify', ...expected });
  });

  it('prefers the name that the decorator gives', () => {
    expect(HookMetadataAccessor.read(Base.prototype, 'noSecrets')).toEqual({
      name: 'no secrets',
      isGuardrail: true,
    });
  });

  it('returns nothing for methods without a decorator, and for methods that do not exist', () => {
    const read = ['helper', 'missing', 'toString', 'constructor'].map((method) =>
      HookMetadataAccessor.read(Base.prototype, method),
    );
    expect(read).toEqual([undefined, undefined, undefined, undefined]);
  });

  it('keeps the decorator of an inherited method, and of one that a subclass overrides without it', () => {
    const expected = { name: 'notify', isGuardrail: false, runInBackground: true };
    expect(HookMetadataAccessor.read(Inheriting.prototype, 'notify')).toEqual(expected);
    expect(HookMetadataAccessor.read(Overriding.prototype, 'notify')).toEqual(expected);
    expect(HookMetadataAccessor.read(Overriding.prototype, 'noSecrets')?.isGuardrail).toBe(true);
  });

  it('lets a subclass decorate a method anew, and leaves the base class unchanged', () => {
    expect(HookMetadataAccessor.read(Redecorating.prototype, 'notify')).toEqual({
      name: 'mine',
      isGuardrail: false,
      runInBackground: false,
    });
    expect(HookMetadataAccessor.read(Base.prototype, 'notify')?.runInBackground).toBe(true);
  });

  it('survives other decorators above and below that replace the method', () => {
    const read = (['above', 'below'] as const).map((method) => [
      new Wrapped()[method](),
      HookMetadataAccessor.read(Wrapped.prototype, method)?.runInBackground,
    ]);
    expect(read).toEqual([
      ['wrapped', true],
      ['wrapped', true],
    ]);
  });

  it('refuses stacked hook decorators', () => {
    class Stacked {
      @Hook(true)
      @Guardrail()
      guarded(): void {}

      @Hook()
      @Hook(true)
      twice(): void {}
    }
    const read = (method: string) => () => HookMetadataAccessor.read(Stacked.prototype, method);
    expect(read('guarded')).toThrow(
      new AgentOsConfigurationError(
        'Stacked.guarded has @Guardrail and @Hook. Keep one, and give it all the options.',
      ),
    );
    expect(read('twice')).toThrow('Stacked.twice has @Hook and @Hook.');
  });

  it('names class and method if the options are wrong', () => {
    class Wrong {
      @Hook({ timeout: -1 })
      notify(): void {}

      @Hook({ timeout: -1 })
      [SYMBOL](): void {}
    }
    const Anonymous = (() => class {})();
    Hook({ timeout: -1 })(Anonymous.prototype, 'notify', {});
    const messages = [
      [Wrong.prototype, 'notify'] as const,
      [Wrong.prototype, SYMBOL] as const,
      [Anonymous.prototype, 'notify'] as const,
    ].map(([prototype, method]) => messageOf(() => HookMetadataAccessor.read(prototype, method)));
    expect(messages).toEqual([
      expect.stringMatching(/^@Hook on Wrong\.notify: expected timeout/),
      expect.stringMatching(/^@Hook on Wrong\.Symbol\(audit\): expected timeout/),
      expect.stringMatching(/^@Hook on anonymous class\.notify: expected timeout/),
    ]);
  });
});

describe('HookMetadataAccessor.methodsOf()', () => {
  it('names every hook method once, inherited, overridden and symbol ones included', () => {
    class Many extends Overriding {
      @Hook()
      [SYMBOL](): void {}

      @Hook()
      own(): void {}

      other(): void {}
    }
    expect(new Set(HookMetadataAccessor.methodsOf(Many.prototype))).toEqual(
      new Set([SYMBOL, 'own', 'notify', 'noSecrets']),
    );
    expect(HookMetadataAccessor.methodsOf(Many.prototype)).toHaveLength(4);
  });

  it('finds none in classes without hooks, in plain objects and in objects without a prototype', () => {
    class None {
      helper(): void {}
    }
    const found = [None.prototype, {}, Object.create(null) as object].map((prototype) =>
      HookMetadataAccessor.methodsOf(prototype),
    );
    expect(found).toEqual([[], [], []]);
  });

  it('leaves static methods to staticMethodsOf()', () => {
    class WithStatic {
      @Hook()
      static audit(): void {}

      static helper(): void {}
    }
    expect([
      HookMetadataAccessor.methodsOf(WithStatic.prototype),
      HookMetadataAccessor.staticMethodsOf(WithStatic),
      HookMetadataAccessor.staticMethodsOf(Base),
    ]).toEqual([[], ['audit'], []]);
  });
});

function messageOf(action: () => unknown): string {
  try {
    action();
  } catch (error) {
    return (error as Error).message;
  }
  throw new Error('It did not throw.');
}
