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

import { createGate } from '../support/gate.js';
import { raise } from '../support/raise.js';
import { ask, TRANSPORTS } from '../support/surfaces.js';
import { closeApps, startApp } from '../support/test-app.js';
import { readText } from '../support/users.js';

afterEach(closeApps);

const SECRET = 'the launch code';
const OUTCOMES = ['completed', 'rejected', 'failed'] as const;

const refuse = defineGuardrail(() => raise(new OutputCheckError('No.')), { name: 'guard' });
const breakDown = defineGuardrail(() => raise(new Error('broken')), { name: 'guard' });
const mask = defineGuardrail<PostHookContext>(({ runOutput }) => void (runOutput.content = '***'), {
  name: 'guard',
});
const replace = defineGuardrail<PostHookContext>(
  ({ runOutput }) => void Object.assign(runOutput, { content: '***', metadata: { masked: true } }),
  { name: 'guard' },
);

/** An agent whose engine and hooks quote the answer wherever they can, before its guardrail looks. */
function quoting(guard: HookFunction<PostHookContext>, seen: unknown[]): Agent {
  return new Agent({
    id: 'agent',
    engine: ({ context }) => {
      context.metadata['direct'] = SECRET;
      Object.assign(context.metadata['given'] as object, { quote: SECRET });
      context.dependencies['direct'] = SECRET;
      return { content: SECRET, metadata: { returned: SECRET } };
    },
    preHooks: [
      defineHook<PreHookContext>(
        ({ runContext, session }) => {
          session.name = 'a question';
          runContext.metadata['given'] = { by: 'a hook' };
        },
        { name: 'prepare' },
      ),
    ],
    postHooks: [
      defineHook<PostHookContext>(
        ({ session, runOutput, runContext }) => {
          session.name = `About ${runOutput.content}`;
          session.metadata['quote'] = runOutput.content;
          runContext.metadata['hook'] = runOutput.content;
        },
        { name: 'quote' },
      ),
      guard,
      defineHook<PostHookContext>(
        ({ runContext, runOutput, session }) => void seen.push({ runContext, runOutput, session }),
        { name: 'audit', runInBackground: true, on: OUTCOMES },
      ),
    ],
  });
}

describe.each(TRANSPORTS)('What was put beside an answer that is refused or masked, as %s', (transport) => {
  it.each([
    ['refused', refuse],
    ['stopped by a guardrail that broke', breakDown],
    ['masked', mask],
    ['masked with its metadata replaced', replace],
  ] as const)('is gone if it is %s: for clients, stores and background hooks', async (_name, guard) => {
    const seen: { runContext: PreHookContext['runContext']; session: PreHookContext['session'] }[] = [];
    const { url, agentOs } = await startApp({ agentOs: { agents: [quoting(guard, seen)] } });
    const { text } = await ask(url, '/agents/agent', 'hi', transport, { session_id: 's' });
    await agentOs.drain();
    const paths = ['/sessions', '/sessions/s', '/sessions/s/runs'];
    const stored = (await Promise.all(paths.map((path) => readText(url, path)))).join();
    expect(text).not.toContain(SECRET);
    expect(stored).not.toContain(SECRET);
    expect(stored).toContain('a question');
    expect(seen).toHaveLength(1);
    expect(JSON.stringify(seen)).not.toContain(SECRET);
    const metadata = guard === replace ? { masked: true } : { given: { by: 'a hook' } };
    expect(seen[0]).toMatchObject({
      runContext: { metadata, dependencies: {} },
      session: { name: 'a question' },
    });
  });

  it('is gone from the runs of members that got it from the run above', async () => {
    const member = new Agent({ id: 'member', engine: () => 'fine' });
    const team = new Team({
      id: 'team',
      members: [member],
      postHooks: [refuse],
      engine: async ({ context, delegate }) => {
        context.metadata['quote'] = SECRET;
        return delegate('member', 'go');
      },
    });
    const { url } = await startApp({ agentOs: { teams: [team] } });
    const { text } = await ask(url, '/teams/team', 'hi', transport, { session_id: 's' });
    expect(text).not.toContain(SECRET);
    expect(await readText(url, '/sessions/s/runs')).not.toContain(SECRET);
  });

  it('is gone if a guardrail refuses the input: the name and metadata that a hook gave the session', async () => {
    const seen: string[] = [];
    const agent = new Agent({
      id: 'agent',
      engine: () => 'never',
      preHooks: [
        defineHook<PreHookContext>(
          ({ session, runInput, runContext }) => {
            session.name = runInput.content;
            session.metadata['topic'] = runInput.content;
            runContext.metadata['question'] = runInput.content;
          },
          { name: 'name' },
        ),
        defineGuardrail(() => raise(new InputCheckError('No.')), { name: 'guard' }),
      ],
      postHooks: [
        defineHook<PostHookContext>(
          ({ runContext }) => void seen.push(String(runContext.metadata['question'])),
          { name: 'audit', runInBackground: true, on: ['rejected'] },
        ),
      ],
    });
    const { url, agentOs } = await startApp({ agentOs: { agents: [agent] } });
    await ask(url, '/agents/agent', SECRET, transport, { session_id: 's' });
    await agentOs.drain();
    const paths = ['/sessions', '/sessions/s', '/sessions/s/runs'];
    const stored = (await Promise.all(paths.map((path) => readText(url, path)))).join();
    expect(stored).not.toContain(SECRET);
    // An audit of a rejection is about what was refused.
    expect(seen).toEqual([SECRET]);
  });
});

