import { Controller, Post, type CanActivate } from '@nestjs/common';
import { afterEach, describe, expect, it } from '@jest/globals';
import { Agent, AgentOsService, Team, type AgentOsOptions, type PostHookContext } from 'nestjs-agentos';
import type { EngineRequest } from 'nestjs-agentos/engine';
import { createGate, RunStream, type PendingRun } from 'nestjs-agentos/testing';

import { inBackground } from '../support/background-hook.js';
import { SURFACES } from '../support/surfaces.js';
import { ADAPTERS, closeApps, startApp, type Adapter, type TestApp } from '../support/test-app.js';

type Policy = NonNullable<AgentOsOptions['onDisconnect']>;

/** A run that stops at gates, and a hook that tells how it ended. */
class Scene {
  readonly steps: string[] = [];
  readonly guardAsked = createGate();
  readonly guardAnswers = createGate();
  readonly engineWorks = createGate();
  readonly engineGoesOn = createGate();
  readonly hookRan = createGate();

  readonly agent = new Agent({
    id: 'slow',
    engine: (request) => this.#work(request),
    postHooks: [
      inBackground('report', (context) => this.#report(context), { on: ['completed', 'cancelled'] }),
    ],
  });

  /** Holds requests back before they reach a handler. */
  readonly guard: CanActivate = {
    canActivate: async () => {
      this.guardAsked.open();
      await this.guardAnswers.opened;
      return true;
    },
  };

  start(adapter: Adapter, onDisconnect: Policy): Promise<TestApp> {
    const http = { guards: [this.guard] };
    return startApp({ adapter, agentOs: { agents: [this.agent], onDisconnect, http } });
  }

  /** Resolves when all hooks have run; then looks for more executions than were recorded. */
  async end({ agentOs }: TestApp): Promise<void> {
    await this.hookRan.opened;
    this.engineGoesOn.open();
    await agentOs.drain();
    const { length } = await agentOs.executions.list({ hook: 'report' });
    this.steps.push(`${length} execution`);
  }

  async *#work({ signal }: EngineRequest): AsyncGenerator<string> {
    signal.addEventListener('abort', () => this.steps.push('engine aborted'));
    yield 'one ';
    this.engineWorks.open();
    await this.engineGoesOn.opened;
    yield 'two';
  }

  #report({ runOutput, hook }: PostHookContext): void {
    const content = runOutput.content.slice(0, 7);
    this.steps.push(`${runOutput.status} "${content}", delivered: ${hook.delivered}`);
    this.hookRan.open();
  }
}

afterEach(closeApps);

describe.each(SURFACES)('Disconnects ($adapter, $transport)', ({ adapter, transport }) => {
  const ask = ({ client }: TestApp): RunStream | PendingRun =>
    transport === 'sse' ? client.stream('slow', 'hello') : client.run('slow', 'hello');

  it.each<{ onDisconnect: Policy; ending: string }>([
    { onDisconnect: 'finish', ending: 'COMPLETED "one two", delivered: false' },
    { onDisconnect: 'cancel', ending: 'CANCELLED "", delivered: false' },
  ])(
    'G8: a client may leave before its request is handled ($onDisconnect)',
    async ({ onDisconnect, ending }) => {
      const scene = new Scene();
      const app = await scene.start(adapter, onDisconnect);
      scene.engineGoesOn.open();

      const client = ask(app);
      await scene.guardAsked.opened;
      await client.leave();
      scene.guardAnswers.open();
      await scene.end(app);

      expect(scene.steps).toEqual([ending, '1 execution']);
    },
  );

  it('G8: a client that leaves early changes nothing but `hook.delivered`: the run finishes without it and its hooks run, exactly once', async () => {
    const scene = new Scene();
    const app = await scene.start(adapter, 'finish');
    scene.guardAnswers.open();

    const client = ask(app);
    await scene.engineWorks.opened;
    // A stream has begun by now; of a JSON answer not even the headers have been sent.
    if (client instanceof RunStream) await client.until('RunContent');
    await client.leave();
    scene.engineGoesOn.open();
    await scene.end(app);

    expect(scene.steps).toEqual(['COMPLETED "one two", delivered: false', '1 execution']);
  });

  it("G8: with `onDisconnect: 'cancel'` the engine's signal is aborted and the outcome is cancelled", async () => {
    const scene = new Scene();
    const app = await scene.start(adapter, 'cancel');
    scene.guardAnswers.open();

    const client = ask(app);
    await scene.engineWorks.opened;
    if (client instanceof RunStream) await client.until('RunContent');
    await client.leave();
    await scene.end(app);

    expect(scene.steps).toEqual(['engine aborted', 'CANCELLED "one ", delivered: false', '1 execution']);
  });

  it.each<Policy>(['finish', 'cancel'])(
    'G8: a client that leaves after the last byte has got everything (%s)',
    async (onDisconnect) => {
      const scene = new Scene();
      const app = await scene.start(adapter, onDisconnect);
      scene.guardAnswers.open();
      scene.engineGoesOn.open();

      const client = ask(app);
      const answer = client instanceof RunStream ? await client.rest() : await client;
      expect(JSON.stringify(answer)).toContain('one two');
      await client.leave();
      await scene.end(app);

      expect(scene.steps).toEqual(['COMPLETED "one two", delivered: true', '1 execution']);
    },
  );
});

