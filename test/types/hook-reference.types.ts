/**
 * What the type checker must accept and refuse where hooks are listed. Nothing here runs: `tsc` fails if an accepted
 * line does not compile, or if a line marked `@ts-expect-error` does.
 */
import {
  defineGuardrail,
  defineHook,
  Guardrail,
  Hook,
  hookRef,
  type HookLike,
  type PostHookContext,
  type PreHookContext,
} from 'nestjs-agentos';

class Support {
  constructor(private readonly prefix: string) {}

  @Guardrail()
  noSecrets({ runInput }: PreHookContext): void {
    void runInput.content;
  }

  @Hook(true)
  async notify({ runOutput }: PostHookContext): Promise<void> {
    await Promise.resolve(this.prefix + runOutput.content);
  }

  @Hook()
  audit(): void {}

  @Hook()
  ofText(text: string): string {
    return text;
  }

  ofTwo(context: PreHookContext, other: string): string {
    return context.runInput.content + other + this.secret();
  }

  readonly label = 'label';

  private secret(): string {
    return 'secret';
  }
}

abstract class Audit {
  abstract write(context: PostHookContext): void;
}

function ofInput({ runInput }: PreHookContext): void {
  void runInput;
}

function ofOutput({ runOutput }: PostHookContext): void {
  void runOutput;
}

const instance = new Support('> ');

export const preHooks: HookLike<PreHookContext>[] = [
  hookRef(Support, 'noSecrets'),
  hookRef(Support, 'noSecrets', { members: true }),
  hookRef(Support, 'audit'),
  hookRef(instance, 'noSecrets'),
  Audit,
  ofInput,
  hookRef(ofInput, { members: true }),
  ({ runInput }) => runInput.content,
  async () => undefined,
  defineHook(ofInput, { runInBackground: true, when: ({ runContext }) => runContext.runId !== '' }),
  defineGuardrail(ofInput),
];

export const postHooks: HookLike<PostHookContext>[] = [
  hookRef(Support, 'notify'),
  hookRef(instance, 'notify'),
  hookRef(Audit, 'write'),
  ofOutput,
  ({ runOutput }) => runOutput.content,
  defineHook(ofOutput, { retry: { attempts: 3 }, on: ['failed'] }),
  defineGuardrail(ofOutput, { stream: 'pass' }),
  // What needs only the input can be asked after the run as well.
  hookRef(Support, 'noSecrets'),
  ofInput,
];

export const outputHooksAmongPreHooks: HookLike<PreHookContext>[] = [
  // @ts-expect-error there is no output before the run
  hookRef(Support, 'notify'),
  // @ts-expect-error there is no output before the run
  hookRef(instance, 'notify'),
  // @ts-expect-error there is no output before the run
  hookRef(Audit, 'write'),
  // @ts-expect-error there is no output before the run
  ofOutput,
  // @ts-expect-error there is no output before the run
  hookRef(ofOutput, {}),
  // @ts-expect-error there is no output before the run
  defineHook(ofOutput, {}),
  // @ts-expect-error there is no output before the run
  defineGuardrail(ofOutput),
];

export const methodsThatCannotBeHooks: HookLike<PostHookContext>[] = [
  // @ts-expect-error it takes no context
  hookRef(Support, 'ofText'),
  // @ts-expect-error it takes no context
  (text: string) => text,
];

export const notWhatItSeems: HookLike<PostHookContext>[] = [
  // @ts-expect-error an instance needs a method
  instance,
  // @ts-expect-error a name is no reference
  'notify',
  // @ts-expect-error a circular import
  undefined,
];

// @ts-expect-error there is no such method
hookRef(Support, 'notfy');
// @ts-expect-error there is no such method
hookRef(instance, 'notfy');
// @ts-expect-error hooks get one argument
hookRef(Support, 'ofTwo');
// @ts-expect-error a property is no method
hookRef(Support, 'label');
// @ts-expect-error what is private stays private
hookRef(Support, 'secret');
// @ts-expect-error an unknown option
hookRef(Support, 'notify', { member: true });
// @ts-expect-error an unknown option
Hook({ background: true });
// @ts-expect-error guardrails have no such option
Guardrail({ runInBackground: true });
// @ts-expect-error guardrails have no such option
defineGuardrail(ofInput, { retry: { attempts: 2 } });
// @ts-expect-error not an outcome
defineHook(ofOutput, { on: ['done'] });
