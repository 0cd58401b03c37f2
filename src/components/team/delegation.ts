import type { RunOutput } from '../../model/run-output.js';
import type { ComponentRun } from '../../runs/component.port.js';
import type { Component } from '../component.js';
import type { DelegateOptions } from '../engine.js';
import { addAnswer } from '../run-engine.js';

/** The team that delegates. */
interface DelegatingTeam {
  readonly id: string;
  readonly members: readonly Component[];
}

/** Runs members for a leader. */
export class Delegation {
  protected readonly team: DelegatingTeam;
  protected readonly run: ComponentRun;

  constructor(team: DelegatingTeam, run: ComponentRun) {
    this.team = team;
    this.run = run;
  }

  /**
   * @returns the member's answer
   * @throws Error that names the members if there is none with this id
   */
  async delegate(memberId: string, input: string, options: DelegateOptions = {}): Promise<string> {
    const { content } = await this.runMember(memberId, input, options);
    return content;
  }

  protected runMember(memberId: string, input: string, { toolCallId }: DelegateOptions): Promise<RunOutput> {
    const member = this.team.members.find(({ id }) => id === memberId);
    if (member) return this.run.runPart(member, input, toolCallId === undefined ? {} : { toolCallId });
    const known = this.team.members.map(({ id }) => `"${id}"`).join(', ');
    throw new Error(`Team "${this.team.id}" has no member "${memberId}". Its members: ${known}.`);
  }
}

/** Runs one member, whose answer is the team's: the leader's own text is not shown. */
export class RoutedDelegation extends Delegation {
  #answer: RunOutput | undefined;
  #routedTo: string | undefined;

  override async delegate(memberId: string, input: string, options: DelegateOptions = {}): Promise<string> {
    if (this.#routedTo !== undefined) {
      throw new Error(
        `Team "${this.team.id}" has mode 'route' and has already delegated to "${this.#routedTo}". ` +
          "Use mode 'coordinate' to delegate to several members.",
      );
    }
    const answering = this.runMember(memberId, input, options);
    this.#routedTo = memberId;
    this.#answer = await answering;
    return this.#answer.content;
  }

  /** Makes the member's answer the team's. */
  async answer(): Promise<void> {
    if (!this.#answer)
      throw new Error(
        `Team "${this.team.id}" has mode 'route', but its leader did not delegate to a member.`,
      );
    const { data, metrics } = this.#answer;
    this.run.throwIfAbandoned();
    this.run.setData(data);
    this.run.setFinishReason(metrics.finishReason);
    await addAnswer(this.#answer, this.run);
  }
}
