import { afterEach, describe, expect, it } from '@jest/globals';
import { BadRequestException } from '@nestjs/common';
import {
  Agent,
  defineGuardrail,
  defineHook,
  InMemorySessionStore,
  InputCheckError,
  OutputCheckError,
  step,
  Team,
  Workflow,
  type HookFunction,
  type PostHookContext,
  type PreHookContext,
} from 'nestjs-agentos';
import type { EngineFunction } from 'nestjs-agentos/engine';
import { SessionStore } from 'nestjs-agentos/stores';
import { piiGuardrail } from 'nestjs-agentos/guardrails';
import { createGate, failingStore } from 'nestjs-agentos/testing';

import { runJson, runSse } from '../support/http-client.js';
import { closeApps, startApp, type TestApp } from '../support/test-app.js';
import { readText } from '../support/users.js';

afterEach(closeApps);

const SECRET = 'the launch code';
const refuseInput = (before?: (context: PreHookContext) => Promise<unknown>): HookFunction<PreHookContext> =>
  defineGuardrail<PreHookContext>(
    async (context) => {
      await before?.(context);
      throw new InputCheckError('No.');
    },
    { name: 'refuseInput' },
  );
const refuse = defineGuardrail<PostHookContext>(
  () => {
    throw new OutputCheckError('No.');
  },
  { name: 'refuse' },
);
const mask = defineGuardrail<PostHookContext>(
  ({ runOutput }) => {
    runOutput.content = runOutput.content.replaceAll(SECRET, '***');
  },
  { name: 'mask' },
);

/** A gate for each run. */
function createGates(): { opened: () => Promise<void>; open: () => void; renew: () => void } {
  let gate = createGate();
  return { opened: () => gate.opened, open: () => gate.open(), renew: () => (gate = createGate()) };
}

