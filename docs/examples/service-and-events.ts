import { Injectable, Module } from '@nestjs/common';
import { Agent, AgentOsModule, AgentOsService } from 'nestjs-agentos';

@Injectable()
export class Transcripts {
  constructor(private readonly agentOs: AgentOsService) {}

  async of(question: string): Promise<string[]> {
    const lines: string[] = [];
    for await (const event of this.agentOs.stream('support', question, { userId: 'ann' })) {
      if (event.type === 'run-content') lines.push(event.content);
      if (event.type === 'run-error') lines.push(`failed: ${event.content}`);
      if (event.type === 'run-completed') lines.push(event.output.status);
    }
    return lines;
  }
}

const support = new Agent({ id: 'support', engine: ({ input }) => `You asked: ${input}` });

@Module({ imports: [AgentOsModule.forRoot({ agents: [support] })], providers: [Transcripts] })
export class ServiceModule {}
