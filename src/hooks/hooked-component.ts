import type { RunnableComponent } from '../model/runnable-component.js';
import type { PostHookContext, PreHookContext } from './hook.context.js';
import type { HookLike } from './hook.reference.js';

/** A component as the hook machinery sees it. */
export interface HookedComponent extends RunnableComponent {
  readonly preHooks: readonly HookLike<PreHookContext>[];
  readonly postHooks: readonly HookLike<PostHookContext>[];
  /** The members of a team, the components of a workflow's steps. */
  readonly children: readonly HookedComponent[];
}