describe('Text that no guardrail has passed', () => {
  it('is not in the output of a team that handles the failure of the team in between, if the member was late', async () => {
    const [failed, late] = [createGate(), createGate()];
    const slow = new Agent({
      id: 'slow',
      engine: async () => {
        await failed.opened;
        return SECRET;
      },
    });
    const inner = new Team({
      id: 'inner',
      members: [slow],
      postHooks: [refuse],
      engine: ({ delegate }) => {
        void delegate('slow', 'go').finally(late.open);
        throw new Error('broken');
      },
    });
    const outer = new Team({
      id: 'outer',
      members: [inner],
      engine: async ({ delegate }) => {
        await delegate('inner', 'go').catch(() => undefined);
        failed.open();
        await late.opened;
        return 'done';
      },
    });
    const { url } = await startApp({ agentOs: { teams: [outer] } });
    const { body } = await runJson(url, '/teams/outer', 'hi', { session_id: 's' });
    const runId = String(body['run_id']);
    const stored = await readText(url, `/teams/outer/runs/${runId}?session_id=s`);
    expect([JSON.stringify(body).includes(SECRET), stored.includes(SECRET)]).toEqual([false, false]);
  });

  it('is not in the answer of a team that has failed, if the member was late', async () => {
    // The first run that is stored is that of the team.
    const failing = failingStore(new InMemorySessionStore());
    failing.hang('append', { times: 1 });
    const slow = new Agent({
      id: 'slow',
      engine: async () => {
        await failing.hanging('append');
        return SECRET;
      },
    });
    const inner = new Team({
      id: 'inner',
      members: [slow],
      postHooks: [refuse],
      engine: ({ delegate }) => {
        void delegate('slow', 'go').finally(() => failing.release());
        throw new Error('broken');
      },
    });
    const { url } = await startApp({ agentOs: { teams: [inner], sessionStore: failing.store } });
    const { body } = await runJson(url, '/teams/inner', 'hi', { session_id: 's' });
    expect(JSON.stringify(body)).not.toContain(SECRET);
  });

  it('is not in a team if its member was cancelled and answers later', async () => {
    const [started, cancelled, answered] = [createGate(), createGate(), createGate()];
    const careless = new Agent({
      id: 'careless',
      postHooks: [refuse],
      engine: async () => {
        started.open();
        await cancelled.opened;
        setImmediate(answered.open);
        return {
          content: SECRET,
          data: { it: SECRET },
          tools: [{ id: 'c', name: 'look', arguments: {}, result: SECRET }],
        };
      },
    });
    const other = new Agent({
      id: 'other',
      engine: async () => {
        await answered.opened;
        return 'fine';
      },
    });
    const team = new Team({
      id: 'desk',
      mode: 'broadcast',
      members: [careless, other],
      engine: ({ answers }) => answers.map((a) => a.content).join(),
    });
    const { url } = await startApp({ agentOs: { teams: [team], agents: [careless] } });
    const running = runJson(url, '/teams/desk', 'hi', { session_id: 's' });
    await started.opened;
    const runs = JSON.parse(await readText(url, '/agents/careless/runs?session_id=s')) as {
      run_id: string;
    }[];
    await fetch(`${url}/agents/careless/runs/${runs[0]?.run_id}/cancel`, { method: 'POST' });
    cancelled.open();
    const { body } = await running;
    const stored = await readText(url, `/teams/desk/runs/${String(body['run_id'])}?session_id=s`);
    expect([JSON.stringify(body).includes(SECRET), stored.includes(SECRET)]).toEqual([false, false]);
  });

  it('is not in a workflow if its step was cancelled and answers later', async () => {
    const [started, cancelled, answered] = [createGate(), createGate(), createGate()];
    const careless = new Agent({
      id: 'careless',
      postHooks: [refuse],
      engine: async function* () {
        started.open();
        await cancelled.opened;
        try {
          yield { type: 'data', data: { it: SECRET } } as const;
        } finally {
          answered.open();
        }
      },
    });
    const other = new Agent({
      id: 'other',
      engine: async () => {
        await answered.opened;
        return 'fine';
      },
    });
    const flow = new Workflow({
      id: 'flow',
      steps: [step('one', careless, { onError: 'continue' }), step('two', other)],
    });
    const { url } = await startApp({ agentOs: { workflows: [flow], agents: [careless] } });
    const running = runJson(url, '/workflows/flow', 'hi', { session_id: 's' });
    await started.opened;
    const runs = JSON.parse(await readText(url, '/agents/careless/runs?session_id=s')) as {
      run_id: string;
    }[];
    await fetch(`${url}/agents/careless/runs/${runs[0]?.run_id}/cancel`, { method: 'POST' });
    cancelled.open();
    const { body } = await running;
    expect([
      JSON.stringify(body).includes(SECRET),
      (await readText(url, '/sessions/s/runs')).includes(SECRET),
    ]).toEqual([false, false]);
  });

  it('is not in the answer of a run that was cancelled and whose engine answers later', async () => {
    const started = createGate();
    const failing = failingStore(new InMemorySessionStore(), { append: 'hang' });
    const careless = new Agent({
      id: 'careless',
      postHooks: [refuse],
      engine: async () => {
        started.open();
        await failing.hanging('append');
        setImmediate(() => void failing.release());
        return { content: SECRET, data: { it: SECRET } };
      },
    });
    const { url } = await startApp({ agentOs: { agents: [careless], sessionStore: failing.store } });
    const running = runJson(url, '/agents/careless', 'hi', { session_id: 's' });
    await started.opened;
    const runs = JSON.parse(await readText(url, '/agents/careless/runs?session_id=s')) as {
      run_id: string;
    }[];
    await fetch(`${url}/agents/careless/runs/${runs[0]?.run_id}/cancel`, { method: 'POST' });
    const { body } = await running;
    expect(JSON.stringify(body)).not.toContain(SECRET);
  });

  it('is not in the events of an attempt that was repeated', async () => {
    let attempts = 0;
    const flaky = new Agent({ id: 'flaky', engine: () => (attempts === 0 ? SECRET : 'fine') });
    const mid = new Team({
      id: 'mid',
      members: [flaky],
      retries: 1,
      engine: async ({ delegate }) => {
        const a = await delegate('flaky', 'go');
        if (attempts++ === 0) throw new Error('again');
        return a;
      },
    });
    const noSecret = defineGuardrail<PostHookContext>(
      ({ runOutput }) => {
        if (JSON.stringify(runOutput).includes(SECRET)) throw new OutputCheckError('No.');
      },
      { name: 'noSecret' },
    );
    const outer = new Team({
      id: 'outer',
      members: [mid],
      postHooks: [noSecret],
      engine: ({ delegate }) => delegate('mid', 'go'),
    });
    const { url } = await startApp({ agentOs: { teams: [outer] } });
    const frames = await runSse(url, '/teams/outer', 'hi', { session_id: 's' });
    expect(JSON.stringify(frames)).not.toContain(SECRET);
    expect(await readText(url, '/sessions/s/runs')).not.toContain(SECRET);
  });

  it('is not stored with the runs below a team that failed', async () => {
    const member = new Agent({ id: 'member', engine: () => SECRET });
    const mid = new Team({
      id: 'mid',
      members: [member],
      engine: async ({ delegate }) => {
        await delegate('member', 'go');
        throw new Error('broken');
      },
    });
    const noSecret = defineGuardrail<PostHookContext>(
      ({ runOutput }) => {
        if (JSON.stringify(runOutput).includes(SECRET)) throw new OutputCheckError('No.');
      },
      { name: 'noSecret' },
    );
    const outer = new Team({
      id: 'outer',
      members: [mid],
      postHooks: [noSecret],
      engine: ({ delegate }) => delegate('mid', 'go').catch(() => 'sorry'),
    });
    const { url } = await startApp({ agentOs: { teams: [outer] } });
    const frames = JSON.stringify(await runSse(url, '/teams/outer', 'hi', { session_id: 's' }));
    const shown = await readText(url, '/sessions/s/runs');
    expect([frames.includes(SECRET), shown.includes(SECRET)]).toEqual([false, false]);
  });

  it('is not quoted by a value that a guardrail has masked in place', async () => {
    const member = new Agent({ id: 'member', engine: () => SECRET });
    const mask = defineGuardrail<PostHookContext>(
      ({ runOutput }) => {
        for (const r of runOutput.memberResponses) r.content = '***';
      },
      { name: 'mask' },
    );
    const team = new Team({
      id: 'desk',
      members: [member],
      postHooks: [mask],
      engine: async ({ delegate }) => {
        await delegate('member', 'go');
        return 'ok';
      },
    });
    const { url } = await startApp({ agentOs: { teams: [team] } });
    const frames = JSON.stringify(await runSse(url, '/teams/desk', 'hi', { session_id: 's' }));
    const stored = await readText(url, '/sessions/s/runs');
    expect([frames.includes(SECRET), stored.includes(SECRET)]).toEqual([false, false]);
  });

  it('is not in the results of tools that a guardrail has masked in place', async () => {
    const agent = new Agent({
      id: 'agent',
      engine: async function* () {
        yield { type: 'tool-call', id: 'c', name: 'look', arguments: {} } as const;
        yield { type: 'tool-result', id: 'c', result: SECRET } as const;
        yield 'ok';
      },
      postHooks: [
        defineGuardrail<PostHookContext>(
          ({ runOutput }) => {
            for (const tool of runOutput.tools) tool.result = '***';
          },
          { name: 'mask' },
        ),
      ],
    });
    const { url } = await startApp({ agentOs: { agents: [agent] } });
    const { body } = await runJson(url, '/agents/agent', 'hi', { session_id: 's' });
    const stored = await readText(url, '/sessions/s/runs');
    expect([JSON.stringify(body).includes(SECRET), stored.includes(SECRET)]).toEqual([false, false]);
  });

  it.each<[string, EngineFunction]>([
    ['it answers with', () => ({ content: SECRET, metadata: { sources: [SECRET] } })],
    [
      'it writes into what the client has sent',
      ({ context }) => {
        (context.metadata['trace'] as Record<string, unknown>)['last'] = SECRET;
        return SECRET;
      },
    ],
  ])('is not in the metadata of the engine, which %s', async (_name, engine) => {
    const agent = new Agent({ id: 'agent', engine, postHooks: [refuse] });
    const { url } = await startApp({ agentOs: { agents: [agent] } });
    const metadata = '{"trace":{}}';
    const { body } = await runJson(url, '/agents/agent', 'hi', { session_id: 's', metadata });
    expect(body['metadata']).toEqual({ trace: {} });
    const stored = await readText(url, `/agents/agent/runs/${String(body['run_id'])}?session_id=s`);
    expect([JSON.stringify(body).includes(SECRET), stored.includes(SECRET)]).toEqual([false, false]);
  });

  describe.each([
    { when: 'while the guardrail looks', looking: ['guardrail'] },
    { when: 'while a plain hook after it is at work', looking: ['plain'] },
  ])('from a member without a waiting leader, written $when,', ({ looking }) => {
    async function startDesk(): Promise<TestApp> {
      const [reached, late] = [createGate(), createGate()];
      const slow = new Agent({
        id: 'slow',
        engine: async function* () {
          await reached.opened;
          yield { type: 'tool-call', id: 'c', name: 'look', arguments: { at: SECRET } };
          yield { type: 'tool-result', id: 'c', result: SECRET };
          yield `It is ${SECRET}`;
        },
      });
      const waitAs = async (name: string): Promise<void> => {
        if (!looking.includes(name)) return;
        reached.open();
        await late.opened;
      };
      const team = new Team({
        id: 'desk',
        members: [slow],
        engine: ({ delegate }) => {
          delegate('slow', 'go').then(late.open, late.open);
          return 'done';
        },
        postHooks: [
          defineGuardrail<PostHookContext>(() => waitAs('guardrail'), { name: 'moderate' }),
          defineHook<PostHookContext>(() => waitAs('plain'), { name: 'plain', runInBackground: false }),
        ],
      });
      return startApp({ agentOs: { teams: [team] } });
    }

    it('is not streamed', async () => {
      const { url } = await startDesk();
      const frames = await runSse(url, '/teams/desk', 'hi', { session_id: 's' });
      expect(frames.at(-1)).toMatchObject({ event: 'TeamRunCompleted', data: { content: 'done' } });
      expect(JSON.stringify(frames)).not.toContain(SECRET);
      expect(await readText(url, '/sessions/s/runs')).not.toContain(SECRET);
    });

    it('is not stored', async () => {
      const { url } = await startDesk();
      expect((await runJson(url, '/teams/desk', 'hi', { session_id: 's' })).status).toBe(200);
      const stored = await readText(url, '/sessions/s/runs');
      expect([stored.includes('"slow"'), stored.includes(SECRET)]).toEqual([true, false]);
    });
  });

  it.each([
    { strategy: 'mask', status: 'COMPLETED' },
    { strategy: 'detect', status: 'ERROR' },
  ] as const)(
    'is not in the question of an agent to another one: piiGuardrail, $strategy',
    async ({ strategy, status }) => {
      const address = 'ann@example.com';
      const inner = new Agent({ id: 'inner', engine: () => `Write to ${address}.` });
      const outer = new Agent({
        id: 'outer',
        engine: async () => {
          await inner.run('Whom do I ask?');
          return 'done';
        },
        postHooks: [piiGuardrail({ strategy })],
      });
      const { url } = await startApp({ agentOs: { agents: [outer] } });

      const frames = await runSse(url, '/agents/outer', 'hi', { session_id: 's' });
      const { body } = await runJson(url, '/agents/outer', 'hi', { session_id: 's' });
      const stored = await readText(url, '/sessions/s/runs');

      expect([body['status'], body['member_responses']]).toEqual([status, undefined]);
      expect([stored.includes('"inner"'), stored.includes(address)]).toEqual([true, false]);
      expect(JSON.stringify([frames, body])).not.toContain(address);
    },
  );

  describe('from a member without a waiting leader', () => {
    const [spoken, asserted] = [createGates(), createGates()];
    /** Says it, and has its member say it, and does not come to an end. */
    const slow = new Team({
      id: 'slow',
      members: [new Agent({ id: 'quick', engine: () => SECRET })],
      engine: async function* ({ delegate }) {
        yield await delegate('quick', 'go');
        spoken.open();
        await asserted.opened();
      },
    });
    const look = defineGuardrail<PostHookContext>(
      ({ runOutput }) => void seen.push(JSON.stringify(runOutput)),
      {
        name: 'look',
      },
    );
    let seen: string[];
    /** Does not wait for its member, but until that has spoken. */
    const hasty = (id: string, postHooks: HookFunction<PostHookContext>[] = []): Team =>
      new Team({
        id,
        members: [slow],
        engine: async ({ delegate }) => {
          for (const gates of [spoken, asserted]) gates.renew();
          delegate('slow', 'go').catch(() => undefined);
          await spoken.opened();
          return 'done';
        },
        postHooks,
      });
    const patient = new Team({
      id: 'patient',
      members: [hasty('hasty')],
      engine: ({ delegate }) => delegate('hasty', 'go'),
      postHooks: [look],
    });

    it.each([
      ['its team has the guardrail', hasty('desk', [look])],
      ['the team above its team has the guardrail', patient],
    ])('is not streamed and not stored if %s', async (_where, team) => {
      seen = [];
      const { url } = await startApp({ agentOs: { teams: [team] } });
      const frames = await runSse(url, `/teams/${team.id}`, 'hi', { session_id: 's' });
      expect(frames.at(-1)).toMatchObject({ event: 'TeamRunCompleted', data: { content: 'done' } });
      const stored = await readText(url, '/sessions/s/runs');
      expect([seen.length, seen.join().includes(SECRET)]).toEqual([1, false]);
      expect([stored.includes('"quick"'), stored.includes(SECRET)]).toEqual([true, false]);
      expect(JSON.stringify(frames)).not.toContain(SECRET);
      asserted.open();
    });
  });

  it.each([
    ['masks', mask],
    ['refuses', refuse],
  ])(
    'is not in the error of a member whose team quotes it, if the guardrail %s that',
    async (_n, guardrail) => {
      const member = new Agent({
        id: 'member',
        engine: () => {
          throw new BadRequestException(`I know ${SECRET}`);
        },
      });
      const team = new Team({
        id: 'desk',
        members: [member],
        engine: ({ delegate }) =>
          delegate('member', 'go').catch((thrown: unknown) => `It said: ${String(thrown)}`),
        postHooks: [guardrail],
      });
      const { url } = await startApp({ agentOs: { teams: [team] } });
      const frames = await runSse(url, '/teams/desk', 'hi', { session_id: 's' });
      expect(JSON.stringify(frames)).not.toContain(SECRET);
      expect(await readText(url, '/sessions/s/runs')).not.toContain(SECRET);
    },
  );

  it('is not in the stored state of a member’s run', async () => {
    const member = new Agent({
      id: 'member',
      engine: ({ context }) => {
        context.sessionState['last'] = SECRET;
        return SECRET;
      },
    });
    const team = new Team({
      id: 'desk',
      members: [member],
      engine: async ({ delegate, context }) => {
        const answer = await delegate('member', 'go');
        delete context.sessionState['last'];
        return answer;
      },
      postHooks: [refuse],
    });
    const { url } = await startApp({ agentOs: { teams: [team] } });
    await runJson(url, '/teams/desk', 'hi', { session_id: 's' });
    expect(await readText(url, '/sessions/s/runs')).not.toContain(SECRET);
  });

  it('is not stored for an agent that a background hook runs in the same session', async () => {
    const noter = new Agent({ id: 'noter', engine: () => 'noted' });
    const agent = new Agent({
      id: 'agent',
      engine: () => 'x',
      preHooks: [refuseInput()],
      postHooks: [
        defineHook<PostHookContext>(
          async ({ runInput, session }) => {
            await noter.run(runInput.content, { sessionId: session.id });
          },
          { name: 'note', runInBackground: true, on: ['rejected'] },
        ),
      ],
    });
    const { url, agentOs } = await startApp({ agentOs: { agents: [agent] } });
    await runJson(url, '/agents/agent', SECRET, { session_id: 's' });
    await agentOs.drain();
    expect(await readText(url, '/sessions/s/runs')).not.toContain(SECRET);
  });
});

