import { Test } from '@nestjs/testing';
import { Agent, AgentOsModule, AgentOsService } from 'nestjs-agentos';
import * as agUi from 'nestjs-agentos/ag-ui';
import * as aiSdk from 'nestjs-agentos/ai-sdk';
import * as engine from 'nestjs-agentos/engine';
import * as executor from 'nestjs-agentos/executor';
import * as guardrails from 'nestjs-agentos/guardrails';
import * as openapi from 'nestjs-agentos/openapi';
import * as sql from 'nestjs-agentos/sql';
import * as stores from 'nestjs-agentos/stores';
import * as testing from 'nestjs-agentos/testing';

describe('the package', () => {
  it('loads by each of its entries, with the dependencies that are ES modules only', () => {
    const entries = { agUi, aiSdk, engine, executor, guardrails, openapi, sql, stores, testing };

    for (const [name, entry] of Object.entries(entries))
      expect([name, Object.keys(entry)]).not.toEqual([name, []]);
  });

  it('starts and runs', async () => {
    const agent = new Agent({ id: 'support', engine: () => 'Tomorrow.' });
    const compiled = await Test.createTestingModule({
      imports: [AgentOsModule.forRoot({ agents: [agent] })],
    }).compile();
    const app = await compiled.createNestApplication({ logger: false }).init();

    expect((await app.get(AgentOsService).run('support', 'When?')).content).toBe('Tomorrow.');
    await app.close();
  });
});
