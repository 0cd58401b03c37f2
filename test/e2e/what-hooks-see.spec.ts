import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import {
  Agent,
  InputCheckError,
  Team,
  type HookFunction,
  type PostHookContext,
  type PreHookContext,
  type RunOutcome,
  type RunStatus,
} from 'nestjs-agentos';
import { SessionStore } from 'nestjs-agentos/stores';

import { inBackground } from '../support/background-hook.js';
import { post } from '../support/http-client.js';
import { raise } from '../support/raise.js';
import { ask, DOMAIN_SURFACES } from '../support/surfaces.js';
import { closeApps, startApp } from '../support/test-app.js';

let seen: PostHookContext[];

beforeEach(() => {
  seen = [];
});
afterEach(closeApps);

const watchBefore = inBackground<PreHookContext>('watchBefore', (context) => {
  // A background pre-hook is called with all that a post-hook gets.
  seen.push(context as PostHookContext);
});
const watchAfter = inBackground('watchAfter', (context) => seen.push(context), {
  on: ['completed', 'rejected', 'failed', 'cancelled'],
});
const maskSecrets: HookFunction<PreHookContext> = ({ runInput }) => {
  runInput.content = runInput.content.replaceAll(/rosebud|xanadu/g, '***');
};

/** Every way a run may end, by what its engine does. */
const OUTCOMES: readonly {
  outcome: RunOutcome;
  status: RunStatus;
  engine: (cancel: () => boolean) => string;
}[] = [
  { outcome: 'completed', status: 'COMPLETED', engine: () => 'the answer' },
  { outcome: 'rejected', status: 'ERROR', engine: () => raise(new InputCheckError('no')) },
  { outcome: 'failed', status: 'ERROR', engine: () => raise(new Error('broken')) },
  { outcome: 'cancelled', status: 'CANCELLED', engine: (cancel) => `cancelled: ${cancel()}` },
];

