import {
  BadGatewayException,
  BadRequestException,
  GatewayTimeoutException,
  Injectable,
  NotFoundException,
  NotImplementedException,
} from '@nestjs/common';

import { AgentOsRuntime } from '../../agent-os.runtime.js';
import type { Component } from '../../components/component.js';
import { evaluateAnswer, judgeOf, type Judge } from '../../evals/agent-as-judge.js';
import { RunShutDownError } from '../../errors/run.errors.js';
import { EVAL_TYPE } from '../../protocol/evaluations.js';
import type { NewEvaluation } from '../../protocol/requests.js';
import { run } from '../../runs/start.js';
import { EvalStore, type Evaluation } from '../../sessions/eval.store.js';
import { SessionAccess } from '../sessions/session.access.js';

/** Milliseconds that a judge has; that of a background hook, as judges are. */
const TIMEOUT = 60_000;

/** Evaluates a component on request: runs it, and has its own judge evaluate the answer by the criteria of the request. */
@Injectable()
export class EvaluationRunner {
  constructor(
    private readonly runtime: AgentOsRuntime,
    private readonly evals: EvalStore,
    private readonly access: SessionAccess,
  ) {}

  /**
   * @throws BadRequestException without a component or criteria, or with two components
   * @throws NotFoundException if the component does not exist
   * @throws NotImplementedException for another type of evaluation, and for a component without a judge
   * @throws AgentRunError if the run or its judge does not complete
   * @throws BadGatewayException if the judge gives no verdict
   * @throws GatewayTimeoutException if the judge takes too long
   */
  async evaluate(asked: NewEvaluation, request: object): Promise<Evaluation> {
    const component = this.#component(asked);
    const { eval_type: type, criteria, input } = asked;
    if (type !== EVAL_TYPE)
      throw new NotImplementedException(`Only evaluations of the type ${EVAL_TYPE} are run.`);
    if (criteria === undefined)
      throw new BadRequestException('criteria is required for agent-as-judge evaluation');
    const judge = this.#judge(component);
    const guidelines = [asked.additional_guidelines, asked.additional_context].filter(
      (text) => text !== undefined,
    );
    const { name = judge.name, scoring_strategy: scoring, threshold } = asked;
    const task = { name, criteria, guidelines, scoring, threshold };
    return this.runtime.evaluations.conduct(component.id, async () => {
      const output = await this.#run(component, input, request);
      const evaluation = await this.#judgeAnswer(judge, task, { input, output });
      if (!evaluation) throw new BadGatewayException('The judge gave no verdict.');
      await this.evals.save(evaluation);
      return evaluation;
    });
  }

  async #judgeAnswer(
    judge: Judge,
    task: Parameters<typeof evaluateAnswer>[1],
    answer: Parameters<typeof evaluateAnswer>[2],
  ): Promise<Evaluation | undefined> {
    const { shutdown } = this.runtime;
    const timeout = AbortSignal.timeout(TIMEOUT);
    try {
      return await evaluateAnswer(judge, task, answer, AbortSignal.any([timeout, shutdown]));
    } catch (thrown) {
      if (shutdown.aborted) throw new RunShutDownError();
      if (timeout.aborted) throw new GatewayTimeoutException('The judge has taken too long.');
      throw thrown;
    }
  }

  #component({ agent_id: agentId, team_id: teamId }: NewEvaluation): Component {
    if (agentId !== undefined && teamId !== undefined)
      throw new BadRequestException('Only one of agent_id or team_id must be provided');
    const id = agentId ?? teamId;
    if (id === undefined) throw new BadRequestException('One of agent_id or team_id must be provided');
    const [kind, title] = agentId === undefined ? (['team', 'Team'] as const) : (['agent', 'Agent'] as const);
    const component = this.runtime.components.get(id);
    if (component?.kind !== kind) throw new NotFoundException(`${title} with id '${id}' not found`);
    return component;
  }

  #judge({ id, postHooks }: Component): Judge {
    const hooks: readonly object[] = [...postHooks, ...this.runtime.options.postHooks];
    const judge = hooks.map(judgeOf).find((found) => found !== undefined);
    if (judge) return judge;
    throw new NotImplementedException(
      `"${id}" has no judge. Put the hook agentAsJudge() into its postHooks or those of the module: its engine judges.`,
    );
  }

  async #run(component: Component, input: string, request: object): ReturnType<typeof run> {
    const userId = await this.access.userOf(request);
    const owned = this.access.isHostAsked ? { owner: userId ?? null } : {};
    const options = userId === undefined ? {} : { userId };
    return run({ component, input, options, ...owned, environment: this.runtime.environment });
  }
}
