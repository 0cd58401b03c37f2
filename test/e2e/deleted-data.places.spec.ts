import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import { Agent, InMemorySessionStore, type AgentOsOptions } from 'nestjs-agentos';
import { bullmq } from 'nestjs-agentos/bullmq';
import type { Evaluation } from 'nestjs-agentos/stores';
import { EvalStore, SessionStore } from 'nestjs-agentos/stores';
import { createGate, type Gate } from 'nestjs-agentos/testing';

import { inBackground } from '../support/background-hook.js';
import { runJson } from '../support/http-client.js';
import { callJson } from '../support/json-client.js';
import { nextQueue, QUEUE_PLACES, STARTING_TIME, type QueuePlace } from '../support/queue-places.js';
import { rawTextOf } from '../support/raw-store.js';
import { closeApps, startApp, type TestApp } from '../support/test-app.js';
import { as, userId } from '../support/users.js';
import { describeWherePossible } from '../support/where-possible.js';

const CANARY = 'the launch code';

const WAYS: readonly [string, (app: TestApp) => Promise<unknown>][] = [
  ['DELETE /sessions/:id', ({ url }) => callJson(url, 'DELETE', '/sessions/s', { headers: as('ann') })],
  [
    'DELETE /sessions',
    ({ url }) => {
      const body = { session_ids: ['s', 'unknown'], session_types: ['agent', 'agent'] };
      return callJson(url, 'DELETE', '/sessions', { headers: as('ann'), body });
    },
  ],
  ['SessionStore.delete()', ({ app }) => app.get(SessionStore).delete(['s'])],
  ['AgentOsService.deleteUserData()', ({ agentOs }) => agentOs.deleteUserData('ann')],
];

/** An agent whose first hook waits or fails, as the message says; the second one does nothing. */
class Desk {
  reached: Gate = createGate();
  goOn: Gate = createGate();
  readonly told: string[] = [];

  async start(options: AgentOsOptions): Promise<TestApp> {
    const first = inBackground('first', async ({ runInput }) => {
      if (runInput.content.startsWith('fail')) throw new Error('It fails.');
      if (!runInput.content.startsWith('wait')) return;
      this.reached.open();
      await this.goOn.opened;
    });
    const second = inBackground('second', ({ runInput }) => void this.told.push(runInput.content));
    const agent = new Agent({
      id: 'desk',
      engine: async ({ input }) => {
        if (input.startsWith('long')) {
          this.reached.open();
          await this.goOn.opened;
        }
        return `Re: ${input}`;
      },
      postHooks: [first, second],
    });
    const app = await startApp({ agentOs: { agents: [agent], http: { userId }, ...options } });
    return app;
  }
}

/** The states of the hooks of a session's runs, the oldest run first. */
async function statesOf({ agentOs }: TestApp): Promise<string[]> {
  const executions = await agentOs.executions.list({ mode: 'background' });
  return executions
    .map(({ hook, state, reason, userId: user }) => `${user} ${hook} ${state} ${reason ?? ''}`.trim())
    .sort();
}

