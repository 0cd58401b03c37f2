import { withoutUndefined } from '../data/without-undefined.js';
import type { HookMode, HookPhase } from '../execution/hook-execution.js';
import type { HookLimits } from '../execution/hook.limits.js';
import type { ComponentIdentity } from '../model/component-identity.js';
import type { BoundHook, HookModeReason } from './bound-hook.js';
import { HookMetadataAccessor } from './hook-metadata.accessor.js';
import type { HookDefinition } from './hook.definition.js';
import type { HookProvider } from './hook.explorer.js';
import type { HookRegistry } from './hook.registry.js';
import type { HookedComponent } from './hooked-component.js';

/** A hook, and where AgentOS runs it. */
export interface HookListing {
  readonly hook: string;
  /** Where it comes from: `SupportHooks.notify`. */
  readonly source: string;
  readonly isGuardrail: boolean;
  /** Of its executions in the background; absent if it has none. */
  readonly limits?: Omit<HookLimits, 'hook'>;
  /** The rest is missing for a hook method that is attached to no component. */
  readonly attachment?: HookAttachment;
}

/** Where a hook is attached, its mode and why. */
export interface HookAttachment {
  readonly component: ComponentIdentity;
  readonly phase: HookPhase;
  readonly attachedBy: 'component' | 'module';
  readonly mode: HookMode;
  /** `guardrail`: always inline. `decorator`: its own option. `switch`: the module's. `default`: no option is set. */
  readonly reason: HookModeReason;
}

/** Every hook of every component, with its mode and why; then the hook methods that no component uses. */
export function listHooks(
  registry: HookRegistry,
  components: readonly HookedComponent[],
  isServed: (component: HookedComponent) => boolean,
  providers: readonly HookProvider[],
): HookListing[] {
  const attached = components.flatMap((component) => {
    const { pre, post } = registry.hooksOf(component, isServed(component) ? 'root' : 'member');
    return [...pre, ...post].map((hook) => toListing(registry, component, hook));
  });
  const used = new Set(attached.map(({ source }) => source));
  const unused = providers.flatMap(toUnattachedListings).filter(({ source }) => !used.has(source));
  return [...attached, ...unused];
}

function toUnattachedListings({ hookClass, methods }: HookProvider): HookListing[] {
  return methods.map((method) => {
    const definition = HookMetadataAccessor.read(hookClass.prototype as object, method);
    const { name = method, isGuardrail = false } = definition ?? {};
    return { hook: name, source: `${hookClass.name}.${method}`, isGuardrail, ...limitsOf(definition) };
  });
}

function toListing(
  registry: HookRegistry,
  { kind, id, name }: HookedComponent,
  hook: BoundHook,
): HookListing {
  const { phase, attachedBy, definition, source } = hook;
  const attachment = { component: { kind, id, name }, phase, attachedBy, ...registry.modeOf(hook) };
  const { name: hookName, isGuardrail } = definition;
  return { hook: hookName, source, isGuardrail, ...limitsOf(definition), attachment };
}

function limitsOf({ concurrency, rate }: Partial<HookDefinition> = {}): Pick<HookListing, 'limits'> {
  if (concurrency === undefined && rate === undefined) return {};
  return { limits: withoutUndefined({ concurrency, rate }) };
}
