import { identityOf, type ComponentIdentity } from '../../model/component-identity.js';
import type { ModelIdentity } from '../../model/run-output.js';
import { showValue } from '../../model/show-value.js';
import { oneOf, optionsOf, valueWith } from '../../options/option.schemas.js';
import type { ComponentRun } from '../../runs/component.port.js';
import { modelOf, toolsOf } from '../agent.js';
import { checkComponent, Component, COMPONENT_OPTIONS, type ComponentOptions } from '../component.js';
import type { EngineLike, LeaderRequest, TeamMode, ToolDescription } from '../engine.js';
import { engineOption, historyRunsOption } from '../engine.options.js';
import { engineRequestOf, runEngine } from '../run-engine.js';
import { askAll, quoteAnswers } from './broadcast.js';
import { Delegation, RoutedDelegation } from './delegation.js';

/** The options of {@link Team}. */
export interface TeamOptions extends ComponentOptions {
  /** Agents, teams and workflows that the leader may delegate to. */
  readonly members: readonly Component[];
  /** The leader: an engine that also gets `mode`, `members`, `delegate` and `answers`. */
  readonly engine: EngineLike<LeaderRequest>;
  /**
   * - `coordinate` (the default): the leader delegates to members as it sees fit, and answers.
   * - `route`: the leader delegates to one member, whose answer is the team's.
   * - `broadcast`: all members are asked at once, and the leader combines their answers into one.
   */
  readonly mode?: TeamMode;
  /** How many earlier runs of the session the leader's `messages` begin with. Default 10. */
  readonly historyRuns?: number;
}

const OPTIONS = optionsOf<TeamOptions>()({
  ...COMPONENT_OPTIONS,
  members: valueWith<readonly Component[]>(problemOfMembers),
  engine: engineOption<EngineLike<LeaderRequest>>(),
  mode: oneOf('coordinate', 'route', 'broadcast').default('coordinate'),
  historyRuns: historyRunsOption(),
});

/**
 * A leader with members: agents, workflows and other teams, to any depth.
 *
 * @example
 * ```ts
 * const desk = new Team({
 *   id: 'desk',
 *   mode: 'route',
 *   members: [billing, shipping],
 *   engine: ({ input, delegate }) => delegate(/invoice/i.test(input) ? 'billing' : 'shipping', input),
 * });
 * ```
 */
export class Team extends Component {
  readonly kind = 'team';
  readonly mode: TeamMode;
  readonly members: readonly Component[];
  readonly historyRuns: number;
  readonly model: ModelIdentity | undefined;
  readonly #engine: EngineLike<LeaderRequest>;

  /** @throws AgentOsConfigurationError if an option is not usable, or two members have the same id */
  constructor(options: TeamOptions) {
    const checked = checkComponent(new.target.name, OPTIONS, options);
    const { engine, members, mode, historyRuns, ...common } = checked;
    super(common);
    this.mode = mode;
    this.members = Object.freeze([...members]);
    this.model = modelOf(`Team "${this.id}"`, engine);
    this.#engine = engine;
    this.historyRuns = historyRuns;
    Object.freeze(this);
  }

  override get children(): readonly Component[] {
    return this.members;
  }

  override async describeTools(): Promise<readonly ToolDescription[]> {
    // The members of a team that broadcasts are asked before its leader is.
    return toolsOf(
      `team "${this.id}"`,
      this.#engine,
      this.mode === 'broadcast' ? [] : this.#memberIdentities,
    );
  }

  /** @internal */
  override execute(run: ComponentRun): Promise<void> {
    switch (this.mode) {
      case 'coordinate':
        return this.#coordinate(run);
      case 'route':
        return this.#route(run);
      case 'broadcast':
        return this.#broadcast(run);
      default:
        return this.mode satisfies never;
    }
  }

  async #coordinate(run: ComponentRun): Promise<void> {
    await runEngine(this.#engine, await this.#request(run, new Delegation(this, run)), run);
  }

  async #route(run: ComponentRun): Promise<void> {
    const delegation = new RoutedDelegation(this, run);
    await runEngine(this.#engine, await this.#request(run, delegation), run.muted());
    await delegation.answer();
  }

  async #broadcast(run: ComponentRun): Promise<void> {
    const answers = await askAll(this.members, run);
    const request = await this.#request(run, new Delegation(this, run));
    await runEngine(
      this.#engine,
      { ...request, answers, messages: quoteAnswers(request.messages, answers) },
      run,
    );
  }

  async #request(run: ComponentRun, delegation: Delegation): Promise<LeaderRequest> {
    return {
      ...engineRequestOf(run, await run.history(this.historyRuns)),
      mode: this.mode,
      answers: [],
      members: this.#memberIdentities,
      delegate: (memberId, input, options) => heard(delegation.delegate(memberId, input, options)),
    };
  }

  get #memberIdentities(): readonly ComponentIdentity[] {
    return this.members.map(identityOf);
  }
}

/**
 * While a leader waits for one member, another may fail; in a cancelled run all of them do. The failure is in the
 * events and in the log: the unhandled rejection must not end the process.
 */
function heard(answer: Promise<string>): Promise<string> {
  answer.catch(() => undefined);
  return answer;
}

function problemOfMembers(members: unknown): string | undefined {
  if (!Array.isArray(members) || members.length === 0)
    return `expected members to be a non-empty array of components, got ${showValue(members)}.`;
  const ids = new Set<string>();
  for (const [index, member] of members.entries()) {
    if (!(member instanceof Component))
      return `members[${index}] is not an agent, team or workflow. If it is imported, look for a circular import.`;
    if (ids.has(member.id)) return `two members have the id "${member.id}".`;
    ids.add(member.id);
  }
  return undefined;
}
