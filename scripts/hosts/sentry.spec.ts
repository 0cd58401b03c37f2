import * as Sentry from '@sentry/nestjs';
import { Test } from '@nestjs/testing';
import { Agent, AgentOsModule, AgentOsService } from 'nestjs-agentos';

const envelopes: string[] = [];

Sentry.init({
  dsn: 'https://key@errors.invalid/1',
  transport: () => ({
    send: (envelope) => {
      envelopes.push(JSON.stringify(envelope));
      return Promise.resolve({});
    },
    flush: () => Promise.resolve(true),
  }),
});

describe('@sentry/nestjs', () => {
  it('reports a failed run, once, with its cause and its run id', async () => {
    const agent = new Agent({
      id: 'support',
      engine: () => {
        throw new RangeError('The parcel service is down');
      },
    });
    const agentOs = AgentOsModule.forRoot({
      agents: [agent],
      onRunError: ({ error, runId, component }) => {
        Sentry.captureException(error, { tags: { runId, component: component.id } });
      },
    });
    const testing = await Test.createTestingModule({ imports: [agentOs] }).compile();
    const app = await testing.createNestApplication({ logger: false }).init();

    const failed: unknown = await app
      .get(AgentOsService)
      .run('support', 'When?')
      .catch((error: unknown) => error);
    await Sentry.flush(1_000);
    await app.close();

    const { runId } = (failed as { runOutput: { runId: string } }).runOutput;
    const reports = envelopes.filter((envelope) => envelope.includes('The parcel service is down'));
    expect(reports).toHaveLength(1);
    expect(reports[0]).toContain('RangeError');
    expect(reports[0]).toContain(runId);
  });
});
