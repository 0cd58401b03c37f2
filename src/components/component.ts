import { AgentOsConfigurationError } from '../errors/agent-os-configuration.error.js';
import type { PostHookContext, PreHookContext } from '../hooks/hook.context.js';
import type { HookLike } from '../hooks/hook.reference.js';
import type { ComponentKind } from '../model/component.js';
import type { ModelIdentity, RunOutput } from '../model/run-output.js';
import type { RunOptions } from '../model/runnable-component.js';
import type { ComponentRun, RunComponent } from '../runs/component.port.js';
import { run } from '../runs/start.js';
import { isRunTimeout } from '../runs/watch.js';
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

  /** @throws AgentOsConfigurationError if the id or another option is not usable */
  protected constructor(options: ComponentOptions, known: readonly string[]) {
    checkOptions(new.target.name, options, [...COMMON_OPTIONS, ...known]);
    const { id, name, description, preHooks = [], postHooks = [], retries = 0, timeout } = options;
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
  abstract execute(run: ComponentRun): Promise<void>;
}

const COMMON_OPTIONS = ['id', 'name', 'description', 'preHooks', 'postHooks', 'retries', 'timeout'];

/** Ids stand in URLs. */
const ID = /^[A-Za-z0-9][A-Za-z0-9._-]*$/;

function checkOptions(type: string, options: ComponentOptions, known: readonly string[]): void {
  if (typeof options !== 'object' || (options as unknown) === null) {
    throw new AgentOsConfigurationError(`new ${type}() expects an options object.`);
  }
  const { id, preHooks, postHooks, retries, timeout } = options;
  if (typeof id !== 'string' || !ID.test(id)) {
    throw new AgentOsConfigurationError(
      `${type}: expected id to begin with a letter or digit and to hold only letters, digits, ".", "_" and "-", ` +
        `got ${JSON.stringify(id)}.`,
    );
  }
  const fail = (problem: string): never => {
    throw new AgentOsConfigurationError(`${type} "${id}": ${problem}`);
  };
  for (const option of Object.keys(options)) {
    if (!known.includes(option)) fail(`unknown option "${option}". Known options: ${known.join(', ')}.`);
  }
  for (const [option, value] of Object.entries({ preHooks, postHooks })) {
    if (value !== undefined && !Array.isArray(value))
      fail(`expected ${option} to be an array, got ${typeof value}.`);
  }
  if (retries !== undefined && (!Number.isInteger(retries) || retries < 0)) {
    fail(`expected retries to be a whole number from 0 on, got ${String(retries)}.`);
  }
  if (timeout !== undefined && !isRunTimeout(timeout)) {
    fail(
      `expected timeout to be a number of milliseconds from 1 to 2147483647, or Infinity, got ${String(timeout)}.`,
    );
  }
}
