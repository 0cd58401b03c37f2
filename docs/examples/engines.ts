import { createOpenAICompatible } from '@ai-sdk/openai-compatible';
import { Module } from '@nestjs/common';
import { Agent, AgentOsModule } from 'nestjs-agentos';
import { Engine, type EngineEvent, type EngineRequest } from 'nestjs-agentos/engine';
import { aiSdk } from 'nestjs-agentos/ai-sdk';
import { z } from 'zod';

const echo = new Agent({ id: 'echo', engine: ({ input }) => `You said: ${input}` });

const counting = new Agent({
  id: 'counting',
  engine: async function* ({ input, signal }) {
    for (const word of input.split(' ')) {
      signal.throwIfAborted();
      yield `${word} `;
      await new Promise((resolve) => setTimeout(resolve, 10));
    }
  },
});

const provider = createOpenAICompatible({ name: 'example', baseURL: 'http://localhost:11434/v1' });

const classifier = new Agent({
  id: 'classifier',
  engine: aiSdk({
    model: provider('small-1'),
    instructions: 'Say what the question is about.',
    output: z.object({ topic: z.enum(['orders', 'other']) }),
  }),
});

/** An engine for a model behind HTTP that answers with lines of JSON. */
class HttpModel extends Engine {
  override readonly model = { id: 'small-1', provider: 'example' };

  constructor(private readonly url: string) {
    super();
  }

  override async *stream({ messages, signal }: EngineRequest): AsyncGenerator<EngineEvent> {
    yield { type: 'model-request-started' };
    const body = JSON.stringify({ messages });
    const response = await fetch(this.url, { method: 'POST', body, signal });
    if (!response.ok) throw new Error(`The model answered ${response.status}`);
    const { text, tokens } = (await response.json()) as { text: string; tokens: number };
    yield { type: 'text', text };
    yield { type: 'model-request-completed', outputTokens: tokens };
  }
}

const remote = new Agent({
  id: 'remote',
  engine: new HttpModel('https://model.example/v1'),
  retries: 2,
});

@Module({ imports: [AgentOsModule.forRoot({ agents: [echo, counting, classifier, remote] })] })
export class EnginesModule {}
