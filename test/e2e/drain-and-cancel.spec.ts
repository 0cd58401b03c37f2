import { Controller, Get } from '@nestjs/common';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import {
  Agent,
  AgentOsService,
  defineHook,
  Team,
  type PostHookContext,
  type PreHookContext,
} from 'nestjs-agentos';
import { createGate, type Gate } from 'nestjs-agentos/testing';

import { inBackground } from '../support/background-hook.js';
import { namesOf, parseFrames } from '../support/http-client.js';
import { ask, DOMAIN_SURFACES } from '../support/surfaces.js';
import { closeApps, startApp } from '../support/test-app.js';

const steps: string[] = [];
let settled: Gate;
let answer: Gate;

beforeEach(() => {
  steps.length = 0;
  settled = createGate();
  answer = createGate();
});
afterEach(closeApps);

/** A user's own controller, which has something to do between its run and its answer. */
@Controller()
class AskController {
  constructor(private readonly agentOs: AgentOsService) {}

  @Get('ask-slowly')
  async askSlowly(): Promise<string> {
    const { content } = await this.agentOs.run('support', 'own');
    settled.open();
    await answer.opened;
    return content;
  }

  @Get('ask-and-drain')
  async askAndDrain(): Promise<string> {
    const { content } = await this.agentOs.run('support', 'own');
    settled.open();
    await this.agentOs.drain();
    steps.push('drained');
    return content;
  }
}

/** An agent whose background hook records its run, after `other` only when that is open. */
function createAgent(other: Gate = createGate()): Agent {
  const record = async ({ runInput: { content } }: PostHookContext): Promise<void> => {
    if (content === 'other') await other.opened;
    steps.push(`hook of ${content}`);
  };
  return new Agent({
    id: 'support',
    engine: () => 'the answer',
    postHooks: [inBackground('record', record)],
  });
}

describe('The method drain()', () => {
  it('waits for the hooks of settled runs whose response has not left', async () => {
    const { agentOs, url } = await startApp({
      agentOs: { agents: [createAgent()] },
      controllers: [AskController],
    });
    const asking = fetch(`${url}/ask-slowly`);
    await settled.opened;

    const drained = agentOs.drain().then(() => steps.push('drained'));
    await fetch(`${url}/health`);
    steps.push('answer may leave');
    answer.open();
    await drained;

    expect(steps).toEqual(['answer may leave', 'hook of own', 'drained']);
    expect(await (await asking).text()).toBe('the answer');
  });

  it("leaves out the caller's own request, whose hooks wait for it, and waits for all others", async () => {
    const other = createGate();
    const { agentOs, url } = await startApp({
      agentOs: { agents: [createAgent(other)] },
      controllers: [AskController],
    });
    await agentOs.run('support', 'other');

    const asking = fetch(`${url}/ask-and-drain`).then((response) => response.text());
    await settled.opened;
    await fetch(`${url}/health`);
    steps.push('hook of other may end');
    other.open();
    expect(await asking).toBe('the answer');
    await agentOs.drain();

    expect(steps).toEqual(['hook of other may end', 'hook of other', 'drained', 'hook of own']);
  });

  it('neither stops new runs nor waits for them', async () => {
    const other = createGate();
    const { agentOs } = await startApp({ agentOs: { agents: [createAgent(other)] } });
    await agentOs.run('support', 'first');

    const drained = agentOs.drain().then(() => steps.push('drained'));
    await agentOs.run('support', 'other');
    await drained;
    other.open();
    await agentOs.drain();

    expect(steps).toEqual(['hook of first', 'drained', 'hook of other']);
  });

  it('throws inside a background hook, which would wait for itself', async () => {
    const service: { agentOs?: AgentOsService } = {};
    const agent = new Agent({
      id: 'support',
      engine: () => 'the answer',
      postHooks: [inBackground('impatient', () => service.agentOs?.drain())],
    });
    const { agentOs, log } = await startApp({ agentOs: { agents: [agent] } });
    service.agentOs = agentOs;

    await agentOs.run('support', 'hello');
    await agentOs.drain();

    expect(log.messages('error')).toEqual([
      expect.stringContaining('drain() was called in a background hook, which would wait for itself.'),
    ]);
  });
});

