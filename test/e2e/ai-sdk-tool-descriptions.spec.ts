import { afterEach, describe, expect, it } from '@jest/globals';
import { tool } from 'ai';
import { MockLanguageModelV3 } from 'ai/test';
import { Agent, Team } from 'nestjs-agentos';
import { aiSdk, DELEGATE_TOOL } from 'nestjs-agentos/ai-sdk';
import { z } from 'zod';

import { closeApps, startApp } from '../support/test-app.js';

afterEach(closeApps);

async function jsonOf(url: string): Promise<unknown> {
  return (await fetch(url)).json();
}

describe('The tools of an engine on the AI SDK', () => {
  const model = new MockLanguageModelV3({ provider: 'mock', modelId: 'mock-1' });
  const add = tool({
    title: 'Secret title',
    description: 'Adds two numbers',
    inputSchema: z.object({ a: z.int(), b: z.int().optional() }),
    execute: ({ a, b = 0 }) => a + b,
    providerOptions: { mock: { password: '1234' } },
  });

  it('are shown with name, description and schema, and nothing else', async () => {
    const mute = tool({ inputSchema: z.object({}), execute: () => 'Hi' });
    const late = tool({
      inputSchema: { ...schemaOf(Promise.reject(new Error('no schema'))) },
      execute: () => 'Hi',
    } as never);
    const agent = new Agent({ id: 'adder', engine: aiSdk({ model, tools: { add, mute, late } }) });
    const { url } = await startApp({ agentOs: { agents: [agent] } });
    const { tools } = (await jsonOf(`${url}/agents/adder`)) as { tools: unknown };
    expect(tools).toEqual({
      tools: [
        {
          name: 'add',
          description: 'Adds two numbers',
          parameters: expect.objectContaining({
            type: 'object',
            properties: {
              a: expect.objectContaining({ type: 'integer' }),
              b: expect.objectContaining({ type: 'integer' }),
            },
            required: ['a'],
          }),
        },
        { name: 'mute', parameters: expect.objectContaining({ type: 'object', properties: {} }) },
        { name: 'late', parameters: {} },
      ],
    });
  });

  it('include, for a leader, the tool to delegate with', async () => {
    const plain = new Agent({ id: 'plain', name: 'Plain', engine: () => 'Hi' });
    const other = new Agent({ id: 'other', engine: () => 'Hi' });
    const team = new Team({
      id: 'desk',
      members: [plain, other],
      engine: aiSdk({ model, tools: { add } }),
    });
    const { url } = await startApp({ agentOs: { teams: [team] } });
    expect(await jsonOf(`${url}/teams/desk`)).toMatchObject({
      tools: {
        tools: [
          { name: 'add' },
          {
            name: DELEGATE_TOOL,
            description: expect.stringContaining('plain (agent, Plain)'),
            parameters: { properties: { member_id: { enum: ['plain', 'other'] } } },
          },
        ],
      },
    });
  });

  it('are left out of the list if the engine has none', async () => {
    const { url } = await startApp({
      agentOs: { agents: [new Agent({ id: 'a', engine: aiSdk({ model }) })] },
    });
    expect(await jsonOf(`${url}/agents/a`)).not.toHaveProperty('tools');
  });
});

/** A schema of the AI SDK whose description takes its time. */
function schemaOf(description: Promise<never>): object {
  description.catch(() => undefined);
  return {
    [Symbol.for('vercel.ai.schema')]: true,
    [Symbol.for('vercel.ai.validator')]: true,
    jsonSchema: description,
    validate: undefined,
  };
}
