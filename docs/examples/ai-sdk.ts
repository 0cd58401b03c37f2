import { createOpenAICompatible } from '@ai-sdk/openai-compatible';
import { Module } from '@nestjs/common';
import { toStandardJsonSchema } from '@valibot/to-json-schema';
import { tool } from 'ai';
import { Agent, AgentOsModule, Team } from 'nestjs-agentos';
import { aiSdk, runContextOf, ToolError } from 'nestjs-agentos/ai-sdk';
import * as valibot from 'valibot';
import { z } from 'zod';

const provider = createOpenAICompatible({
  name: 'example',
  baseURL: process.env['OPENAI_BASE_URL'] ?? 'http://localhost:11434/v1',
});
const model = provider('small-1');

const orderStatus = tool({
  description: 'Looks up an order',
  inputSchema: z.object({ orderId: z.string() }),
  execute: ({ orderId }) => `Order ${orderId} has left our warehouse.`,
});

const support = new Agent({
  id: 'support',
  engine: aiSdk({
    model,
    instructions: 'You are a helpful support agent.',
    tools: { orderStatus },
    maxSteps: 5,
  }),
});

const remember = tool({
  description: 'Remembers the language that the user prefers',
  inputSchema: z.object({ language: z.string() }),
  execute: ({ language }, options) => {
    const { sessionState } = runContextOf(options);
    sessionState['language'] = language;
    return 'Noted.';
  },
});

const concierge = new Agent({
  id: 'concierge',
  engine: aiSdk({
    model,
    instructions: ({ context }) => {
      const { language = 'English' } = context.sessionState;
      return `Answer ${context.userId ?? 'the guest'} in ${String(language)}.`;
    },
    tools: { remember },
  }),
});

const Verdict = valibot.object({ topic: valibot.picklist(['orders', 'other']) });

const sorter = new Agent({
  id: 'sorter',
  retries: 1,
  engine: aiSdk({
    model,
    instructions: 'Say what the question is about.',
    output: toStandardJsonSchema(Verdict),
    temperature: 0,
    maxRetries: 5,
    timeout: 30_000,
  }),
});

const cancelOrder = tool({
  description: 'Cancels an order',
  inputSchema: z.object({ orderId: z.string() }),
  execute: ({ orderId }) => {
    if (!orderId.startsWith('A-')) throw new ToolError('Ask the user for the number that begins with A-.');
    return `Order ${orderId} is cancelled.`;
  },
});

const cancellations = new Agent({
  id: 'cancellations',
  engine: aiSdk({ model, instructions: 'You cancel orders.', tools: { cancelOrder } }),
});

const desk = new Team({
  id: 'desk',
  members: [support, cancellations],
  engine: aiSdk({ model, instructions: 'You lead a help desk.' }),
});

@Module({
  imports: [AgentOsModule.forRoot({ agents: [support, concierge, sorter, cancellations], teams: [desk] })],
})
export class AiSdkModule {}