function proveDeletion(execute: () => AgentOsOptions, textOf?: () => Promise<string>): void {
  afterEach(closeApps);

  const ask = ({ url }: TestApp, message: string, user = 'ann', session = 's'): Promise<unknown> =>
    runJson(url, '/agents/desk', message, { session_id: session }, as(user));

  it.each(WAYS)(
    'are dropped by %s if they wait, may finish if they run, and leave no data',
    async (_way, remove) => {
      const desk = new Desk();
      const app = await desk.start(execute());
      await ask(app, `fail ${CANARY}`);
      await ask(app, 'fail for bob', 'bob', 'other');
      await app.agentOs.drain();
      await ask(app, `wait ${CANARY}`);
      await desk.reached.opened;
      if (textOf) expect(await textOf()).toContain(CANARY);
      await remove(app);
      const whileRunning = await statesOf(app);
      desk.goOn.open();
      await app.agentOs.drain();
      expect(whileRunning).toContain('ann second dropped deleted');
      expect(await statesOf(app)).toEqual([
        'ann first failed',
        'ann first succeeded',
        'ann second dropped deleted',
        'ann second succeeded',
        'bob first failed',
        'bob second succeeded',
      ]);
      // Hooks of two runs have no order in a store.
      expect(desk.told.toSorted()).toEqual(['fail for bob', `fail ${CANARY}`].sort());
      if (textOf) {
        const text = await textOf();
        expect([text.includes(CANARY), text.includes('fail for bob')]).toEqual([false, true]);
      }
    },
  );

  it('of a run that continues while its session is deleted are dropped when it has settled', async () => {
    const desk = new Desk();
    const app = await desk.start(execute());
    const running = ask(app, `long ${CANARY}`);
    await desk.reached.opened;
    await callJson(app.url, 'DELETE', '/sessions/s', { headers: as('ann') });
    desk.goOn.open();
    await running;
    await app.agentOs.drain();
    expect([await statesOf(app), desk.told]).toEqual([
      ['ann first dropped deleted', 'ann second dropped deleted'],
      [],
    ]);
    if (textOf) expect(await textOf()).not.toContain(CANARY);
  });

  it('of a run whose session another process deletes are dropped when it has settled', async () => {
    const sessionStore = new InMemorySessionStore();
    const desk = new Desk();
    const app = await desk.start({ ...execute(), sessionStore });
    await ask(app, 'hello');
    await app.agentOs.drain();
    const running = ask(app, `long ${CANARY}`);
    await desk.reached.opened;
    await sessionStore.delete(['s']);
    desk.goOn.open();
    await running;
    await app.agentOs.drain();
    expect((await statesOf(app)).filter((state) => state.endsWith('deleted'))).toEqual([
      'ann first dropped deleted',
      'ann second dropped deleted',
    ]);
    expect(desk.told).toEqual(['hello']);
    if (textOf) expect(await textOf()).not.toContain(CANARY);
  });
}

describe('Background hooks in the process whose session is deleted', () => {
  proveDeletion(() => ({}));

  it('are deleted by AgentOsService.deleteUserData() with all sessions and evaluations of the user, and no others', async () => {
    const app = await new Desk().start({});
    for (let index = 0; index < 3; index++)
      await runJson(app.url, '/agents/desk', 'hi', { session_id: `s${index}` }, as('ann'));
    await runJson(app.url, '/agents/desk', 'hi', { session_id: 'b' }, as('bob'));
    const evals = app.app.get(EvalStore);
    for (const user of ['ann', 'bob']) await evals.save(evaluationOf(user));
    expect([...(await app.agentOs.deleteUserData('ann'))].sort()).toEqual(['s0', 's1', 's2']);
    const { sessions } = await app.app.get(SessionStore).list();
    expect([sessions.map(({ id }) => id), (await evals.list()).map(({ id }) => id)]).toEqual([
      ['b'],
      ['bob'],
    ]);
    expect(await app.agentOs.deleteUserData('ann')).toEqual([]);
  });
});

for (const { name, isPossible, open } of QUEUE_PLACES)
  describeWherePossible(
    isPossible,
    `Background hooks in ${name} whose session is deleted`,
    `install ${name}`,
    () => {
      let place: QueuePlace;

      beforeAll(async () => {
        place = await open();
      }, STARTING_TIME);
      afterAll(() => place.close());

      proveDeletion(
        () => ({ executor: bullmq({ ...place.store, queue: nextQueue() }) }),
        () => rawTextOf(place),
      );
    },
  );

function evaluationOf(user: string): Evaluation {
  return {
    id: user,
    runId: 'r',
    sessionId: 's',
    userId: user,
    component: { kind: 'agent', id: 'desk', name: 'Desk' },
    name: 'judge',
    criteria: 'polite',
    scoring: 'binary',
    passed: true,
    reason: 'it is',
    input: CANARY,
    output: CANARY,
    createdAt: 1,
  };
}
