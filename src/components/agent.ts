import { AgentOsConfigurationError } from '../errors/agent-os-configuration.error.js';
import { isRecord } from '../data/is-record.js';
import type { ComponentIdentity } from '../model/component-identity.js';
import type { Message } from '../model/message.js';
import type { ModelIdentity } from '../model/run-output.js';
import { showValue } from '../model/show-value.js';
import { optionsOf } from '../options/option.schemas.js';
import type { ComponentRun } from '../runs/component.port.js';
import { checkComponent, Component, COMPONENT_OPTIONS, type ComponentOptions } from './component.js';
import { Engine, type EngineLike, type ToolDescription } from './engine.js';
import { engineOption, historyRunsOption } from './engine.options.js';
import { engineRequestOf, runEngine } from './run-engine.js';

/** The options of {@link Agent}. */
export interface AgentOptions extends ComponentOptions {
  /** The engine: a function, an async function, an async generator, or an `Engine`. */
  readonly engine: EngineLike;
  /** How many earlier runs of the session the engine's `messages` begin with. Default 10. */
  readonly historyRuns?: number;
}

const OPTIONS = optionsOf<AgentOptions>()({
  ...COMPONENT_OPTIONS,
  engine: engineOption<EngineLike>(),
  historyRuns: historyRunsOption(),
});

/**
 * An engine with hooks around it.
 *
 * @example
 * ```ts
 * const echo = new Agent({ id: 'echo', engine: ({ input }) => `You said: ${input}` });
 * const { content } = await echo.run('Hello');
 * ```
 */
export class Agent extends Component {
  readonly kind = 'agent';
  readonly children: readonly Component[] = Object.freeze([]);
  readonly historyRuns: number;
  readonly model: ModelIdentity | undefined;
  readonly #engine: EngineLike;

  /** @throws AgentOsConfigurationError if an option is not usable */
  constructor(options: AgentOptions) {
    const { engine, historyRuns, ...common } = checkComponent(new.target.name, OPTIONS, options);
    super(common);
    this.#engine = engine;
    this.model = modelOf(`Agent "${this.id}"`, engine);
    this.historyRuns = historyRuns;
    Object.freeze(this);
  }

  override async describeTools(): Promise<readonly ToolDescription[]> {
    return toolsOf(`agent "${this.id}"`, this.#engine, []);
  }

  /** @internal */
  override execute(run: ComponentRun): Promise<void> | undefined {
    const think = (history?: readonly Message[]): Promise<void> | undefined =>
      runEngine(this.#engine, engineRequestOf(run, history), run);
    const loading = run.history(this.historyRuns);
    return loading ? loading.then(think) : think();
  }
}

/**
 * The model of an engine, if it has one.
 *
 * @throws AgentOsConfigurationError if its `model` is malformed: clients would see it
 */
export function modelOf(owner: string, engine: unknown): ModelIdentity | undefined {
  const model: unknown = engine instanceof Engine ? engine.model : undefined;
  if (model === undefined || isModelIdentity(model)) return model;
  const got = isRecord(model) ? `an object whose id is ${showValue(model['id'])}` : showValue(model);
  throw new AgentOsConfigurationError(
    `${owner}: expected the model of its engine to be { id, provider, name } with texts, got ${got}.`,
  );
}

function isModelIdentity(model: unknown): model is ModelIdentity {
  if (!isRecord(model) || typeof model['id'] !== 'string') return false;
  return [model['provider'], model['name']].every((text) => text === undefined || typeof text === 'string');
}

/**
 * The tools of an engine, if it describes them.
 *
 * @throws TypeError that names the engine if the descriptions are malformed
 */
export async function toolsOf(
  owner: string,
  engine: unknown,
  members: readonly ComponentIdentity[],
): Promise<readonly ToolDescription[]> {
  if (!(engine instanceof Engine) || !engine.describeTools) return [];
  const tools: unknown = (await engine.describeTools(members)) ?? [];
  const expected = 'expected an array of { name, description, parameters }';
  const wrong = (got: string): TypeError =>
    new TypeError(`The engine of ${owner} described its tools with ${got}; ${expected}.`);
  if (!isArray(tools)) throw wrong(showValue(tools));
  for (const tool of tools) {
    if (!isRecord(tool)) throw wrong(`an array that holds ${showValue(tool)}`);
    if (typeof tool['name'] !== 'string') throw wrong(`a tool whose name is ${showValue(tool['name'])}`);
  }
  return tools as readonly ToolDescription[];
}

function isArray(value: unknown): value is readonly unknown[] {
  return Array.isArray(value);
}
