import { Controller, Get, Inject, Injectable, Module, Scope, type Provider, type Type } from '@nestjs/common';
import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import {
  Agent,
  Guardrail,
  Hook,
  hookRef,
  OutputCheckError,
  type HookLike,
  type PostHookContext,
} from 'nestjs-agentos';

import { runJson } from '../support/http-client.js';
import { closeApps, startApp, startUpError, type TestAppOptions } from '../support/test-app.js';

let calls: string[] = [];
beforeEach(() => {
  calls = [];
});
afterEach(closeApps);

@Injectable()
class Audit {
  constructor(@Inject('LABEL') readonly label: string) {}

  @Hook()
  record({ runOutput }: PostHookContext): void {
    calls.push(`${this.label}: ${runOutput.content}`);
  }
}

const LABEL = { provide: 'LABEL', useValue: 'audit' };

function echoWith(hook: HookLike<PostHookContext>): Agent {
  return new Agent({ id: 'echo', engine: ({ input }) => input, postHooks: [hook] });
}

/** What a run records, if the hook is attached to its agent. */
async function callsOf(hook: HookLike<PostHookContext>, options: TestAppOptions): Promise<string[]> {
  const { url } = await startApp({ agentOs: { agents: [echoWith(hook)] }, ...options });
  const { status } = await runJson(url, '/agents/echo', 'hi');
  return status === 200 ? calls : [...calls, `status ${status}`];
}

function startErrorOf(hook: HookLike<PostHookContext>, options: TestAppOptions = {}): Promise<string> {
  return startUpError({ agentOs: { agents: [echoWith(hook)] }, ...options });
}

/** A module that provides and exports nothing but what it is given. */
function moduleOf(name: string, providers: Provider[], exported: Provider[] = []): Type {
  const module = { [name]: class {} }[name] as Type;
  Module({ providers, exports: exported as Type[] })(module);
  return module;
}

describe('The instance behind a hook class', () => {
  it('is the provider, with its own dependencies', async () => {
    expect(await callsOf(hookRef(Audit, 'record'), { providers: [Audit, LABEL] })).toEqual(['audit: hi']);
  });

  it('is found in a module that does not import AgentOsModule', async () => {
    const imports = [moduleOf('AuditModule', [Audit, LABEL])];
    expect(await callsOf(Audit, { imports })).toEqual(['audit: hi']);
  });

  it.each<[string, Provider, Provider]>([
    ['the class', Audit, { provide: 'ALIAS', useExisting: Audit }],
    ['another token', { provide: 'AUDIT', useClass: Audit }, { provide: 'ALIAS', useExisting: 'AUDIT' }],
  ])('is one instance under %s, however many aliases it has', async (_name, provider, alias) => {
    const providers = [provider, alias, LABEL];
    expect(await callsOf(hookRef(Audit, 'record'), { providers })).toEqual(['audit: hi']);
  });

  it('is the target if the class is an alias', async () => {
    @Injectable()
    class LoudAudit extends Audit {
      override record(context: PostHookContext): void {
        super.record(context);
        calls.push('loudly');
      }
    }
    const providers = [LoudAudit, LABEL, { provide: Audit, useExisting: LoudAudit }];
    expect(await callsOf(hookRef(Audit, 'record'), { providers })).toEqual(['audit: hi', 'loudly']);
  });

  it('is the one under the class itself, if another one exists under another token', async () => {
    const other = { provide: 'OTHER', useFactory: () => new Audit('other') };
    expect(await callsOf(Audit, { providers: [other, Audit, LABEL] })).toEqual(['audit: hi']);
  });

  it.each<[string, Provider]>([
    ['a class under another token', { provide: 'AUDIT', useClass: Audit }],
    ['a factory under the class', { provide: Audit, useFactory: () => new Audit('audit') }],
    [
      'an asynchronous factory under the class',
      { provide: Audit, useFactory: async () => new Audit('audit') },
    ],
    ['a factory under another token', { provide: 'AUDIT', useFactory: () => new Audit('audit') }],
    ['a value under the class', { provide: Audit, useValue: new Audit('audit') }],
    ['a value under another token', { provide: 'AUDIT', useValue: new Audit('audit') }],
    [
      'a plain object under the class',
      { provide: Audit, useValue: { record: () => calls.push('audit: hi') } },
    ],
  ])('may be %s', async (_name, provider) => {
    expect(await callsOf(hookRef(Audit, 'record'), { providers: [provider, LABEL] })).toEqual(['audit: hi']);
  });

  it('may be a controller', async () => {
    @Controller('audits')
    class AuditController extends Audit {
      @Get() count(): number {
        return calls.length;
      }
    }
    const options = { controllers: [AuditController], providers: [LABEL] };
    expect(await callsOf(hookRef(AuditController, 'record'), options)).toEqual(['audit: hi']);
  });

  it('may be an instance that the reference itself names', async () => {
    expect(await callsOf(hookRef(new Audit('my own'), 'record'), {})).toEqual(['my own: hi']);
  });

  it('is found among providers that are null, empty or strange', async () => {
    const strange: Provider[] = [
      { provide: 'NULL', useValue: null },
      { provide: 'UNDEFINED', useFactory: () => undefined },
      { provide: 'NO_PROTOTYPE', useValue: Object.create(null) },
      { provide: 'FUNCTION', useValue: () => undefined },
    ];
    expect(await callsOf(Audit, { providers: [...strange, Audit, LABEL] })).toEqual(['audit: hi']);
  });

  it('is the one of the module that imports AgentOsModule, if the class is provided twice', async () => {
    const elsewhere = moduleOf('ElsewhereModule', [Audit, { provide: 'LABEL', useValue: 'elsewhere' }]);
    const providers = [Audit, LABEL];
    expect(await callsOf(Audit, { imports: [elsewhere], providers })).toEqual(['audit: hi']);
  });
});

