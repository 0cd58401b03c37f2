import { Injectable, Logger, Module } from '@nestjs/common';
import {
  Agent,
  AgentOsModule,
  AgentOsService,
  AgentRunError,
  InputCheckError,
  type PreHookContext,
} from 'nestjs-agentos';

@Injectable()
export class NightlyReport {
  constructor(private readonly agentOs: AgentOsService) {}

  async write(question: string): Promise<string> {
    try {
      const { content } = await this.agentOs.run('support', question);
      return content;
    } catch (error) {
      if (!(error instanceof AgentRunError)) throw error;
      const { code, publicMessage, runOutput } = error;
      Logger.warn(`Run ${runOutput.runId} ended as ${runOutput.status} (${code})`);
      return publicMessage;
    }
  }
}

function noShouting({ runInput }: PreHookContext): void {
  if (runInput.content === runInput.content.toUpperCase()) {
    throw new InputCheckError('Please do not shout.', { trigger: 'input_not_allowed' });
  }
}

const support = new Agent({
  id: 'support',
  engine: ({ input }) => `You asked: ${input}`,
  preHooks: [noShouting],
});

@Module({ imports: [AgentOsModule.forRoot({ agents: [support] })], providers: [NightlyReport] })
export class ErrorsModule {}
