import { HOOK_METADATA, type HookDecoration } from './hook.metadata.js';
import type { GuardrailOptions, HookOptions } from './hook.options.js';

/**
 * Marks a method of an injectable provider as a hook. It takes one argument, a `PreHookContext` or a
 * `PostHookContext`, and is attached to components with `hookRef(Class, 'method')`.
 *
 * Inline by default: the run waits for it, and it may change or reject the run. `@Hook(true)` or
 * `@Hook({ runInBackground: true })`: after the response, on deep copies, unable to change or break anything.
 *
 * @param options - options, or just `runInBackground`
 *
 * @example
 * ```ts
 * @Injectable()
 * export class SupportHooks {
 *   constructor(private readonly slack: SlackService) {}
 *
 *   @Hook({ runInBackground: true, retry: { attempts: 3 } })
 *   async notify({ runOutput, component }: PostHookContext): Promise<void> {
 *     await this.slack.post(`${component.name}: ${runOutput.content}`);
 *   }
 * }
 * ```
 */
export function Hook(options: boolean | HookOptions = {}): MethodDecorator {
  return decorate({
    decorator: 'Hook',
    options: typeof options === 'boolean' ? { runInBackground: options } : options,
  });
}

/**
 * Marks a method of an injectable provider as a guardrail: a hook that is always inline and fails closed. It lets a
 * run pass by returning and stops it by throwing an `InputCheckError` or `OutputCheckError`; if it breaks or takes
 * too long, the run is stopped too. Among post-hooks it also keeps streamed content back until it has passed.
 *
 * @example
 * ```ts
 * @Guardrail()
 * noSecrets({ runInput }: PreHookContext): void {
 *   if (leaks(runInput.content)) throw new InputCheckError('Secrets in input', { trigger: 'pii_detected' });
 * }
 * ```
 */
export function Guardrail(options: GuardrailOptions = {}): MethodDecorator {
  return decorate({ decorator: 'Guardrail', options });
}

/** Only writes the metadata. It is read and checked when the application starts, when all components are known. */
function decorate(decoration: HookDecoration): MethodDecorator {
  return (target, propertyKey) => {
    const others = (Reflect.getOwnMetadata(HOOK_METADATA, target, propertyKey) ??
      []) as readonly HookDecoration[];
    Reflect.defineMetadata(HOOK_METADATA, [...others, decoration], target, propertyKey);
  };
}
