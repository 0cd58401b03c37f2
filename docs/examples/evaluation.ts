import { Injectable, Logger, Module } from '@nestjs/common';
import { Agent, agentAsJudge, AgentOsModule, sampled } from 'nestjs-agentos';
import { EvalStore } from 'nestjs-agentos/stores';

/** A stand-in for a model; see the page on engines. */
const strictJudge = (): string => JSON.stringify({ score: 4, reason: 'The answer does not say when.' });

const support = new Agent({
  id: 'support',
  engine: ({ input }) => `You asked: ${input}`,
  postHooks: [
    agentAsJudge({
      engine: strictJudge,
      criteria: 'The answer is polite and solves the problem.',
      threshold: 7,
      runInBackground: true,
      when: sampled(0.1),
      retry: { attempts: 3 },
      onFail: ({ score, reason }) => Logger.warn(`Judged ${score}: ${reason}`),
    }),
  ],
});

@Injectable()
export class Evaluations {
  constructor(private readonly evaluations: EvalStore) {}

  async failed(): Promise<string[]> {
    const latest = await this.evaluations.list({ componentId: 'support', limit: 50 });
    return latest.filter(({ passed }) => !passed).map(({ runId, reason }) => `${runId}: ${reason}`);
  }
}

@Module({ imports: [AgentOsModule.forRoot({ agents: [support] })], providers: [Evaluations] })
export class EvaluationModule {}
