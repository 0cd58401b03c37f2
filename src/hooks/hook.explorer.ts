import { Injectable } from '@nestjs/common';
import { ModulesContainer, type DiscoveryService } from '@nestjs/core';

import { AgentOsConfigurationError } from '../errors/agent-os-configuration.error.js';
import { HookMetadataAccessor } from './hook-metadata.accessor.js';
import type { HookInstances } from './hook.binder.js';
import type { HookClass } from './hook.reference.js';

type InstanceWrapper = ReturnType<DiscoveryService['getProviders']>[number];
type NestModule = ModulesContainer extends Map<string, infer M> ? M : never;

/** A provider or controller whose class has hook methods. */
export interface HookProvider {
  readonly hookClass: HookClass;
  readonly methods: readonly string[];
  /** The name of the Nest module that declares it. */
  readonly module: string;
}

interface Candidate {
  readonly module: NestModule;
  readonly wrapper: InstanceWrapper;
}

/** Finds hook providers in the application. It only looks; the registry binds. */
@Injectable()
export class HookExplorer implements HookInstances {
  constructor(private readonly modules: ModulesContainer) {}

  /**
   * Every class with hook methods that the application provides.
   *
   * @throws AgentOsConfigurationError if a decorator was put on a static method
   */
  explore(): HookProvider[] {
    const providers: HookProvider[] = [];
    for (const { module, wrapper } of this.#candidates()) {
      // An alias is another name of a provider that is listed anyway.
      const hookClass = wrapper.isAlias ? undefined : classOf(wrapper);
      if (!hookClass) continue;
      refuseStaticHooks(hookClass);
      const methods = HookMetadataAccessor.methodsOf(hookClass.prototype as object).map(String);
      if (methods.length > 0) providers.push({ hookClass, methods, module: module.name });
    }
    return providers;
  }

  /**
   * The instance behind a class reference: the one provided in the module that imports AgentOsModule, else the only
   * one in the application. A provider with the class as its token comes before one with another token.
   */
  instanceOf(hookClass: HookClass, place: string): object {
    const registering = this.#registeringModules();
    const found = this.#candidates().filter(({ wrapper }) => provides(wrapper, hookClass));
    const near = preferred(found, ({ module }) => registering.has(module));
    const [only, ...others] = preferred(near, ({ wrapper }) => wrapper.token === hookClass);
    if (!only) throw missing(hookClass, place);
    if (others.length > 0) throw ambiguous(hookClass, place, [only, ...others]);
    return usableInstance(only, hookClass, place);
  }

  #candidates(): Candidate[] {
    return [...this.modules.values()].flatMap((module) =>
      [...module.providers.values(), ...module.controllers.values()].map((wrapper) => ({
        module,
        wrapper: wrapper as InstanceWrapper,
      })),
    );
  }

  /** The modules that import the one this explorer lives in. */
  #registeringModules(): Set<NestModule> {
    const all = [...this.modules.values()];
    const own = all.find((module) => module.providers.has(HookExplorer));
    return new Set(all.filter((module) => own !== undefined && module.imports.has(own)));
  }
}

/** The class that was declared; for values and factories, the class under whose name they are provided. */
function classOf(wrapper: InstanceWrapper): HookClass | undefined {
  const isFactory = wrapper.inject !== undefined && wrapper.inject !== null;
  for (const candidate of [wrapper.token, isFactory ? undefined : wrapper.metatype]) {
    if (typeof candidate === 'function' && candidate.prototype !== undefined) return candidate as HookClass;
  }
  return undefined;
}

/** The candidates that satisfy the wish, or all if none does. */
function preferred(
  candidates: readonly Candidate[],
  wish: (candidate: Candidate) => boolean,
): readonly Candidate[] {
  const fitting = candidates.filter(wish);
  return fitting.length > 0 ? fitting : candidates;
}

/** An alias counts only under the class's own name: then it says who stands in for the class. */
function provides(wrapper: InstanceWrapper, hookClass: HookClass): boolean {
  if (wrapper.token === hookClass) return true;
  return !wrapper.isAlias && (classOf(wrapper) === hookClass || isInstance(wrapper, hookClass));
}

/** Provided under another token: `{ provide: 'AUDIT', useClass: AuditTrail }` or a factory that makes one. */
function isInstance(wrapper: InstanceWrapper, hookClass: HookClass): boolean {
  if (typeof wrapper.token === 'function' || !wrapper.isDependencyTreeStatic()) return false;
  const instance = wrapper.instance as unknown;
  return typeof instance === 'object' && instance !== null && instance.constructor === hookClass;
}

function usableInstance({ module, wrapper }: Candidate, hookClass: HookClass, place: string): object {
  const which = `${place}: provider ${hookClass.name} of ${module.name}`;
  if (!wrapper.isDependencyTreeStatic()) {
    throw new AgentOsConfigurationError(
      `${which} is request-scoped (or depends on a request-scoped provider). Its instance exists only during the request, ` +
        'and background hooks run later. Make it a singleton and read request data from runContext.',
    );
  }
  if (wrapper.isTransient) {
    throw new AgentOsConfigurationError(
      `${which} is transient: every consumer gets a separate instance, so it is not clear which instance to call. Make it a singleton.`,
    );
  }
  const instance = wrapper.instance as unknown;
  if (typeof instance !== 'object' || instance === null) {
    throw new AgentOsConfigurationError(
      `${which} is ${String(instance)}. Provide an instance with the hook method.`,
    );
  }
  return instance;
}

function missing(hookClass: HookClass, place: string): AgentOsConfigurationError {
  return new AgentOsConfigurationError(
    `${place}: no module provides ${hookClass.name}. Add it to the providers of the module that imports AgentOsModule.`,
  );
}

function ambiguous(
  hookClass: HookClass,
  place: string,
  found: readonly Candidate[],
): AgentOsConfigurationError {
  const modules = found.map(({ module }) => module.name).join(' and ');
  return new AgentOsConfigurationError(
    `${place}: ${hookClass.name} is provided in ${modules}, so it is not clear which instance is meant. ` +
      'Provide it once, or in the module that imports AgentOsModule.',
  );
}

function refuseStaticHooks(hookClass: HookClass): void {
  const [method] = HookMetadataAccessor.staticMethodsOf(hookClass);
  if (method === undefined) return;
  throw new AgentOsConfigurationError(
    `${hookClass.name}.${String(method)} is static, so Nest has no instance to call it on. Remove "static".`,
  );
}
