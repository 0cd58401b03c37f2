import { defineHook, type HookFunction, type HookOptions, type PostHookContext } from 'nestjs-agentos';

/** A hook that runs in the background, whatever the module's switch says. */
export function inBackground<C = PostHookContext>(
  name: string,
  hook: HookFunction<C>,
  options: Omit<HookOptions, 'name' | 'runInBackground'> = {},
): HookFunction<C> {
  return defineHook(hook, { ...options, name, runInBackground: true });
}