describe('A hook method', () => {
  class Parent {
    @Guardrail() check(_context: PostHookContext): void {
      calls.push('parent');
    }
  }

  /** How `GET /hooks` explains the only attached hook. */
  async function attachmentOf(hook: HookLike<PostHookContext>, providers: Provider[]): Promise<unknown> {
    const { agentOs } = await startApp({
      agentOs: { agents: [echoWith(hook)], runHooksInBackground: true },
      providers,
    });
    await agentOs.run('echo', 'hi');
    await agentOs.drain();
    return agentOs
      .listHooks()
      .map(({ source, attachment }) => [source, attachment?.mode, attachment?.reason]);
  }

  it('is inherited with its decorator', async () => {
    @Injectable()
    class Child extends Parent {}
    const attachment = await attachmentOf(hookRef(Child, 'check'), [Child]);
    expect([attachment, calls]).toEqual([[['Child.check', 'inline', 'guardrail']], ['parent']]);
  });

  it('keeps the decorator when a subclass overrides the method', async () => {
    @Injectable()
    class Child extends Parent {
      override check(): void {
        calls.push('child');
      }
    }
    const attachment = await attachmentOf(hookRef(Child, 'check'), [Child]);
    expect([attachment, calls]).toEqual([[['Child.check', 'inline', 'guardrail']], ['child']]);
  });

  it('takes the decorator of the subclass when it has one of its own', async () => {
    @Injectable()
    class Child extends Parent {
      @Hook(true) override check(): void {
        calls.push('child');
      }
    }
    const attachment = await attachmentOf(hookRef(Child, 'check'), [Child]);
    expect([attachment, calls]).toEqual([[['Child.check', 'background', 'decorator']], ['child']]);
  });

  it.each(['above', 'below'])(
    'keeps its decorator when another decorator replaces the method %s it',
    async (place) => {
      const replacing: MethodDecorator = (_target, _name, descriptor) => {
        const original = descriptor.value as unknown as (context: PostHookContext) => void;
        const replacement = function (this: unknown, context: PostHookContext): void {
          calls.push('before');
          original.call(this, context);
        };
        return { ...descriptor, value: replacement as never };
      };
      @Injectable()
      class Above {
        @replacing
        @Guardrail()
        check(_context: PostHookContext): void {
          calls.push('check');
        }
      }
      @Injectable()
      class Below {
        @Guardrail()
        @replacing
        check(_context: PostHookContext): void {
          calls.push('check');
        }
      }
      const hookClass = place === 'above' ? Above : Below;
      const attachment = await attachmentOf(hookClass, [hookClass]);
      const source = `${hookClass.name}.check`;
      expect([attachment, calls]).toEqual([[[source, 'inline', 'guardrail']], ['before', 'check']]);
    },
  );
});

