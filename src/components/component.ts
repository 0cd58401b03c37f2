import type { z } from 'zod';

import type { PostHookContext, PreHookContext } from '../hooks/hook.context.js';
import type { HookLike } from '../hooks/hook.reference.js';
import type { ComponentKind } from '../model/component-identity.js';
import type { ModelIdentity, RunOutput } from '../model/run-output.js';
import type { RunOptions } from '../model/runnable-component.js';
import { checkOptions } from '../options/check.options.js';
import { arrayOf, id, text, valueOf, wholeNumber } from '../options/option.schemas.js';
import type { ComponentRun, RunComponent } from '../runs/component.port.js';
import { run } from '../runs/start.js';
import { runTimeout } from '../runs/watch.js';
import type { ToolDescription } from './engine.js';

/** The options that agents, teams and workflows have in common. */
export interface ComponentOptions {
  /** Unique over all agents, teams and workflows: letters, digits, `.`, `_` and `-`. */
  readonly id: string;
  /** For people. Default: the id. */
  readonly name?: string;
  readonly description?: string;
  /** Run before the component, in this order. */
  readonly preHooks?: readonly HookLike<PreHookContext>[];
  /** Run after the component, in this order. */
  readonly postHooks?: readonly HookLike<PostHookContext>[];
  /** How often a failed execution is repeated, without its hooks. Clients may see pieces of all attempts. Default 0. */
  readonly retries?: number;
  /**
   * Milliseconds that a run may take, all attempts and inline hooks included; `Infinity` for no limit. After that it
   * fails with a `RunTimeoutError` (504). Default: the limit of the run that it is a part of, else the module's
   * `runTimeout`, else ten minutes.
   */
  readonly timeout?: number;
}

/** An agent, a team or a workflow: an immutable definition that can be run. */
export abstract class Component implements RunComponent {
  abstract readonly kind: ComponentKind;
  abstract readonly children: readonly Component[];
  /** The model of its engine, if any. */
  abstract readonly model: ModelIdentity | undefined;
  readonly id: string;
  readonly name: string;
  readonly description?: string;
  readonly preHooks: readonly HookLike<PreHookContext>[];
  readonly postHooks: readonly HookLike<PostHookContext>[];
  readonly retries: number;
  readonly timeout: number | undefined;

  /** @param options - checked by {@link checkComponent} */
  protected constructor(options: z.output<ComponentSchema>) {
    const { id, name, description, preHooks, postHooks, retries, timeout } = options;
    this.id = id;
    this.name = name ?? id;
    if (description !== undefined) this.description = description;
    this.preHooks = Object.freeze([...preHooks]);
    this.postHooks = Object.freeze([...postHooks]);
    this.retries = retries;
    this.timeout = timeout;
  }

  /**
   * Runs the component. Inside a run that AgentOS conducts it becomes a part of that run. Elsewhere it is a direct
   * run: all hooks inline, in order, regardless of their decorators. To serve it with background hooks, register it
   * and use `AgentOsService.run()`.
   *
   * @throws AgentRunError if the run does not complete; it carries the output as far as the run got
   */
  run(input: string, options: RunOptions = {}): Promise<RunOutput> {
    return run({ component: this, input, options });
  }

  /** The tools of its engine's model, if any. */
  describeTools(): Promise<readonly ToolDescription[]> {
    return Promise.resolve([]);
  }

  /** @internal */
  abstract execute(run: ComponentRun): Promise<void> | undefined;
}

/** The checks of {@link ComponentOptions}. */
export const COMPONENT_OPTIONS = {
  id: id(),
  name: text().optional(),
  description: valueOf<string>('a text', (value) => typeof value === 'string').optional(),
  preHooks: arrayOf<HookLike<PreHookContext>>().default([]),
  postHooks: arrayOf<HookLike<PostHookContext>>().default([]),
  retries: wholeNumber(0).default(0),
  timeout: runTimeout().optional(),
};

type ComponentSchema = z.ZodObject<typeof COMPONENT_OPTIONS>;

/**
 * Checks the options of a component, and adds their defaults.
 *
 * @param type - the name of its class
 * @throws AgentOsConfigurationError that names the component, if its id is usable, and the option
 */
export function checkComponent<S extends ComponentSchema>(
  type: string,
  schema: S,
  options: z.input<S>,
): z.output<S> {
  const { success, data } = COMPONENT_OPTIONS.id.safeParse((options as { id?: unknown } | undefined)?.id);
  return checkOptions(success ? `${type} "${data}"` : `new ${type}()`, schema, options);
}
