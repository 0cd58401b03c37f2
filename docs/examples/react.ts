import { Body, Controller, Module, Post, Res } from '@nestjs/common';
import { pipeUIMessageStreamToResponse } from 'ai';
import { Agent, AgentOsModule, AgentOsService } from 'nestjs-agentos';
import { toUIMessageStream } from 'nestjs-agentos/ai-sdk';
import type { ServerResponse } from 'node:http';

const support = new Agent({ id: 'support', engine: ({ input }) => `You asked: ${input}` });

@Controller('ask')
export class AskController {
  constructor(private readonly agentOs: AgentOsService) {}

  @Post()
  async ask(@Body('question') question: string, @Res() response: ServerResponse): Promise<void> {
    const stream = toUIMessageStream(this.agentOs.stream('support', question));
    await pipeUIMessageStreamToResponse({ response, stream });
  }
}

@Module({ imports: [AgentOsModule.forRoot({ agents: [support] })], controllers: [AskController] })
export class AppModule {}