describe.each(ADAPTERS)('Responses (%s)', (adapter) => {
  it('G8: a client that has stopped reading holds the run up only until it leaves', async () => {
    const scene = new Scene();
    const { postHooks } = scene.agent;
    const talkative = new Agent({
      id: 'talkative',
      async *engine() {
        // More than the sockets take in while nobody reads.
        for (let piece = 0; piece < 320; piece += 1) yield 'x'.repeat(65_536);
        scene.steps.push('engine ends');
      },
      postHooks,
    });
    const app = await startApp({ adapter, agentOs: { agents: [talkative] } });

    const client = app.client.stream('talkative', 'hello');
    await client.until('RunContent');
    scene.steps.push('client leaves');
    await client.leave();
    await scene.end(app);

    expect(scene.steps).toEqual([
      'client leaves',
      'engine ends',
      'COMPLETED "xxxxxxx", delivered: false',
      '1 execution',
    ]);
  });

  it("G8: with `onDisconnect: 'cancel'` every run of the tree is cancelled", async () => {
    const steps: string[] = [];
    const working = createGate();
    const ended = createGate();
    const report = inBackground(
      'report',
      ({ component, runOutput }) => {
        steps.push(`${component.id} ${runOutput.status}`);
        if (component.id === 'team') ended.open();
      },
      { on: ['completed', 'cancelled'] },
    );
    const member = new Agent({
      id: 'member',
      engine: ({ signal }) =>
        new Promise((_resolve, reject) => {
          signal.addEventListener('abort', () => reject(new Error('aborted')));
          working.open();
        }),
      postHooks: [report],
    });
    const team = new Team({
      id: 'team',
      members: [member],
      engine: ({ delegate }) => delegate('member', 'hello').catch(() => 'I go on alone.'),
      postHooks: [report],
    });
    const app = await startApp({ adapter, agentOs: { teams: [team], onDisconnect: 'cancel' } });

    const client = app.client.run('team', 'hello');
    await working.opened;
    await client.leave();
    await ended.opened;

    expect(steps).toEqual(['member CANCELLED', 'team CANCELLED']);
  });

  it('release their hooks with `delivered: false` if they stay open longer than `releaseAfter`', async () => {
    const scene = new Scene();
    scene.engineGoesOn.open();

    @Controller()
    class TardyController {
      constructor(private readonly agentOs: AgentOsService) {}

      @Post('tardy')
      async answer(): Promise<string> {
        await this.agentOs.run('slow', 'hello');
        // Waits for the hook, which would wait for this answer.
        await scene.hookRan.opened;
        return 'at last';
      }
    }
    const app = await startApp({
      adapter,
      agentOs: { agents: [scene.agent], releaseAfter: 1 },
      controllers: [TardyController],
    });

    const response = await fetch(`${app.url}/tardy`, { method: 'POST' });
    scene.steps.push(`answer: ${await response.text()}`);
    await scene.end(app);

    expect(scene.steps).toEqual(['COMPLETED "one two", delivered: false', 'answer: at last', '1 execution']);
  });
});

describe('AgentOsService.stream()', () => {
  it.each<{ onDisconnect: Policy; expected: string[] }>([
    { onDisconnect: 'finish', expected: ['COMPLETED "one two", delivered: undefined', '1 execution'] },
    {
      onDisconnect: 'cancel',
      expected: ['engine aborted', 'CANCELLED "one ", delivered: undefined', '1 execution'],
    },
  ])(
    'treats a reader that stops early as a client that leaves ($onDisconnect)',
    async ({ onDisconnect, expected }) => {
      const scene = new Scene();
      const app = await scene.start('express', onDisconnect);

      for await (const event of app.agentOs.stream('slow', 'hello')) {
        if (event.type === 'run-content') break;
      }
      scene.engineGoesOn.open();
      await scene.end(app);

      expect(scene.steps).toEqual(expected);
    },
  );
});
