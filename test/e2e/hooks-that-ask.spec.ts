import { afterEach, describe, expect, it } from '@jest/globals';
import {
  Agent,
  defineGuardrail,
  defineHook,
  InputCheckError,
  type HookOptions,
  type PostHookContext,
  type PreHookContext,
} from 'nestjs-agentos';
import { SessionStore } from 'nestjs-agentos/stores';

import { runJson } from '../support/http-client.js';
import { closeApps, startApp } from '../support/test-app.js';

afterEach(closeApps);

const SECRET = 'my password is hunter2';
const classifier = new Agent({ id: 'classifier', engine: ({ input }) => `seen: ${input}` });

const refuse = (): void => {
  throw new InputCheckError('Not here.');
};
const mask = ({ runInput }: PreHookContext): void => {
  runInput.content = '***';
};

describe('A run that a hook starts', () => {
  it.each([
    ['refuses', refuse],
    ['masks', mask],
  ])('leaves no trace in the session of an input that the guardrail %s', async (_verb, verdict) => {
    const guardrail = defineGuardrail<PreHookContext>(async (context) => {
      for (const options of [{}, { sessionId: context.runContext.sessionId }])
        await classifier.run(context.runInput.content, options);
      verdict(context);
    });
    const agent = new Agent({ id: 'agent', engine: () => 'fine', preHooks: [guardrail] });
    const { url, app } = await startApp({ agentOs: { agents: [agent, classifier] } });
    const { body } = await runJson(url, '/agents/agent', SECRET, { session_id: 's1' });
    expect(['Not here.', 'fine']).toContain(body['content']);

    const store = app.get(SessionStore);
    expect((await store.runs('s1')).map(({ component }) => component.id)).toEqual(['agent']);
    expect(JSON.stringify(await store.runs('s1'))).not.toContain('hunter2');
    expect((await store.list()).sessions.map(({ id }) => id)).toEqual(['s1']);
  });

  it.each<[string, HookOptions]>([
    ['inline', { runInBackground: false }],
    ['in the background', { runInBackground: true }],
  ])('is stored in a session of its own if the hook names one, %s', async (_mode, options) => {
    const audit = defineHook<PostHookContext>(
      async ({ runOutput }) => {
        await classifier.run(runOutput.content);
        await classifier.run(runOutput.content, { sessionId: 'audits' });
      },
      { name: 'audit', ...options },
    );
    const agent = new Agent({ id: 'agent', engine: () => 'fine', postHooks: [audit] });
    const { url, app, agentOs } = await startApp({ agentOs: { agents: [agent] } });
    await runJson(url, '/agents/agent', 'hi', { session_id: 's1' });
    await agentOs.drain();

    const store = app.get(SessionStore);
    expect(
      (await store.list({ sortBy: 'name', sortOrder: 'asc' })).sessions.map(({ id }) => id).sort(),
    ).toEqual(['audits', 's1']);
    expect((await store.runs('audits')).map(({ output }) => output.content)).toEqual(['seen: fine']);
  });
});
