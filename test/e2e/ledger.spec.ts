import { afterEach, describe, expect, it } from '@jest/globals';
import { Agent, defineHook, type PostHookContext, type PreHookContext } from 'nestjs-agentos';
import type { FinalHookExecutionState, HookExecution } from 'nestjs-agentos/executor';
import { createGate } from 'nestjs-agentos/testing';

import { inBackground } from '../support/background-hook.js';
import { runJson, runSse } from '../support/http-client.js';
import { raise } from '../support/raise.js';
import { closeApps, startApp, type TestApp } from '../support/test-app.js';
import { recordUnhandledRejections } from '../support/unhandled-rejections.js';
import { openExecutions } from '../support/hook-executions.js';

afterEach(closeApps);

/** Asked, answered and thrown in these tests: content. */
const SECRET = 'my secret wish';

type Ending = Pick<HookExecution, 'state' | 'reason' | 'errorName'>;
const SUCCEEDED: Ending = { state: 'succeeded' };
const NOT_FOR_THIS_OUTCOME: Ending = { state: 'skipped', reason: 'outcome' };

/** How each hook of a numbered run ends; hooks that are missing are never reached. */
function endingsOf(number: number): Record<string, Ending> {
  if (isFailing(number)) {
    const skipped = {
      notify: NOT_FOR_THIS_OUTCOME,
      sync: NOT_FOR_THIS_OUTCOME,
      sample: NOT_FOR_THIS_OUTCOME,
    };
    return { trim: SUCCEEDED, ...skipped, alarm: SUCCEEDED };
  }
  return {
    trim: SUCCEEDED,
    audit: number % 3 === 1 ? { state: 'failed', errorName: 'RangeError' } : SUCCEEDED,
    notify: number % 3 === 0 ? { state: 'failed', errorName: 'TypeError' } : SUCCEEDED,
    sync: number % 50 === 1 ? { state: 'timed_out', errorName: 'HookTimeoutError' } : SUCCEEDED,
    sample: number % 2 === 0 ? SUCCEEDED : { state: 'skipped', reason: 'condition' },
    alarm: NOT_FOR_THIS_OUTCOME,
  };
}

