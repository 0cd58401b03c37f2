import { afterEach, describe, expect, it } from '@jest/globals';
import {
  Agent,
  defineGuardrail,
  defineHook,
  InputCheckError,
  OutputCheckError,
  Team,
  type HookFunction,
  type PostHookContext,
  type PreHookContext,
} from 'nestjs-agentos';

import { runJson, runSse } from '../support/http-client.js';
import { politeJudge } from '../support/judge.js';
import { closeApps, startApp } from '../support/test-app.js';
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

describe('An evaluation', () => {
  it('of a judge quotes no refused input, also if it judges a rejected run', async () => {
    const agent = new Agent({
      id: 'agent',
      engine: () => 'x',
      preHooks: [refuseInput()],
      postHooks: [politeJudge({ runInBackground: true, on: ['rejected'] })],
    });
    const { url, agentOs } = await startApp({ agentOs: { agents: [agent] } });
    await runJson(url, '/agents/agent', SECRET);
    await agentOs.drain();
    expect(await readText(url, '/eval-runs')).not.toContain(SECRET);
  });

  it.each([false, true])(
    'of a judge of an agent that a guardrail asked about the input quotes none of it; judged in the background: %s',
    async (runInBackground) => {
      const classifier = new Agent({
        id: 'classifier',
        engine: () => 'bad',
        postHooks: [politeJudge({ runInBackground })],
      });
      const agent = new Agent({
        id: 'agent',
        engine: () => 'x',
        preHooks: [refuseInput(({ runInput }) => classifier.run(runInput.content))],
      });
      const { url, agentOs } = await startApp({ agentOs: { agents: [agent] } });
      await runJson(url, '/agents/agent', SECRET);
      await agentOs.drain();
      const shown = await readText(url, '/eval-runs');
      expect(shown).not.toContain(SECRET);
    },
  );

  it.each([false, true])(
    'of a judge of an agent that a guardrail asked about the answer quotes none of it; judged in the background: %s',
    async (runInBackground) => {
      const classifier = new Agent({
        id: 'classifier',
        engine: () => 'bad',
        postHooks: [politeJudge({ runInBackground })],
      });
      const ask = defineGuardrail<PostHookContext>(
        async ({ runOutput }) => {
          await classifier.run(runOutput.content);
          throw new OutputCheckError('No.');
        },
        { name: 'ask' },
      );
      const agent = new Agent({ id: 'agent', engine: () => SECRET, postHooks: [ask] });
      const { url, agentOs } = await startApp({ agentOs: { agents: [agent] } });
      await runJson(url, '/agents/agent', 'hi');
      await agentOs.drain();
      expect(await readText(url, '/eval-runs')).not.toContain(SECRET);
    },
  );

  it.each([false, true])(
    'of a judge of an agent that a hook of a member asked quotes nothing that the team refuses; judged in the background: %s',
    async (runInBackground) => {
      const checker = new Agent({
        id: 'checker',
        engine: () => 'bad',
        postHooks: [politeJudge({ runInBackground })],
      });
      const member = new Agent({
        id: 'member',
        engine: () => SECRET,
        postHooks: [
          defineHook<PostHookContext>(
            async ({ runOutput }) => {
              await checker.run(runOutput.content);
            },
            { name: 'check', runInBackground: true },
          ),
        ],
      });
      const team = new Team({
        id: 'desk',
        members: [member],
        postHooks: [refuse],
        engine: ({ delegate }) => delegate('member', 'go'),
      });
      const { url, agentOs } = await startApp({ agentOs: { teams: [team] } });
      await runJson(url, '/teams/desk', 'hi');
      await agentOs.drain();
      await agentOs.drain();
      expect(await readText(url, '/eval-runs')).not.toContain(SECRET);
    },
  );

  it('of a judge quotes nothing of a member whose team failed below a guardrail', async () => {
    const judge = politeJudge({ runInBackground: true });
    const member = new Agent({ id: 'member', engine: () => SECRET, postHooks: [judge] });
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
    const { url, agentOs } = await startApp({ agentOs: { teams: [outer] } });
    await runSse(url, '/teams/outer', 'hi', { session_id: 's' });
    await agentOs.drain();
    expect(await readText(url, '/eval-runs')).not.toContain(SECRET);
  });
});
