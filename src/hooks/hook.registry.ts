import { isDeepStrictEqual } from 'node:util';

import { AgentOsConfigurationError } from '../errors/agent-os-configuration.error.js';
import type { HookExecution, HookPhase, HookPosition } from '../execution/hook-execution.js';
import type { HookLimits } from '../execution/hook.limits.js';
import { resolveHookMode, type BoundHook, type ResolvedHookMode } from './bound-hook.js';
import { bindHook, type HookInstances } from './hook.binder.js';
import type { PostHookContext, PreHookContext } from './hook.context.js';
import type { HookLike } from './hook.reference.js';
import type { HookedComponent } from './hooked-component.js';

/** The hooks of a component, bound, in the order in which they run. */
export interface ComponentHooks {
  readonly pre: readonly BoundHook[];
  readonly post: readonly BoundHook[];
  /** An output guardrail must see the answer before a client does. */
  readonly holdsStream: boolean;
}

/** The options of {@link HookRegistry}. */
export interface HookRegistryOptions {
  readonly instances: HookInstances;
  readonly runHooksInBackground: boolean;
  readonly preHooks: readonly HookLike<PreHookContext>[];
  readonly postHooks: readonly HookLike<PostHookContext>[];
}

/** Answers which hooks a component has, and in which mode each of them runs. */
export class HookRegistry {
  readonly #options: HookRegistryOptions;
  readonly #moduleHooks: { readonly pre: readonly BoundHook[]; readonly post: readonly BoundHook[] };
  /** By the name of the hook, with the owner of the first list that it stands in. */
  readonly #limits = new Map<string, { readonly limits: HookLimits; readonly owner: string }>();
  readonly #bound = new WeakMap<HookedComponent, ReadonlyMap<HookPosition, ComponentHooks>>();

  /** @throws AgentOsConfigurationError if one of the module's hooks cannot be bound */
  constructor(options: HookRegistryOptions) {
    this.#options = options;
    this.#moduleHooks = {
      pre: this.#bindAll(options.preHooks, 'the module', 'pre', 'module'),
      post: this.#bindAll(options.postHooks, 'the module', 'post', 'module'),
    };
  }

  /**
   * The hooks that a run of this component gets. Bound when first asked for, so that components which appear while
   * the application runs work like the registered ones.
   *
   * @throws AgentOsConfigurationError if a hook cannot be bound, or two have the same name
   */
  hooksOf(component: HookedComponent, position: HookPosition): ComponentHooks {
    let bound = this.#bound.get(component);
    if (!bound) this.#bound.set(component, (bound = this.#bind(component)));
    return bound.get(position) as ComponentHooks;
  }

  /** The hook of an execution, by its name, which is unique among the hooks of a component in a phase. */
  find(
    component: HookedComponent,
    { position, phase, hook }: Pick<HookExecution, 'position' | 'phase' | 'hook'>,
  ): BoundHook | undefined {
    return this.hooksOf(component, position)[phase].find(({ definition }) => definition.name === hook);
  }

  /** Where AgentOS runs a hook, and why. */
  modeOf(hook: BoundHook): ResolvedHookMode {
    return resolveHookMode(hook.definition, this.#options.runHooksInBackground);
  }

  #bind(component: HookedComponent): ReadonlyMap<HookPosition, ComponentHooks> {
    const owner = `${component.kind} "${component.id}"`;
    const own = {
      pre: this.#bindAll(component.preHooks, owner, 'pre', 'component'),
      post: this.#bindAll(component.postHooks, owner, 'post', 'component'),
    };
    const compose = (isWanted: (hook: BoundHook) => boolean): ComponentHooks => {
      const pre = [...others(this.#moduleHooks.pre, own.pre).filter(isWanted), ...own.pre];
      const post = [...own.post, ...others(this.#moduleHooks.post, own.post).filter(isWanted)];
      refuseSameNames(pre, owner);
      refuseSameNames(post, owner);
      return { pre, post, holdsStream: post.some(holdsStream) };
    };
    return new Map([
      ['root', compose(() => true)],
      ['member', compose((hook) => hook.includesMembers)],
      ['inside-hook', compose(() => false)],
    ]);
  }

  #bindAll(
    listed: readonly unknown[],
    owner: string,
    phase: HookPhase,
    attachedBy: BoundHook['attachedBy'],
  ): readonly BoundHook[] {
    return listed.map((hook, index) => {
      const bound = bindHook(hook, { owner, phase, index, attachedBy }, this.#options.instances);
      this.#refuseUselessOptions(bound, owner);
      this.#refuseOtherLimits(bound, owner);
      return bound;
    });
  }

  /** Hooks with one name share their limits. */
  #refuseOtherLimits({ limits, phase }: BoundHook, owner: string): void {
    if (!limits) return;
    const first = this.#limits.get(limits.hook);
    if (!first) {
      this.#limits.set(limits.hook, { limits, owner });
      return;
    }
    if (isDeepStrictEqual(first.limits, limits)) return;
    throw new AgentOsConfigurationError(
      `${limits.hook}, a ${phase}-hook of ${owner}, has other limits than the hook of ${first.owner} with this name: ` +
        'hooks with one name share their limits. Give both the same concurrency and rate, or one of them another name.',
    );
  }

  #refuseUselessOptions({ definition, source, phase }: BoundHook, owner: string): void {
    const { mode, reason } = resolveHookMode(definition, this.#options.runHooksInBackground);
    // A hook that follows the switch may have options for the background: they apply once the switch is on.
    if (mode === 'background' || reason === 'default') return;
    for (const option of ['retry', 'on', 'concurrency', 'rate', 'key'] as const) {
      if (definition[option] === undefined) continue;
      throw new AgentOsConfigurationError(
        `${source}, a ${phase}-hook of ${owner}, has the option "${option}", which is for background hooks, ` +
          `but it runs inline (${reason}). Remove "${option}", or set runInBackground: true.`,
      );
    }
  }
}

/** The module's hooks that the component does not list itself: attached twice, a hook still runs once. */
function others(moduleHooks: readonly BoundHook[], own: readonly BoundHook[]): BoundHook[] {
  return moduleHooks.filter((hook) => !own.some((other) => isSameHook(hook, other)));
}

/** The same function is the same hook; an instance may have several hook methods. */
function isSameHook(one: BoundHook, other: BoundHook): boolean {
  return one.target === other.target && (typeof one.target === 'function' || one.source === other.source);
}

function holdsStream({ definition }: BoundHook): boolean {
  return definition.isGuardrail && definition.stream !== 'pass';
}

/** Names tell executions apart in events, logs and the ledger. */
function refuseSameNames(hooks: readonly BoundHook[], owner: string): void {
  const byName = new Map<string, BoundHook>();
  for (const hook of hooks) {
    const other = byName.get(hook.definition.name);
    if (other) {
      throw new AgentOsConfigurationError(
        `Two ${hook.phase}-hooks of ${owner} are called "${hook.definition.name}" (${other.source} and ${hook.source}). ` +
          'Give one of them another name: @Hook({ name: … }).',
      );
    }
    byName.set(hook.definition.name, hook);
  }
}