describe('The session of a team', () => {
  it('has the events of a member once, whether there is a guardrail or not', async () => {
    const count = async (postHooks: HookFunction<PostHookContext>[]): Promise<unknown[]> => {
      const member = new Agent({ id: 'member', engine: () => 'x' });
      const team = new Team({
        id: 'desk',
        members: [member],
        postHooks,
        engine: ({ delegate }) => delegate('member', 'go'),
      });
      const { url } = await startApp({ agentOs: { teams: [team] } });
      await runSse(url, '/teams/desk', 'hi', { session_id: 's' });
      const runs = JSON.parse(await readText(url, '/sessions/s/runs')) as {
        agent_id?: string;
        events: { event: string }[];
      }[];
      return runs.find(({ agent_id }) => agent_id === 'member')?.events.map(({ event }) => event) ?? [];
    };
    const plain = await count([]);
    const guarded = await count([defineGuardrail<PostHookContext>(() => undefined, { name: 'pass' })]);
    expect(plain).toEqual(['RunStarted', 'RunContentCompleted', 'RunCompleted']);
    expect(guarded).toEqual(plain);
  });

  it('has the answers of the members if a plain hook edits the answer and the guardrail passes', async () => {
    const told: string[] = [];
    const member = new Agent({
      id: 'member',
      engine: ({ messages }) => {
        told.push(messages.map((m) => m.content).join('|'));
        return 'fine';
      },
    });
    const team = new Team({
      id: 'desk',
      members: [member],
      engine: ({ delegate }) => delegate('member', 'go'),
      postHooks: [
        defineHook<PostHookContext>(
          ({ runOutput }) => {
            runOutput.content += ' -- footer';
          },
          { name: 'footer', runInBackground: false },
        ),
        defineGuardrail<PostHookContext>(() => undefined, { name: 'pass' }),
      ],
    });
    const { url } = await startApp({ agentOs: { teams: [team] } });
    await runJson(url, '/teams/desk', 'hi', { session_id: 's' });
    await runJson(url, '/teams/desk', 'hi', { session_id: 's' });
    expect(told).toEqual(['go', 'go|fine|go']);
  });

  it('has the state that a late member has changed', async () => {
    const [settled, late] = [createGate(), createGate()];
    const slow = new Agent({
      id: 'slow',
      engine: async ({ context }) => {
        await settled.opened;
        context.sessionState['late'] = 1;
        return 'x';
      },
    });
    const team = new Team({
      id: 'desk',
      members: [slow],
      engine: ({ delegate }) => {
        void delegate('slow', 'go').finally(late.open);
        return 'done';
      },
    });
    const { url, app } = await startApp({ agentOs: { teams: [team] } });
    await runJson(url, '/teams/desk', 'hi', { session_id: 's' });
    settled.open();
    await late.opened;
    expect((await app.get(SessionStore).find('s'))?.state).toEqual({ late: 1 });
  });
});
