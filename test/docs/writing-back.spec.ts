import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { INestApplication } from '@nestjs/common';
import { Test } from '@nestjs/testing';
import { AgentOsService, type PostHookContext, type RunOutput } from 'nestjs-agentos';
import { SessionStore } from 'nestjs-agentos/stores';

import { FeedbackController, RunSummaries, WritingBackModule } from '../../docs/examples/writing-back.js';

describe('The page docs/guide/writing-back.md', () => {
  let app: INestApplication;
  let output: RunOutput;

  beforeAll(async () => {
    const testing = await Test.createTestingModule({ imports: [WritingBackModule] }).compile();
    app = await testing.createNestApplication({ logger: false }).init();
    const agentOs = app.get(AgentOsService);
    output = await agentOs.run('support', 'the invoice', { sessionId: 's', userId: 'ann' });
    await agentOs.drain();
  });

  afterAll(() => app.close());

  async function storedMetadata(): Promise<Record<string, unknown> | undefined> {
    const [run] = await app.get(SessionStore).runs('s', { runId: output.runId });
    return run?.output.metadata;
  }

  it('shows hooks that tag and summarize a run, and summarize its session', async () => {
    expect(await storedMetadata()).toMatchObject({
      tags: ['invoice'],
      summary: 'In short: You asked: the invoice',
      summarizedBy: expect.any(String),
    });
    expect(await app.get(SessionStore).find('s')).toMatchObject({
      summary: { summary: 'In short: You asked: the invoice' },
    });
  });

  it('shows a hook that makes no second summary when it runs again with the same execution id', async () => {
    const executionId = String((await storedMetadata())?.['summarizedBy']);
    const repeat = (id: string, content: string) =>
      app.get(RunSummaries).summarize({
        runOutput: { ...output, content },
        hook: { executionId: id },
      } as unknown as PostHookContext);

    await repeat(executionId, 'again');
    expect(await storedMetadata()).toMatchObject({ summary: 'In short: You asked: the invoice' });
    await repeat('another', 'again');
    expect(await storedMetadata()).toMatchObject({ summary: 'In short: again', summarizedBy: 'another' });
  });

  it('shows a controller that takes feedback from the owner of the run only', async () => {
    const controller = app.get(FeedbackController);
    await expect(controller.rate(output.runId, 1, { user: { id: 'bob' } })).rejects.toThrow('Not Found');
    expect(await storedMetadata()).not.toHaveProperty('rating');
    await controller.rate(output.runId, 5, { user: { id: 'ann' } });
    expect(await storedMetadata()).toMatchObject({ rating: 5, tags: ['invoice'] });
  });
});
