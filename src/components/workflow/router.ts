import type { StepPlace } from '../../model/run-event.js';
import type { StepOutput } from '../../model/run-output.js';
import { showValue } from '../../model/show-value.js';
import { checkOptions } from '../../options/check.options.js';
import { functionOf, optionsOf } from '../../options/option.schemas.js';
import { blockIdentity, blockOutput } from './block-output.js';
import type { StepRequest } from './step.request.js';
import { stepsOption, toNodes, type StepLike } from './to-nodes.js';
import { WorkflowNode, type StepContext, type StepIdentity } from './workflow-node.js';

/** The options of {@link router}. */
export interface RouterOptions {
  /** Returns the name of the route to take, or of several to take one after another. */
  readonly choose: (request: StepRequest) => string | readonly string[] | Promise<string | readonly string[]>;
  /** Each is found by its name: the one given by `step()`, the component's id or the function's name. */
  readonly routes: readonly StepLike[];
}

const OPTIONS = optionsOf<RouterOptions>()({
  choose: functionOf<RouterOptions['choose']>(),
  routes: stepsOption(),
});

/** Steps of which a function chooses some. Made by {@link router}. */
export class Router extends WorkflowNode {
  readonly identity: StepIdentity;
  readonly nodes: readonly WorkflowNode[];
  readonly #choose: RouterOptions['choose'];

  /** @internal */
  constructor(name: string, options: RouterOptions) {
    super(name, 'router');
    const { choose, routes } = checkOptions(`router "${name}"`, OPTIONS, options);
    this.identity = blockIdentity(name, 'router');
    this.nodes = toNodes(`router "${name}"`, 'routes', routes);
    this.#choose = choose;
  }

  /** @internal */
  override async execute(flow: StepContext, input: string, place: StepPlace): Promise<StepOutput> {
    const chosen = [await this.#choose(flow.request(input))].flat().map((name) => this.#find(name));
    const selected = chosen.map(({ name }) => name);
    const common = { block: 'router', ...place, selected } as const;
    await flow.emit({ type: 'block-started', ...common });
    const { content, outputs } = await flow.sequence(chosen, input, place);
    const output = blockOutput(this, place, content, outputs);
    await flow.emit({ type: 'block-completed', ...common, output });
    return output;
  }

  #find(name: string): WorkflowNode {
    const route = this.nodes.find((node) => node.name === name);
    if (route) return route;
    const known = this.nodes.map((node) => `"${node.name}"`).join(', ');
    throw new Error(`Router "${this.name}" has no route ${showValue(name)}. Its routes: ${known}.`);
  }
}

/**
 * Chooses which steps run.
 *
 * @example `router('by topic', { choose: ({ input }) => (/invoice/.test(input) ? 'billing' : 'support'), routes: [billing, support] })`
 */
export function router(name: string, options: RouterOptions): Router {
  return new Router(name, options);
}