describe('The name and metadata that a hook of a member gives the session from a withdrawn answer', () => {
  const quoting = (id: string, engine: () => string | Promise<string>): Agent =>
    new Agent({
      id,
      engine,
      postHooks: [
        defineHook<PostHookContext>(
          ({ session, runOutput }) => {
            session.name = `About ${runOutput.content}`;
            session.metadata['quote'] = runOutput.content;
          },
          { name: 'quote' },
        ),
      ],
    });

  it.each([
    ['refuses', refuse],
    ['masks', mask],
  ])('are not kept if the member settles after its team, whose guardrail %s', async (_name, guard) => {
    const gate = createGate();
    let late: Promise<unknown> | undefined;
    const member = quoting('member', () => gate.opened.then(() => SECRET));
    const team = new Team({
      id: 'team',
      members: [member],
      postHooks: [guard],
      engine: ({ delegate }) => {
        late = delegate('member', 'go').catch(() => undefined);
        return 'fine';
      },
    });
    const { url, agentOs } = await startApp({ agentOs: { teams: [team] } });
    await ask(url, '/teams/team', 'hi', 'json', { session_id: 's' });
    gate.open();
    await late;
    await agentOs.drain();
    const paths = ['/sessions', '/sessions/s', '/sessions/s/runs'];
    const stored = (await Promise.all(paths.map((path) => readText(url, path)))).join();
    expect(await readText(url, '/sessions/s/runs')).toContain('"member"');
    expect(stored).not.toContain(SECRET);
  });

  it('are not kept if the member settles while the guardrail of its team looks at the answer', async () => {
    const gate = createGate();
    let late: Promise<unknown> | undefined;
    const member = quoting('member', () => gate.opened.then(() => SECRET));
    const wait = defineGuardrail(
      async () => {
        gate.open();
        await late;
      },
      { name: 'guard' },
    );
    const team = new Team({
      id: 'team',
      members: [member],
      postHooks: [wait],
      engine: ({ delegate }) => {
        late = delegate('member', 'go').catch(() => undefined);
        return 'fine';
      },
    });
    const { url } = await startApp({ agentOs: { teams: [team] } });
    const { text } = await ask(url, '/teams/team', 'hi', 'json', { session_id: 's' });
    const paths = ['/sessions', '/sessions/s', '/sessions/s/runs'];
    const stored = (await Promise.all(paths.map((path) => readText(url, path)))).join();
    expect(text).toContain('fine');
    expect(stored).not.toContain(SECRET);
  });

  it('are not kept in a session of the member', async () => {
    const member = quoting('member', () => SECRET);
    const team = new Team({
      id: 'team',
      members: [member],
      postHooks: [refuse],
      engine: async () => (await member.run('go', { sessionId: 'other' })).content,
    });
    const { url } = await startApp({ agentOs: { teams: [team] } });
    await ask(url, '/teams/team', 'hi', 'json', { session_id: 's' });
    const paths = ['/sessions?type=agent', '/sessions/other', '/sessions/other/runs', '/sessions'];
    const stored = (await Promise.all(paths.map((path) => readText(url, path)))).join();
    expect(stored).toContain('"other"');
    expect(stored).not.toContain(SECRET);
  });
});

describe('After the pre-hooks the input is frozen', () => {
  const files = (): { id: string; kind: 'file'; content: string }[] => [
    { id: 'f', kind: 'file', content: 'aGk=' },
  ];

  it.each<[string, (context: PostHookContext) => unknown]>([
    ['its content', ({ runInput }) => (runInput.content = SECRET)],
    ['its list of files', ({ runInput }) => runInput.files?.push({ id: 'x', kind: 'file', name: SECRET })],
    ['one of its files', ({ runInput }) => Object.assign(runInput.files?.[0] ?? {}, { name: SECRET })],
    ['the same in the output', ({ runOutput }) => Object.assign(runOutput.input ?? {}, { content: SECRET })],
  ])('so a post-hook that changes %s fails, and stores nothing of it', async (_name, edit) => {
    const stored: unknown[] = [];
    const agent = new Agent({
      id: 'agent',
      engine: () => 'fine',
      postHooks: [
        defineHook(edit, { name: 'edit' }),
        defineHook<PostHookContext>((context) => void stored.push(context.runInput, context.runOutput), {
          name: 'look',
          runInBackground: true,
        }),
      ],
    });
    const { agentOs } = await startApp({ agentOs: { agents: [agent] } });
    const { input } = await agentOs.run('agent', { content: 'hi', files: files() });
    await agentOs.drain();
    expect((await agentOs.executions.list({ hook: 'edit' }))[0]).toMatchObject({
      state: 'failed',
      errorName: 'TypeError',
    });
    expect(JSON.stringify([input, stored])).not.toContain(SECRET);
    expect(stored).toHaveLength(2);
  });

  it('and an input that a post-hook puts in its place in the output is not kept', async () => {
    const swap = defineHook<PostHookContext>(
      ({ runOutput }) => void (runOutput.input = { content: SECRET }),
      { name: 'swap' },
    );
    const agent = new Agent({ id: 'agent', engine: () => 'fine', postHooks: [swap] });
    await expect(agent.run('hi')).resolves.toMatchObject({ input: { content: 'hi' } });
  });

  it("but the caller's files, and those that a pre-hook has put there, are not", async () => {
    const [given, added] = [files(), files()];
    const add = defineHook<PreHookContext>(({ runInput }) => void runInput.files?.push(...added), {
      name: 'add',
    });
    const agent = new Agent({
      id: 'agent',
      engine: ({ files: seen }) => String(seen.length),
      preHooks: [add],
    });
    const { agentOs } = await startApp({ agentOs: { agents: [agent] } });
    const { content } = await agentOs.run('agent', { content: 'hi', files: given });
    expect([content, given.length, [...given, ...added].some((file) => Object.isFrozen(file))]).toEqual([
      '2',
      1,
      false,
    ]);
  });
});