describe('A hook class without a usable instance stops the start', () => {
  const place = 'postHooks[0] of agent "echo"';

  it('when no module provides it', async () => {
    expect(await startErrorOf(Audit)).toBe(
      `${place}: no module provides Audit. Add it to the providers of the module that imports AgentOsModule.`,
    );
  });

  it('when only a subclass is provided', async () => {
    @Injectable()
    class LoudAudit extends Audit {}
    expect(await startErrorOf(Audit, { providers: [LoudAudit, LABEL] })).toContain(
      'no module provides Audit',
    );
  });

  it('when two other modules provide it, and names both', async () => {
    const imports = [moduleOf('SalesModule', [Audit, LABEL]), moduleOf('SupportModule', [Audit, LABEL])];
    expect(await startErrorOf(Audit, { imports })).toBe(
      `${place}: Audit is provided in SalesModule and SupportModule, so it is not clear which instance is meant. ` +
        'Provide it once, or in the module that imports AgentOsModule.',
    );
  });

  it('when the provider is null', async () => {
    const error = await startErrorOf(Audit, { providers: [{ provide: Audit, useValue: null }] });
    expect(error).toBe(
      `${place}: provider Audit of TestModule is null. Provide an instance with the hook method.`,
    );
  });

  it.each<[string, Provider]>([
    ['itself', { provide: Audit, useClass: Audit, scope: Scope.REQUEST }],
    ['because of a dependency', Audit],
    ['under another token', { provide: 'AUDIT', useClass: Audit }],
  ])('when it is request-scoped %s', async (_name, provider) => {
    const label = { provide: 'LABEL', scope: Scope.REQUEST, useFactory: () => 'audit' };
    const error = await startErrorOf(Audit, { providers: [provider, label] });
    expect(error).toBe(
      `${place}: provider Audit of TestModule is request-scoped (or depends on a request-scoped provider). Its instance ` +
        'exists only during the request, and background hooks run later. Make it a singleton and read request data from runContext.',
    );
  });

  it('when it is transient', async () => {
    const provider = { provide: Audit, useClass: Audit, scope: Scope.TRANSIENT };
    expect(await startErrorOf(Audit, { providers: [provider, LABEL] })).toBe(
      `${place}: provider Audit of TestModule is transient: every consumer gets a separate instance, so it is not clear ` +
        'which instance to call. Make it a singleton.',
    );
  });
});

describe('A mock in a test', () => {
  @Injectable()
  class Safety {
    @Guardrail() check({ runOutput }: PostHookContext): void {
      throw new OutputCheckError(`unsafe: ${runOutput.content}`);
    }
  }
  const options: TestAppOptions = {
    agentOs: { agents: [echoWith(hookRef(Safety, 'check'))], runHooksInBackground: true },
    providers: [Safety],
  };
  const overriddenBy = (mock: object): TestAppOptions => ({
    ...options,
    override: (builder) => builder.overrideProvider(Safety).useValue(mock),
  });

  it('is called in place of the provider, and guards like it', async () => {
    const check = jest.fn(() => {
      throw new Error('the mock is out of order');
    });
    const { url, agentOs } = await startApp(overriddenBy({ check }));
    const { status, body } = await runJson(url, '/agents/echo', 'hi');
    expect([status, body['error_type'], check.mock.calls.length]).toEqual([500, 'guardrail_failed', 1]);
    expect(agentOs.listHooks()).toMatchObject([{ source: 'Safety.check', isGuardrail: true }]);
  });

  it('may be another class', async () => {
    class MockSafety {
      check(): void {
        calls.push('mock');
      }
    }
    const { url } = await startApp({
      ...options,
      override: (builder) => builder.overrideProvider(Safety).useClass(MockSafety),
    });
    expect([(await runJson(url, '/agents/echo', 'hi')).status, calls]).toEqual([200, ['mock']]);
  });

  it('without the method stops the start', async () => {
    expect(await startUpError(overriddenBy({ inspect: jest.fn() }))).toBe(
      'postHooks[0] of agent "echo": the provider of Safety has no method "check". If the provider is a mock, give it that method.',
    );
  });

  it('may be a spy, put on the instance of a running application', async () => {
    const { url, app } = await startApp(options);
    const spy = jest.spyOn(app.get(Safety), 'check').mockReturnValue();
    const { status } = await runJson(url, '/agents/echo', 'hi');
    expect([status, spy.mock.calls.length]).toEqual([200, 1]);
  });
});
