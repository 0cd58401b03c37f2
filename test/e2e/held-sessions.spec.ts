import { afterEach, describe, expect, it } from '@jest/globals';
import {
  Agent,
  defineGuardrail,
  InMemorySessionStore,
  OutputCheckError,
  Team,
  Workflow,
  type AgentOsOptions,
  type PostHookContext,
} from 'nestjs-agentos';
import { createGate, failingStore } from 'nestjs-agentos/testing';

import { runJson, runSse } from '../support/http-client.js';
import { closeApps, startApp } from '../support/test-app.js';

afterEach(closeApps);

const SECRET = 'the launch code';
const member = new Agent({
  id: 'member',
  engine: async function* () {
    yield { type: 'tool-call', id: 'c', name: 'look', arguments: { at: SECRET } };
    yield { type: 'tool-result', id: 'c', result: SECRET };
    yield `It is ${SECRET}.`;
  },
});
const refuse = defineGuardrail<PostHookContext>(() => {
  throw new OutputCheckError('Not for you.');
});
const mask = defineGuardrail<PostHookContext>(({ runOutput }) => {
  runOutput.content = runOutput.content.replace(SECRET, '***');
});
const pass = defineGuardrail<PostHookContext>(() => undefined);

const teamOf = (id: string, members: (Agent | Team)[], postHooks: (typeof pass)[] = []): Team =>
  new Team({
    id,
    members,
    postHooks,
    engine: ({ delegate }) => delegate(members[0]?.id ?? '', 'go'),
  });

