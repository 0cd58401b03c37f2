import { withoutUndefined } from '../data/without-undefined.js';
import { AgentOsConfigurationError } from '../errors/agent-os-configuration.error.js';
import type { HookPhase } from '../execution/hook-execution.js';
import { checkOptions } from '../options/check.options.js';
import { flag, optionsOf } from '../options/option.schemas.js';
import type { BoundHook } from './bound-hook.js';
import { HookMetadataAccessor } from './hook-metadata.accessor.js';
import type { PostHookContext } from './hook.context.js';
import { defineHookOf, type HookDefinition } from './hook.definition.js';
import { decorationOf } from './hook.functions.js';
import { HookReference, type HookClass, type HookReferenceOptions } from './hook.reference.js';
import { refuseGenerator } from './refuse-generator.js';

/** Where the instance of a hook class comes from. */
export interface HookInstances {
  /** @throws AgentOsConfigurationError if there is no single instance; `place` says who asks */
  instanceOf(hookClass: HookClass, place: string): object;
}

/** Where a hook stands: `preHooks[0] of agent "support"`. */
export interface HookPlace {
  readonly owner: string;
  readonly phase: HookPhase;
  readonly index: number;
  readonly attachedBy: BoundHook['attachedBy'];
}

/**
 * Makes a callable hook of an entry in a list of hooks.
 *
 * @throws AgentOsConfigurationError if it points nowhere, or not to a hook
 */
export function bindHook(listed: unknown, place: HookPlace, instances: HookInstances): BoundHook {
  const where = `${place.phase}Hooks[${place.index}] of ${place.owner}`;
  const reference =
    listed instanceof HookReference ? listed : new HookReference(listed as object, undefined, {});
  const common = {
    phase: place.phase,
    attachedBy: place.attachedBy,
    includesMembers: membersOption(reference, place, where),
  };
  return { ...common, ...bindTarget(reference.target, reference.method, where, instances) };
}

type Binding = Pick<BoundHook, 'definition' | 'source' | 'target' | 'invoke' | 'limits'>;

function bindTarget(
  target: unknown,
  method: string | undefined,
  where: string,
  instances: HookInstances,
): Binding {
  if (isHookClass(target)) {
    const name = method ?? onlyHookMethod(target, where);
    return bindMethod(target.prototype as object, name, where, () => instances.instanceOf(target, where));
  }
  if (typeof target === 'function')
    return bindFunction(target as (context: PostHookContext) => unknown, where);
  if (typeof target === 'object' && target !== null && method !== undefined) {
    return bindMethod(Object.getPrototypeOf(target) as object, method, where, () => target);
  }
  throw new AgentOsConfigurationError(
    `${where}: expected hookRef(Class, 'method'), a class with one hook method or a function, got ${describe(target)}.`,
  );
}

function bindMethod(
  prototype: object,
  method: string | symbol,
  where: string,
  instance: () => object,
): Binding {
  const definition = readDefinition(prototype, method, where);
  const source = `${className(prototype)}.${String(method)}`;
  const target = instance() as Record<string | symbol, unknown>;
  if (typeof target[method] !== 'function') {
    throw new AgentOsConfigurationError(
      `${where}: the provider of ${className(prototype)} has no method "${String(method)}". ` +
        'If the provider is a mock, give it that method.',
    );
  }
  refuseGenerator(target[method], `${where}: ${source}`);
  // Looked up at each call, so that a spy put on the instance later is seen.
  const invoke = (context: PostHookContext): unknown => (target[method] as BoundHook['invoke'])(context);
  return { definition, source, target, invoke, ...limitsOf(definition, source) };
}

function readDefinition(prototype: object, method: string | symbol, where: string): HookDefinition {
  const definition = HookMetadataAccessor.read(prototype, method);
  if (definition) return definition;
  const known = HookMetadataAccessor.methodsOf(prototype).map(String);
  const hint = known.length > 0 ? ` Hook methods of ${className(prototype)}: ${known.join(', ')}.` : '';
  throw new AgentOsConfigurationError(
    method in prototype
      ? `${where}: ${className(prototype)}.${String(method)} is not a hook. Mark it with @Hook() or @Guardrail().${hint}`
      : `${where}: ${className(prototype)} has no method "${String(method)}".${hint}`,
  );
}

function bindFunction(hook: (context: PostHookContext) => unknown, where: string): Binding {
  const name = hook.name === '' ? where.replace(/ of .*/, '') : hook.name;
  refuseGenerator(hook, `${where}: function ${name}`);
  const decoration = decorationOf(hook);
  const definition = decoration ? defineHookOf(decoration, where, name) : { name, isGuardrail: false };
  const limits = limitsOf(definition, `function ${definition.name}`);
  // The name that says where it stands differs from component to component.
  if ('limits' in limits && hook.name === '' && definition.name === name)
    throw new AgentOsConfigurationError(
      `${where}: a function with limits needs a name, by which they are kept over all components and processes. Give it ` +
        'one: defineHook(function sync() { … }, { … }), or set the option "name".',
    );
  return { definition, source: `function ${name}`, target: hook, invoke: hook, ...limits };
}

function limitsOf(
  { concurrency, rate }: HookDefinition,
  hook: string,
): Pick<BoundHook, 'limits'> | Record<never, never> {
  if (concurrency === undefined && rate === undefined) return {};
  return { limits: { hook, ...withoutUndefined({ concurrency, rate }) } };
}

function onlyHookMethod(hookClass: HookClass, where: string): string | symbol {
  const methods = HookMetadataAccessor.methodsOf(hookClass.prototype as object);
  const [only, ...others] = methods;
  if (only === undefined) {
    throw new AgentOsConfigurationError(
      `${where}: class ${hookClass.name} has no hook method. Mark one with @Hook() or @Guardrail().`,
    );
  }
  if (others.length === 0) return only;
  throw new AgentOsConfigurationError(
    `${where}: class ${hookClass.name} has several hook methods (${methods.map(String).join(', ')}). ` +
      `Name one of them: hookRef(${hookClass.name}, '${String(only)}').`,
  );
}

const REFERENCE_OPTIONS = optionsOf<HookReferenceOptions>()({ members: flag().optional() });

function membersOption({ options }: HookReference<never>, { attachedBy }: HookPlace, where: string): boolean {
  const { members } = checkOptions(where, REFERENCE_OPTIONS, options);
  if (members !== undefined && attachedBy === 'component') {
    throw new AgentOsConfigurationError(
      `${where}: the option "members" is only for hooks of the module. Attach the hook to the members, or list it in forRoot().`,
    );
  }
  return members ?? false;
}

/** Classes are functions too; they are told apart by their source text, or by their hook methods. */
function isHookClass(target: unknown): target is HookClass {
  if (typeof target !== 'function') return false;
  if (/^class\b/.test(Function.prototype.toString.call(target))) return true;
  const prototype = target.prototype as object | undefined;
  return prototype !== undefined && HookMetadataAccessor.methodsOf(prototype).length > 0;
}

function className(prototype: object): string {
  return (prototype as { constructor?: { name?: string } }).constructor?.name || 'anonymous class';
}

function describe(value: unknown): string {
  if (value === undefined) return 'undefined (look for a circular import)';
  if (typeof value !== 'object' || value === null) return `${JSON.stringify(value)} (${typeof value})`;
  return `an instance of ${className(value)} without a method name`;
}
