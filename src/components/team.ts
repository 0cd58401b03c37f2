import { AgentOsConfigurationError } from '../errors/agent-os-configuration.error.js';
import { AgentRunError } from '../errors/agent-run.error.js';
import type { ModelIdentity } from '../model/run-output.js';
import type { ComponentRun } from '../runs/run.component.js';
import { checkEngine, DEFAULT_HISTORY_RUNS, modelOf } from './agent.js';
import { Component, type ComponentOptions } from './component.js';
import type { EngineLike, LeaderRequest } from './engine.js';
import { engineRequestOf, runEngine } from './run-engine.js';

/** What a {@link Team} is made of. */
export interface TeamOptions extends ComponentOptions {
  /** Agents, teams and workflows that the leader may delegate to. */
  readonly members: readonly Component[];
  /** The leader: an engine that also gets `members` and `delegate`. */
  readonly engine: EngineLike<LeaderRequest>;
  /** How many earlier runs of the session the leader's `messages` begin with. Default 10. */
  readonly historyRuns?: number;
}

/**
 * A leader that delegates to members.
 *
 * @example
 * ```ts
 * const desk = new Team({
 *   id: 'desk',
 *   members: [billing, shipping],
 *   engine: ({ input, delegate }) => delegate(/invoice/i.test(input) ? 'billing' : 'shipping', input),
 * });
 * ```
 */
export class Team extends Component {
  readonly kind = 'team';
  readonly members: readonly Component[];
  readonly historyRuns: number;
  readonly model: ModelIdentity | undefined;
  readonly #engine: EngineLike<LeaderRequest>;

  /** @throws AgentOsConfigurationError if an option is not usable, or two members have the same id */
  constructor(options: TeamOptions) {
    super(options, ['members', 'engine', 'historyRuns']);
    checkEngine(`Team "${this.id}"`, options.engine);
    checkMembers(this.id, options.members);
    this.members = Object.freeze([...options.members]);
    this.#engine = options.engine;
    this.model = modelOf(options.engine);
    this.historyRuns = options.historyRuns ?? DEFAULT_HISTORY_RUNS;
    Object.freeze(this);
  }

  override get children(): readonly Component[] {
    return this.members;
  }

  /** @internal */
  override async execute(run: ComponentRun): Promise<void> {
    const request: LeaderRequest = {
      ...(await engineRequestOf(run, this.historyRuns)),
      members: this.members.map(({ kind, id, name, description }) =>
        description === undefined ? { kind, id, name } : { kind, id, name, description },
      ),
      delegate: (memberId, input) => this.#delegate(run, memberId, input),
    };
    await runEngine(this.#engine, request, run);
  }

  async #delegate(run: ComponentRun, memberId: string, input: string): Promise<string> {
    const member = this.members.find(({ id }) => id === memberId);
    if (!member) {
      const known = this.members.map(({ id }) => `"${id}"`).join(', ');
      throw new Error(`Team "${this.id}" has no member "${memberId}". Its members: ${known}.`);
    }
    try {
      const output = await run.runChild(member, input);
      run.output.memberResponses.push(output);
      return output.content;
    } catch (thrown) {
      if (thrown instanceof AgentRunError) run.output.memberResponses.push(thrown.runOutput);
      throw thrown;
    }
  }
}

function checkMembers(teamId: string, members: unknown): asserts members is readonly Component[] {
  if (!Array.isArray(members) || members.length === 0) {
    throw new AgentOsConfigurationError(
      `Team "${teamId}": expected members to be a non-empty array of components.`,
    );
  }
  const ids = new Set<string>();
  for (const [index, member] of members.entries()) {
    if (!(member instanceof Component)) {
      throw new AgentOsConfigurationError(
        `Team "${teamId}": members[${index}] is no agent, team or workflow. If it is imported, look for a circular import.`,
      );
    }
    if (ids.has(member.id))
      throw new AgentOsConfigurationError(`Team "${teamId}" has two members with the id "${member.id}".`);
    ids.add(member.id);
  }
}
