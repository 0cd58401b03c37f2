import { afterEach, describe, expect, it } from '@jest/globals';
import {
  Agent,
  agentAsJudge,
  defineGuardrail,
  OutputCheckError,
  Team,
  type PostHookContext,
} from 'nestjs-agentos';

import { runJson, runSse } from '../support/http-client.js';
import { closeApps, startApp } from '../support/test-app.js';

afterEach(closeApps);

const SECRET = 'the launch code';
const refuse = defineGuardrail<PostHookContext>(() => {
  throw new OutputCheckError('Not for you.');
});
const mask = defineGuardrail<PostHookContext>(({ runOutput }) => {
  runOutput.content = runOutput.content.replace(SECRET, '***');
});
const pass = defineGuardrail<PostHookContext>(() => undefined);
const judge = (runInBackground: boolean): ReturnType<typeof agentAsJudge> =>
  agentAsJudge({
    criteria: 'It is polite.',
    runInBackground,
    engine: () => JSON.stringify({ score: 9, reason: `It says ${SECRET}.` }),
  });

describe('An evaluation', () => {
  /** What clients can read of it, after runs as JSON and as a stream. */
  async function shownAfter(path: string, component: Agent | Team): Promise<Record<string, unknown>[]> {
    const kind = component instanceof Agent ? 'agents' : 'teams';
    const { url, agentOs } = await startApp({ agentOs: { [kind]: [component] } });
    await runJson(url, path, 'hi');
    await runSse(url, path, 'hi');
    await agentOs.drain();
    const { data } = (await (await fetch(`${url}/eval-runs`)).json()) as { data: Record<string, unknown>[] };
    expect(data.map(({ name }) => name)).toEqual(['agentAsJudge', 'agentAsJudge']);
    expect(JSON.stringify(data)).toContain('"score":9');
    return data;
  }

  it.each([
    ['refuses', [judge(false), refuse], false],
    ['masks', [judge(false), mask], false],
    ['passes', [judge(false), pass], true],
    ['has masked before', [mask, judge(false)], true],
  ] as const)('quotes the judged answer only if a guardrail %s it', async (verb, postHooks, isShown) => {
    const agent = new Agent({ id: 'agent', engine: () => SECRET, postHooks: [...postHooks] });
    const shown = JSON.stringify(await shownAfter('/agents/agent', agent));
    expect(shown.includes(verb === 'has masked before' ? '***' : SECRET)).toBe(isShown);
  });

  it.each([
    ['refuses', 'inline', refuse, false],
    ['masks', 'inline', mask, false],
    ['passes', 'inline', pass, true],
    ['refuses', 'in the background', refuse, false],
    ['masks', 'in the background', mask, false],
    ['passes', 'in the background', pass, true],
  ] as const)(
    'of a member shows its answer only if the team %s it; judged %s',
    async (_verb, mode, guardrail, isShown) => {
      const member = new Agent({
        id: 'member',
        engine: () => SECRET,
        postHooks: [judge(mode === 'in the background')],
      });
      const team = new Team({
        id: 'desk',
        members: [member],
        postHooks: [guardrail],
        engine: ({ delegate }) => delegate('member', 'go'),
      });
      const shown = JSON.stringify(await shownAfter('/teams/desk', team));
      expect(shown.includes(SECRET)).toBe(isShown);
    },
  );
});