describe.each(DOMAIN_SURFACES)(
  'The data of background hooks on $adapter over $transport',
  ({ adapter, transport }) => {
    it('G9: every background hook gets its own deep copy of the finished run, all inline changes applied', async () => {
      const agent = new Agent({
        id: 'agent',
        engine: async function* ({ input, context }) {
          context.sessionState['visits'] = 1;
          yield { type: 'usage', inputTokens: 3, outputTokens: 1 };
          yield { content: `You said: ${input}`, metadata: { model: 'one' } };
          yield { type: 'usage', inputTokens: 4, outputTokens: 1 };
        },
        // Listed before the inline hooks, whose changes they must see all the same.
        preHooks: [
          watchBefore,
          ({ runInput }) => (runInput.content = runInput.content.trim()),
          ({ runContext }) => (runContext.metadata['trimmed'] = true),
        ],
        postHooks: [
          watchAfter,
          ({ runOutput }) => (runOutput.content = runOutput.content.toUpperCase()),
          ({ runOutput, session }) => {
            runOutput.metadata['shouted'] = true;
            session.metadata['mood'] = 'loud';
          },
        ],
      });
      const { agentOs, url } = await startApp({ adapter, agentOs: { agents: [agent] } });
      const { body } = await ask(url, '/agents/agent', ' hello ', transport);
      await agentOs.drain();

      const metadata = { trimmed: true, model: 'one', shouted: true };
      const { duration } = body['metrics'] as { duration: number };
      const [first, second] = seen as [PostHookContext, PostHookContext];
      expect(first).toMatchObject({
        runInput: { content: 'hello' },
        runContext: { metadata, sessionState: { visits: 1 } },
        runOutput: {
          content: 'YOU SAID: HELLO',
          status: 'COMPLETED',
          metrics: { inputTokens: 7, outputTokens: 2, totalTokens: 9, duration },
          metadata,
          messages: [
            { role: 'user', content: 'hello' },
            { role: 'assistant', content: 'YOU SAID: HELLO' },
          ],
        },
        session: { state: { visits: 1 }, metadata: { mood: 'loud' } },
      });
      for (const part of ['runInput', 'runContext', 'runOutput', 'session'] as const) {
        expect(second[part]).toEqual(first[part]);
        expect(second[part]).not.toBe(first[part]);
      }
    });

    it.each(OUTCOMES)(
      'G9: a background hook sees $status of a run that is $outcome',
      async ({ status, engine }) => {
        const agent = new Agent({
          id: 'agent',
          engine: ({ context }) => engine(() => agentOs.cancel(context.runId)),
          postHooks: [watchAfter],
        });
        const { agentOs, url } = await startApp({ adapter, agentOs: { agents: [agent] } });
        await ask(url, '/agents/agent', 'hello', transport);
        await agentOs.drain();
        expect(seen.map(({ runOutput }) => runOutput)).toMatchObject([
          { status, metrics: { duration: expect.any(Number) } },
        ]);
      },
    );

    it('G9: data that an inline pre-hook has masked are masked everywhere', async () => {
      const heard: string[] = [];
      const helper = new Agent({
        id: 'helper',
        engine: ({ messages }) => {
          heard.push(...messages.map(({ content }) => content));
          return 'done';
        },
        preHooks: [watchBefore, maskSecrets],
        postHooks: [watchAfter],
      });
      const desk = new Team({
        id: 'desk',
        members: [helper],
        engine: async ({ input, messages, delegate }) => {
          heard.push(...messages.map(({ content }) => content));
          return delegate('helper', `${input} xanadu`);
        },
        preHooks: [watchBefore, maskSecrets],
        postHooks: [watchAfter],
      });
      const { app, agentOs, url } = await startApp({ adapter, agentOs: { teams: [desk] } });
      const fields = { session_id: 'one', stream: String(transport === 'sse') };
      const first = await (await post(url, '/teams/desk', { ...fields, message: 'it is rosebud' })).text();
      const second = await (await post(url, '/teams/desk', { ...fields, message: 'and rosebud' })).text();
      await agentOs.drain();

      const stored = await app.get(SessionStore).runs('one');
      expect(stored.map(({ input }) => input.content)).toEqual([
        'it is *** ***',
        'it is ***',
        'and *** ***',
        'and ***',
      ]);
      expect(seen.map(({ component, runInput }) => `${component.id}: ${runInput.content}`)).toEqual([
        'desk: it is ***',
        'helper: it is *** ***',
        'helper: it is *** ***',
        'desk: it is ***',
        'desk: and ***',
        'helper: and *** ***',
        'helper: and *** ***',
        'desk: and ***',
      ]);
      const everything = JSON.stringify([first, second, stored, heard, seen.map(dataOf)]);
      expect(everything).not.toMatch(/rosebud|xanadu/);
      if (transport === 'json') expect(JSON.parse(first)['input']).toEqual({ input_content: 'it is ***' });
    });
  },
);

describe('The data of background hooks', () => {
  it('G9: background hooks do not see changes of the caller in its output', async () => {
    const agent = new Agent({ id: 'agent', engine: () => 'the answer', postHooks: [watchAfter] });
    const { agentOs } = await startApp({ agentOs: { agents: [agent] } });
    const output = await agentOs.run('agent', 'hello');
    Object.assign(output, { content: 'another', metadata: { changed: true } });
    output.messages.length = 0;
    await agentOs.drain();
    expect(
      seen.map(({ runOutput: { content, metadata, messages } }) => [content, metadata, messages.length]),
    ).toEqual([['the answer', {}, 2]]);
  });

  it('G11: a repeated hook gets new copies', async () => {
    const found: string[] = [];
    const spoil = inBackground(
      'spoil',
      ({ runOutput }) => {
        found.push(runOutput.content);
        runOutput.content = 'spoilt';
        if (found.length === 1) throw new Error('once more');
      },
      { retry: { attempts: 2, backoff: 0 } },
    );
    const agent = new Agent({ id: 'agent', engine: () => 'the answer', postHooks: [spoil] });
    const { agentOs } = await startApp({ agentOs: { agents: [agent] } });
    await agentOs.run('agent', 'hello');
    await agentOs.drain();
    expect(found).toEqual(['the answer', 'the answer']);
  });
});

function dataOf({ runInput, runContext, runOutput, session }: PostHookContext): object {
  return { runInput, runContext, runOutput, session };
}