describe('A stored session', () => {
  /** What clients can read of a session after a run of this component. */
  async function shownAfter(path: string, agentOs: AgentOsOptions, isStreamed = false): Promise<string> {
    const { url } = await startApp({ agentOs: { ...agentOs, agents: [member] } });
    const fields = { session_id: 's1' };
    if (isStreamed) await runSse(url, path, 'hi', fields);
    else await runJson(url, path, 'hi', fields);
    const reads = ['/sessions/s1', '/sessions/s1/runs', '/sessions', '/agents/member/runs?session_id=s1'];
    const texts = await Promise.all(reads.map(async (read) => (await fetch(url + read)).text()));
    return texts.join('\n');
  }

  it.each([
    ['refuses', refuse],
    ['masks', mask],
  ])('does not contain the answer of a member if a guardrail of its team %s it', async (_verb, guardrail) => {
    for (const isStreamed of [false, true]) {
      const shown = await shownAfter(
        '/teams/desk',
        { teams: [teamOf('desk', [member], [guardrail])] },
        isStreamed,
      );
      expect(shown).not.toContain(SECRET);
      // The run itself is no secret.
      expect(shown).toContain('"agent_id":"member"');
    }
  });

  it('does not contain the answer of a step if a guardrail of its workflow rejects it', async () => {
    const flow = new Workflow({ id: 'flow', steps: [member], postHooks: [refuse] });
    expect(await shownAfter('/workflows/flow', { workflows: [flow] })).not.toContain(SECRET);
  });

  it.each([
    ['the outer team rejects it', [pass], [refuse], false],
    ['the inner team rejects it', [refuse], [pass], false],
    ['only the inner team inspects and passes it', [pass], [], true],
    ['both pass it', [pass], [pass], true],
    ['no guardrail inspects it', [], [], true],
  ] as const)('of a team in a team holds no rejected answer: %s', async (_case, inner, outer, isShown) => {
    const teams = [teamOf('outer', [teamOf('inner', [member], [...inner])], [...outer])];
    expect((await shownAfter('/teams/outer', { teams })).includes(SECRET)).toBe(isShown);
  });

  it('has the runs in order: members first, the leader after them', async () => {
    const { url } = await startApp({
      agentOs: { teams: [teamOf('outer', [teamOf('inner', [member], [pass])], [pass])] },
    });
    await runJson(url, '/teams/outer', 'hi', { session_id: 's1' });
    const runs = (await (await fetch(`${url}/sessions/s1/runs`)).json()) as Record<string, unknown>[];
    expect(runs.map((run) => run['agent_id'] ?? run['team_id'])).toEqual(['member', 'inner', 'outer']);
  });

  it('does not contain an answer that a member gives after the guardrails of its team have passed', async () => {
    const [settled, late] = [createGate(), createGate()];
    const slow = new Agent({
      id: 'slow',
      engine: async () => {
        await settled.opened;
        return SECRET;
      },
    });
    const team = new Team({
      id: 'desk',
      members: [slow],
      engine: ({ delegate }) => {
        void delegate('slow', 'go').finally(late.open);
        return 'done';
      },
      postHooks: [pass],
    });
    const { url } = await startApp({ agentOs: { teams: [team] } });
    await runJson(url, '/teams/desk', 'hi', { session_id: 's1' });
    settled.open();
    await late.opened;
    expect(await (await fetch(`${url}/sessions/s1/runs`)).text()).not.toContain(SECRET);
  });

  it('does not contain the input of a run that quotes the answer of a rejected run', async () => {
    const [one, two] = [
      new Agent({ id: 'one', engine: () => SECRET }),
      new Agent({ id: 'two', engine: () => 'ok' }),
    ];
    const flow = new Workflow({ id: 'flow', steps: [one, two], postHooks: [refuse] });
    const { url } = await startApp({ agentOs: { agents: [two], workflows: [flow] } });
    await runJson(url, '/workflows/flow', 'hi', { session_id: 's1' });
    const shown = await (await fetch(`${url}/agents/two/runs?session_id=s1`)).text();
    expect([shown.includes('"agent_id":"two"'), shown.includes(SECRET)]).toEqual([true, false]);
  });

  it('has no empty turns for rejected answers, and as many turns as requested', async () => {
    let isRefused = false;
    const told: string[] = [];
    const teller = new Agent({
      id: 'teller',
      historyRuns: 2,
      engine: ({ input, messages }) => {
        told.push(messages.map(({ content }) => content).join('|'));
        return `${input}!`;
      },
    });
    const refuseSome = defineGuardrail<PostHookContext>(() => {
      if (isRefused) throw new OutputCheckError('Not for you.');
    });
    const team = new Team({
      id: 'desk',
      members: [teller],
      postHooks: [refuseSome],
      engine: ({ delegate, input }) => delegate('teller', input),
    });
    const { url } = await startApp({ agentOs: { teams: [team] } });
    for (const message of ['a', 'b', 'refused', 'refused', 'c']) {
      isRefused = message === 'refused';
      await runJson(url, '/teams/desk', message, { session_id: 's1' });
    }
    expect(told).toEqual(['a', 'a|a!|b', 'a|a!|b|b!|refused', 'a|a!|b|b!|refused', 'a|a!|b|b!|c']);
  });

  it('does not contain the text of a repeated attempt that no guardrail has inspected', async () => {
    let attempts = 0;
    const flaky = new Agent({ id: 'flaky', engine: () => (attempts === 0 ? SECRET : 'fine') });
    const team = new Team({
      id: 'desk',
      members: [flaky],
      retries: 1,
      postHooks: [pass],
      engine: async ({ delegate }) => {
        const answer = await delegate('flaky', 'go');
        if (attempts++ === 0) throw new Error('Try again.');
        return answer;
      },
    });
    const { url } = await startApp({ agentOs: { teams: [team] } });
    await runJson(url, '/teams/desk', 'hi', { session_id: 's1' });
    expect(await (await fetch(`${url}/sessions/s1/runs`)).text()).not.toContain(SECRET);
  });
});

describe('A stream', () => {
  it('does not show the answer of a member while the rejected run is being stored', async () => {
    // The first run that is stored is that of the team.
    const failing = failingStore(new InMemorySessionStore());
    failing.hang('append', { times: 1 });
    const slow = new Agent({
      id: 'slow',
      engine: async function* () {
        await failing.hanging('append');
        yield SECRET;
        await failing.release();
      },
    });
    const team = new Team({
      id: 'desk',
      members: [slow],
      postHooks: [refuse],
      engine: ({ delegate }) => {
        void delegate('slow', 'go').catch(() => undefined);
        return 'done';
      },
    });
    const { url } = await startApp({ agentOs: { teams: [team], sessionStore: failing.store } });
    expect(JSON.stringify(await runSse(url, '/teams/desk', 'hi'))).not.toContain(SECRET);
  });
});
