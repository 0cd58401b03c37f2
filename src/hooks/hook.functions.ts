import { AgentOsConfigurationError } from '../errors/agent-os-configuration.error.js';
import { HOOK_METADATA, type HookDecoration } from './hook.metadata.js';
import type { GuardrailOptions, HookOptions } from './hook.options.js';
import type { HookFunction } from './hook.reference.js';
import { refuseGenerator } from './refuse-generator.js';

/**
 * Gives a function the options of a hook, as `@Hook` does for a method. A plain function in a list of hooks needs
 * none: it follows the module's `runHooksInBackground`.
 *
 * @example
 * ```ts
 * const count = defineHook(({ component }: PostHookContext) => metrics.count(component.id), { runInBackground: true });
 * ```
 */
export function defineHook<C>(hook: HookFunction<C>, options: HookOptions): HookFunction<C> {
  return define(hook, { decorator: 'Hook', options });
}

/** The hooks in which judges evaluate answers. */
const judges = new WeakSet<object>();

/** Makes a hook of the function of a judge. */
export function defineJudge<C>(hook: HookFunction<C>, options: HookOptions): HookFunction<C> {
  const judge = defineHook(hook, options);
  judges.add(judge);
  return judge;
}

/** Whether a hook is a judge that `defineJudge` has made. */
export function isJudge({ target }: { readonly target: object }): boolean {
  return judges.has(target);
}

/** Makes a guardrail of a function, as `@Guardrail` does of a method. */
export function defineGuardrail<C>(hook: HookFunction<C>, options: GuardrailOptions = {}): HookFunction<C> {
  return define(hook, { decorator: 'Guardrail', options });
}

/** The preparations of guardrails, by guardrail. */
const preparations = new WeakMap<object, () => Promise<void>>();

/**
 * Makes a guardrail of a function that needs a preparation, such as loading an optional package: the application does
 * not start if it fails. A component that is registered later, or run directly, waits for it.
 */
export function definePreparedGuardrail<C>(
  hook: HookFunction<C>,
  options: GuardrailOptions,
  prepare: () => Promise<void>,
): HookFunction<C> {
  const prepared = async (context: C): Promise<void> => {
    await prepare();
    await hook(context);
  };
  Object.defineProperty(prepared, 'name', { value: hook.name });
  const guardrail = defineGuardrail(prepared, options);
  preparations.set(guardrail, prepare);
  return guardrail;
}

/** Prepares a hook for its first run; most hooks have no preparation. */
export async function prepareHook({ target }: { readonly target: object }): Promise<void> {
  await preparations.get(target)?.();
}

/** Wraps the function, so that the original is not changed. */
function define<C>(hook: HookFunction<C>, decoration: HookDecoration): HookFunction<C> {
  refuseSecondDecoration(hook, decoration);
  refuseGenerator(hook, `define${decoration.decorator}(): "${hook.name}"`);
  const defined: HookFunction<C> = (context) => hook(context);
  Object.defineProperty(defined, 'name', { value: hook.name });
  Reflect.defineMetadata(HOOK_METADATA, [decoration], defined);
  return defined;
}

/** The second decoration would hide the first: a built-in guardrail would become an ordinary hook. */
function refuseSecondDecoration(hook: HookFunction<never>, { decorator }: HookDecoration): void {
  const first = decorationOf(hook);
  if (!first) return;
  throw new AgentOsConfigurationError(
    `define${decorator}() was given "${hook.name}", which is already the result of define${first.decorator}(). ` +
      'Pass all options in one call.',
  );
}

/** The metadata of `defineHook` or `defineGuardrail`; undefined for a plain function. */
export function decorationOf(hook: object): HookDecoration | undefined {
  const decorations = Reflect.getOwnMetadata(HOOK_METADATA, hook) as readonly HookDecoration[] | undefined;
  return decorations?.[0];
}