const isFailing = (number: number): boolean => number % 10 === 7;
const numberOf = ({ runInput }: PreHookContext): number => Number(/#(\d+)/.exec(runInput.content)?.[1]);

/** An agent whose runs and hooks end in every way, as the number in their input says. */
function createAgent(numbers: Map<string, number>): Agent {
  const trim = (context: PreHookContext): void => {
    numbers.set(context.runContext.runId, numberOf(context));
  };
  const failIf = (isUnlucky: (number: number) => boolean, error: Error) => (context: PostHookContext) =>
    isUnlucky(numberOf(context)) ? raise(error) : Promise.resolve();
  const sync = (context: PostHookContext): Promise<void> =>
    numberOf(context) % 50 === 1 ? new Promise(() => undefined) : Promise.resolve();
  return new Agent({
    id: 'support',
    engine: ({ input }) =>
      isFailing(Number(/#(\d+)/.exec(input)?.[1])) ? raise(new Error(SECRET)) : `You: ${input}`,
    preHooks: [defineHook(trim, { runInBackground: false })],
    postHooks: [
      defineHook(
        failIf((number) => number % 3 === 1, new RangeError(SECRET)),
        { name: 'audit', runInBackground: false },
      ),
      inBackground(
        'notify',
        failIf((number) => number % 3 === 0, new TypeError(SECRET)),
      ),
      inBackground('sync', sync, { timeout: 5 }),
      inBackground('sample', () => 'sampled', { when: (context) => numberOf(context) % 2 === 0 }),
      inBackground('alarm', () => 'alarmed', { on: ['failed'] }),
    ],
  });
}

/** Runs 0 to `count - 1`, 25 at a time, over JSON, SSE and in process in turn. */
async function runMany({ url, agentOs }: TestApp, count: number): Promise<void> {
  const ways = [
    (message: string) => runJson(url, '/agents/support', message),
    (message: string) => runSse(url, '/agents/support', message),
    (message: string) => agentOs.run('support', message).catch(() => 'failed on purpose'),
  ];
  let next = 0;
  const work = async (): Promise<void> => {
    while (next < count) {
      const number = next++;
      await ways[number % ways.length]?.(`#${number}: ${SECRET}`);
    }
  };
  await Promise.all(Array.from({ length: 25 }, work));
}

describe('The ledger of executions', () => {
  it('G19: after 1,000 runs every scheduled hook has ended exactly once, in exactly one state, and nothing was left unhandled', async () => {
    const unhandled = recordUnhandledRejections();
    const numbers = new Map<string, number>();
    const testApp = await startApp({ agentOs: { agents: [createAgent(numbers)] } });
    const { agentOs } = testApp;
    const ended: HookExecution[] = [];
    agentOs.hookEvents.subscribe((execution) => {
      if (execution.endedAt !== undefined) ended.push({ ...execution });
    });

    await runMany(testApp, 1_000);
    await agentOs.drain();

    expect(await unhandled.stop()).toEqual([]);
    const expected = [...numbers].flatMap(([runId, number]) =>
      Object.entries(endingsOf(number)).map(([hook, ending]) => ({ runId, hook, ...ending })),
    );
    const seen = ended.map(({ runId, hook, state, reason, errorName }) => ({
      runId,
      hook,
      state,
      reason,
      errorName,
    }));
    expect(seen.sort(byRunAndHook)).toEqual(expected.sort(byRunAndHook));
    const listed = await agentOs.executions.list({ limit: 10_000 });
    expect(listed.sort(byRunAndHook)).toEqual(ended.sort(byRunAndHook));
    expect(await agentOs.executions.counts()).toEqual({ ...countStates(expected), open: 0 });
    expect(await openExecutions(agentOs)).toBe(0);
    expect(numbers.size).toBe(1_000);
    expect(JSON.stringify(listed).includes(SECRET)).toBe(false);
  }, 180_000);

  it('lists executions over HTTP, the newest first, by run, hook and state', async () => {
    const numbers = new Map<string, number>();
    const testApp = await startApp({ agentOs: { agents: [createAgent(numbers)] } });
    for (const number of [1, 2]) {
      await testApp.agentOs.run('support', `#${number}: ${SECRET}`);
      await testApp.agentOs.drain();
    }
    const [first = '', second = ''] = numbers.keys();
    const read = async (query: string): Promise<{ found: unknown[]; meta: unknown; text: string }> => {
      const text = await (await fetch(`${testApp.url}/hooks/executions?${query}`)).text();
      const { data, meta } = JSON.parse(text) as { data: Record<string, unknown>[]; meta: unknown };
      const found = data.map(
        ({ run_id, hook, state }) => `${String(run_id)} ${String(hook)} ${String(state)}`,
      );
      return { found, meta, text };
    };

    const counts = { succeeded: 7, failed: 1, timed_out: 1, skipped: 3, dropped: 0 };
    const all = await read('');
    expect(all.found).toHaveLength(12);
    expect(all.meta).toEqual({ limit: 100, open: 0, counts });
    expect(all.text).not.toContain(SECRET);
    expect((await read(`run_id=${first}&state=failed`)).found).toEqual([`${first} audit failed`]);
    expect((await read('hook=sync')).found).toEqual([`${second} sync succeeded`, `${first} sync timed_out`]);
    expect((await read('hook=sync&limit=1')).found).toEqual([`${second} sync succeeded`]);
    expect((await read('run_id=unknown')).found).toEqual([]);
  });

  it('treats an empty parameter of a query as missing, as other lists do', async () => {
    const { url, agentOs } = await startApp({ agentOs: { agents: [createAgent(new Map())] } });
    await agentOs.run('support', 'hello');
    await agentOs.drain();
    const read = async (query: string): Promise<[number, { data: object[]; meta: object }]> => {
      const response = await fetch(`${url}/hooks/executions${query}`);
      return [response.status, (await response.json()) as { data: object[]; meta: object }];
    };
    const [, all] = await read('');
    expect(all.data.length).toBeGreaterThan(0);
    expect(await read('?limit=&state=&run_id=&hook=')).toEqual([200, all]);
    expect(await read('?db_id=other')).toEqual([404, { detail: "No database found with id 'other'" }]);
  });

  it('shows an execution that has not ended, without the values that are not known yet', async () => {
    const started = createGate();
    const gate = createGate();
    const hold = (): Promise<void> => {
      started.open();
      return gate.opened;
    };
    const agent = new Agent({
      id: 'support',
      engine: () => 'the answer',
      postHooks: [inBackground('hold', hold)],
    });
    const { url, agentOs } = await startApp({ agentOs: { agents: [agent] } });
    const { runId } = await agentOs.run('support', 'hello');
    await started.opened;

    const response = await fetch(`${url}/hooks/executions?state=running`);
    gate.open();

    const isoTime = expect.stringMatching(/^\d{4}-\d\d-\d\dT[\d:.]+Z$/);
    expect(await response.json()).toEqual({
      data: [
        {
          id: `${runId}:post:hold`,
          hook: 'hold',
          phase: 'post',
          mode: 'background',
          position: 'root',
          attached_by: 'component',
          component: { kind: 'agent', id: 'support', name: 'support' },
          run_id: runId,
          state: 'running',
          attempts: 1,
          scheduled_at: isoTime,
          started_at: isoTime,
        },
      ],
      meta: {
        limit: 100,
        open: 1,
        counts: { succeeded: 0, failed: 0, timed_out: 0, skipped: 0, dropped: 0 },
      },
    });
  });

  it.each(['state=done', 'limit=0', 'limit=1001', 'limit=1.5', 'limit=many', 'limit=0x10', 'limit=1e2'])(
    'answers ?%s with 422 and names the parameter',
    async (query) => {
      const { url } = await startApp({});

      const response = await fetch(`${url}/hooks/executions?${query}`);

      const [name, input] = query.split('=');
      expect(response.status).toBe(422);
      expect(await response.json()).toEqual({
        detail: [{ type: expect.any(String), loc: ['query', name], msg: expect.any(String), input }],
      });
    },
  );
});

function byRunAndHook(one: { runId: string; hook: string }, other: { runId: string; hook: string }): number {
  return `${one.runId} ${one.hook}` < `${other.runId} ${other.hook}` ? -1 : 1;
}

function countStates(endings: readonly Ending[]): Record<FinalHookExecutionState, number> {
  const counts = { succeeded: 0, failed: 0, timed_out: 0, skipped: 0, dropped: 0 };
  for (const { state } of endings) counts[state as FinalHookExecutionState] += 1;
  return counts;
}
