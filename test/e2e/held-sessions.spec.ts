import { afterEach, describe, expect, it } from '@jest/globals';
import {
  Agent,
  defineGuardrail,
  OutputCheckError,
  Team,
  Workflow,
  type AgentOsOptions,
  type PostHookContext,
} from 'nestjs-agentos';

import { createGate } from '../support/gate.js';
import { runJson, runSse } from '../support/http-client.js';
import { ADAPTERS, closeApps, startApp } from '../support/test-app.js';

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

describe.each(ADAPTERS)('A session on %s', (adapter) => {
  /** What clients can read of a session after a run of this component. */
  async function shownAfter(path: string, agentOs: AgentOsOptions, isStreamed = false): Promise<string> {
    const { url } = await startApp({ adapter, agentOs: { ...agentOs, agents: [member] } });
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
  ])('does not hold what a member has said if a guardrail of its team %s it', async (_verb, guardrail) => {
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

  it('does not hold what a step has said if a guardrail of its workflow refuses it', async () => {
    const flow = new Workflow({ id: 'flow', steps: [member], postHooks: [refuse] });
    expect(await shownAfter('/workflows/flow', { workflows: [flow] })).not.toContain(SECRET);
  });

  it.each([
    ['the outer team refuses it', [pass], [refuse], false],
    ['the inner team refuses it', [refuse], [pass], false],
    ['only the inner team looks, and passes it', [pass], [], true],
    ['both pass it', [pass], [pass], true],
    ['nobody looks', [], [], true],
  ] as const)('with a team in a team: %s', async (_case, inner, outer, isShown) => {
    const teams = [teamOf('outer', [teamOf('inner', [member], [...inner])], [...outer])];
    expect((await shownAfter('/teams/outer', { teams })).includes(SECRET)).toBe(isShown);
  });

  it('has the runs in order: members first, the leader after them', async () => {
    const { url } = await startApp({
      adapter,
      agentOs: { teams: [teamOf('outer', [teamOf('inner', [member], [pass])], [pass])] },
    });
    await runJson(url, '/teams/outer', 'hi', { session_id: 's1' });
    const runs = (await (await fetch(`${url}/sessions/s1/runs`)).json()) as Record<string, unknown>[];
    expect(runs.map((run) => run['agent_id'] ?? run['team_id'])).toEqual(['member', 'inner', 'outer']);
  });

  it('does not hold what a member says after the guardrails of its team have passed', async () => {
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
    const { url } = await startApp({ adapter, agentOs: { teams: [team] } });
    await runJson(url, '/teams/desk', 'hi', { session_id: 's1' });
    settled.open();
    await late.opened;
    expect(await (await fetch(`${url}/sessions/s1/runs`)).text()).not.toContain(SECRET);
  });
});
