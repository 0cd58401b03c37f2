import { afterEach, describe, expect, it } from '@jest/globals';
import { Test } from '@nestjs/testing';
import { Agent } from 'nestjs-agentos';

import { ServiceModule, Transcripts } from '../../docs/examples/service-and-events.js';
import { tableUnder, namesIn, readDocument } from '../support/documents.js';
import { closeApps, startApp } from '../support/test-app.js';
import { askAgent, type AgentOsEvent } from './ask-agent.js';

const PAGE = readDocument('docs/guide/service-and-events.md');

afterEach(closeApps);

describe('The page docs/guide/service-and-events.md', () => {
  it('lists every type of event that a run has', () => {
    const types = [...readDocument('src/model/run-event.ts').matchAll(/readonly type: '([^']+)'/g)];
    const listed = tableUnder(PAGE, '## Events').flatMap(([names]) => namesIn(names));
    expect(listed.sort()).toEqual(types.map(([, type]) => type).sort());
  });

  it('shows a service that keeps the texts of a run', async () => {
    const testing = await Test.createTestingModule({ imports: [ServiceModule] }).compile();
    const app = await testing.createNestApplication({ logger: false }).init();
    expect(await app.get(Transcripts).of('Hello')).toEqual(['You asked: Hello', 'COMPLETED']);
    await app.close();
  });

  it('shows code that reads the events of a run, however the stream is split', async () => {
    const agent = new Agent({
      id: 'support',
      engine: () => ['one\n\n', 'data: two', 'ü'.repeat(70_000)].join(' '),
    });
    const { url } = await startApp({ agentOs: { agents: [agent] } });
    const events: AgentOsEvent[] = [];
    await askAgent(`${url}/agents/support`, 'Hello', (event) => events.push(event));
    expect(events.map(({ event }) => event)).toEqual(
      expect.arrayContaining(['RunStarted', 'RunContent', 'RunCompleted']),
    );
    expect(events.at(-1)?.content).toBe(`one\n\n data: two ${'ü'.repeat(70_000)}`);
  });

  it('shows code that rejects with the response of a wrong address', async () => {
    const { url } = await startApp({});
    await expect(askAgent(`${url}/agents/nobody`, 'Hello', () => undefined)).rejects.toThrow('404');
  });
});
