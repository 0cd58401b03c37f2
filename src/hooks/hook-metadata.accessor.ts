import { AgentOsConfigurationError } from '../errors/agent-os-configuration.error.js';
import { defineHookOf, type HookDefinition } from './hook.definition.js';
import { HOOK_METADATA, type HookDecoration } from './hook.metadata.js';

/** The only reader of the decorators' metadata. */
export const HookMetadataAccessor = {
  /**
   * The definition of a hook method, looked up along the prototype chain, so that an override in a subclass, a mock
   * instance or another decorator on the method does not lose it.
   *
   * @param prototype - the prototype of the class that is referenced
   * @throws AgentOsConfigurationError if the method has several hook decorators, or one with wrong options
   */
  read(prototype: object, method: string | symbol): HookDefinition | undefined {
    const decorations = Reflect.getMetadata(HOOK_METADATA, prototype, method) as
      readonly HookDecoration[] | undefined;
    if (!decorations) return undefined;
    const source = `${className(prototype)}.${String(method)}`;
    const [decoration, ...others] = decorations;
    if (others.length > 0) {
      const names = decorations.map(({ decorator }) => `@${decorator}`).join(' and ');
      throw new AgentOsConfigurationError(`${source} has ${names}. Keep one, and give it all the options.`);
    }
    return decoration && defineHookOf(decoration, source, String(method));
  },

  /** Names of all hook methods of a class, inherited ones included. */
  methodsOf(prototype: object): (string | symbol)[] {
    const names = new Set<string | symbol>();
    for (
      let level: object | null = prototype;
      level && level !== Object.prototype;
      level = Object.getPrototypeOf(level) as object | null
    ) {
      for (const name of Reflect.ownKeys(level)) {
        if (Reflect.hasMetadata(HOOK_METADATA, prototype, name)) names.add(name);
      }
    }
    return [...names];
  },

  /** Static methods with a hook decorator: a mistake, since there is no instance to call them on. */
  staticMethodsOf(constructor: object): (string | symbol)[] {
    return Reflect.ownKeys(constructor).filter((name) =>
      Reflect.hasOwnMetadata(HOOK_METADATA, constructor, name),
    );
  },
};

function className(prototype: object): string {
  const { constructor } = prototype as { constructor?: { name?: string } };
  return constructor?.name || 'anonymous class';
}
