import { Body, Controller, Module, Post, Res } from '@nestjs/common';
import type { RunAgentInput } from '@ag-ui/core';
import { Agent, AgentOsModule, AgentOsService } from 'nestjs-agentos';
import { toAgUiEvents } from 'nestjs-agentos/ag-ui';
import type { ServerResponse } from 'node:http';

const support = new Agent({ id: 'support', engine: ({ input }) => `You asked: ${input}` });

@Controller('ask')
export class AskController {
  constructor(private readonly agentOs: AgentOsService) {}

  @Post()
  async ask(@Body() input: RunAgentInput, @Res() response: ServerResponse): Promise<void> {
    const content = input.messages.at(-1)?.content;
    const question = typeof content === 'string' ? content : '';
    const run = this.agentOs.stream('support', question, { sessionId: input.threadId });
    response.setHeader('content-type', 'text/event-stream');
    for await (const event of toAgUiEvents(run, input)) response.write(`data: ${JSON.stringify(event)}\n\n`);
    response.end();
  }
}

@Module({ imports: [AgentOsModule.forRoot({ agents: [support] })], controllers: [AskController] })
export class AppModule {}