describe.each(DOMAIN_SURFACES)(
  'The method cancel(), on $adapter over $transport',
  ({ adapter, transport }) => {
    it('cancels a run with the runs below it, and releases the hooks that ask for cancelled runs', async () => {
      const started = createGate();
      let runId = '';
      const writer = new Agent({
        id: 'writer',
        engine: ({ signal }) => {
          signal.addEventListener('abort', () => steps.push('engine of writer aborted'));
          started.open();
          return new Promise<never>(() => undefined);
        },
        postHooks: [inBackground('thanks', () => void steps.push('thanks'))],
      });
      const desk = new Team({
        id: 'desk',
        members: [writer],
        engine: ({ delegate }) => delegate('writer', 'hello'),
        preHooks: [({ runContext }) => (runId = runContext.runId)],
        postHooks: [
          inBackground('sorry', ({ runOutput }) => void steps.push(`sorry, ${runOutput.status}`), {
            on: ['cancelled'],
          }),
        ],
      });
      const { agentOs, url } = await startApp({ adapter, agentOs: { teams: [desk] } });
      const asking = ask(url, '/teams/desk', 'hello', transport);
      await started.opened;

      const cancelled = [agentOs.cancel('unknown'), agentOs.cancel(runId)];
      const { status, body, text } = await asking;
      await agentOs.drain();

      expect([...cancelled, agentOs.cancel(runId)]).toEqual([false, true, false]);
      expect(status).toBe(200);
      if (transport === 'json') expect(body.status).toBe('CANCELLED');
      else
        expect(namesOf(parseFrames(text))).toEqual(
          expect.arrayContaining(['RunCancelled', 'TeamRunCancelled']),
        );
      expect(steps).toEqual(['engine of writer aborted', 'sorry, CANCELLED']);
    });

    it('records a running inline hook as dropped, whatever it does later', async () => {
      const started = createGate();
      const late = createGate();
      const hold = async (context: PreHookContext): Promise<void> => {
        context.signal.addEventListener('abort', () => steps.push('hook aborted'));
        runId = context.runContext.runId;
        started.open();
        await late.opened;
        throw new Error('too late');
      };
      let runId = '';
      const agent = new Agent({
        id: 'support',
        engine: () => 'never asked',
        preHooks: [defineHook(hold, { runInBackground: false })],
      });
      const { agentOs, url, log } = await startApp({ adapter, agentOs: { agents: [agent] } });
      const asking = ask(url, '/agents/support', 'hello', transport);
      await started.opened;

      agentOs.cancel(runId);
      const { text } = await asking;
      late.open();
      await agentOs.drain();

      expect(text).not.toContain('never asked');
      expect(steps).toEqual(['hook aborted']);
      expect(await agentOs.executions.list()).toMatchObject([
        { hook: 'hold', state: 'dropped', reason: 'cancelled' },
      ]);
      expect(log.messages('error')).toEqual([]);
    });
  },
);

it('A cancelled member ends alone, and its leader continues', async () => {
  const writerStarted = createGate();
  let writerRun = '';
  const writer = new Agent({
    id: 'writer',
    engine: ({ context }) => {
      writerRun = context.runId;
      writerStarted.open();
      return new Promise<never>(() => undefined);
    },
  });
  const desk = new Team({
    id: 'desk',
    members: [writer],
    engine: ({ delegate }) =>
      delegate('writer', 'hello').catch((error: Error) => `without the writer: ${error.name}`),
  });
  const { agentOs } = await startApp({ agentOs: { teams: [desk] } });
  const running = agentOs.run('desk', 'hello');
  await writerStarted.opened;

  agentOs.cancel(writerRun);

  expect(await running).toMatchObject({
    status: 'COMPLETED',
    content: 'without the writer: RunCancelledError',
  });
});
