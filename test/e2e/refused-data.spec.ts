import { afterEach, describe, expect, it } from '@jest/globals';
import {
  Agent,
  defineGuardrail,
  defineHook,
  InputCheckError,
  OutputCheckError,
  parallel,
  step,
  Team,
  Workflow,
  type HookFunction,
  type PostHookContext,
  type PreHookContext,
  type StepRequest,
} from 'nestjs-agentos';
import { createGate } from 'nestjs-agentos/testing';

import { raise } from '../support/raise.js';
import { ask, TRANSPORTS } from '../support/surfaces.js';
import { closeApps, startApp } from '../support/test-app.js';
import { readText } from '../support/users.js';

afterEach(closeApps);

const sessionOf = async (url: string): Promise<Record<string, unknown>> =>
  JSON.parse(await readText(url, '/sessions/s')) as Record<string, unknown>;

/** All that clients can read of the sessions, and of one of them. */
async function storedIn(url: string, session = 's'): Promise<string> {
  const paths = ['/sessions', '/sessions?type=agent', `/sessions/${session}`, `/sessions/${session}/runs`];
  return (await Promise.all(paths.map((path) => readText(url, path)))).join();
}

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

describe.each(TRANSPORTS)('Data beside an answer that is refused or masked, as %s,', (transport) => {
  it.each([
    ['refused', refuse],
    ['stopped by a guardrail that broke', breakDown],
    ['masked', mask],
    ['masked with its metadata replaced', replace],
  ] as const)('are removed for clients, stores and background hooks if they are %s', async (_name, guard) => {
    const seen: { runContext: PreHookContext['runContext']; session: PreHookContext['session'] }[] = [];
    const { url, agentOs } = await startApp({ agentOs: { agents: [quoting(guard, seen)] } });
    const { text } = await ask(url, '/agents/agent', 'hi', transport, { session_id: 's' });
    await agentOs.drain();
    const stored = await storedIn(url);
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

  it('are removed from the runs of members that got them from the run above', async () => {
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

  it('are removed if a guardrail refuses the input: the name and metadata that a hook gave the session', async () => {
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
    const stored = await storedIn(url);
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
    const stored = await storedIn(url);
    expect(await readText(url, '/sessions/s/runs')).toContain('"member"');
    expect(stored).not.toContain(SECRET);
  });

  it('are not kept if the member settles while the guardrail of its team inspects the answer', async () => {
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
    const stored = await storedIn(url);
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
    const stored = await storedIn(url, 'other');
    expect(stored).toContain('"other"');
    expect(stored).not.toContain(SECRET);
  });
});

describe('The name and metadata that a step gives the session', () => {
  /** A team whose leader does not wait for a workflow, whose step writes once the gate is open, and goes on. */
  const teamWithLateStep = (
    write: (request: StepRequest) => void,
    guard: (late: Promise<unknown>) => HookFunction<PostHookContext>,
  ): Team => {
    const gate = createGate();
    const written = createGate();
    const flow = new Workflow({
      id: 'flow',
      steps: [
        step('write', async (request) => {
          await gate.opened;
          write(request);
          written.open();
          return 'done';
        }),
      ],
    });
    let late: Promise<unknown> | undefined;
    return new Team({
      id: 'team',
      members: [flow],
      postHooks: [
        defineGuardrail<PostHookContext>(() => undefined, { name: 'guard' }),
        defineGuardrail<PostHookContext>(
          async (context) => {
            gate.open();
            await guard(written.opened)(context);
          },
          { name: 'last' },
        ),
        defineHook(() => late, { name: 'wait for the member' }),
      ],
      engine: ({ delegate, context }) => {
        context.metadata['given'] ??= {};
        late = delegate('flow', 'go').catch(() => undefined);
        return 'fine';
      },
    });
  };
  const storedTexts = async (url: string): Promise<string> =>
    (
      await Promise.all(['/sessions', '/sessions/s', '/sessions/s/runs'].map((path) => readText(url, path)))
    ).join();

  it.each([
    ['passes', () => undefined],
    ['masks', ({ runOutput }: PostHookContext) => void (runOutput.content = '***')],
    ['refuses', () => raise(new OutputCheckError('No.'))],
  ] as const)(
    'are not kept if it belongs to a late member of a team whose guardrail %s',
    async (_name, judge) => {
      const seen: unknown[] = [];
      const team = teamWithLateStep(
        ({ session, context }) => {
          session.name = SECRET;
          session.metadata['quote'] = SECRET;
          context.metadata['quote'] = SECRET;
          (context.metadata['given'] as Record<string, unknown>)['quote'] = SECRET;
        },
        (written) => async (context) => {
          await written;
          judge(context);
        },
      );
      const remember = defineHook<PostHookContext>(
        ({ session, runContext, runOutput }) =>
          void seen.push(session.name, session.metadata, runContext.metadata, runOutput.metadata),
        { name: 'remember', runInBackground: true, on: OUTCOMES },
      );
      const { url, agentOs } = await startApp({ agentOs: { teams: [team], postHooks: [remember] } });
      const { text } = await ask(url, '/teams/team', 'hi', 'json', {
        session_id: 's',
        metadata: '{"given":{}}',
      });
      await agentOs.drain();
      expect([text, await storedTexts(url), JSON.stringify(seen)].join()).not.toContain(SECRET);
      expect(seen).toHaveLength(4);
    },
  );

  it.each(['passes', 'masks', 'refuses'] as const)(
    'are not kept if the engine or a hook of the run itself writes late, and the guardrail %s',
    async (verdict) => {
      const gate = createGate();
      const written: Promise<unknown>[] = [];
      const late = (write: () => void): void => void written.push(gate.opened.then(write));
      const flow = new Workflow({
        id: 'flow',
        steps: [
          step('write', ({ session, context }) => {
            late(() => {
              session.name = SECRET;
              session.metadata['quote'] = SECRET;
              context.metadata['quote'] = SECRET;
            });
            return 'fine';
          }),
        ],
        postHooks: [
          defineHook<PostHookContext>(
            ({ session, runOutput, runContext }) =>
              late(() => {
                session.name = `${SECRET} by a hook`;
                session.metadata['hook'] = SECRET;
                runOutput.metadata['hook'] = SECRET;
                runContext.metadata['hook'] = SECRET;
                runOutput.content = SECRET;
              }),
            { name: 'write late' },
          ),
          defineGuardrail<PostHookContext>(
            async ({ runOutput }) => {
              gate.open();
              await Promise.all(written);
              if (verdict === 'refuses') throw new OutputCheckError('No.');
              if (verdict === 'masks') runOutput.content = '***';
            },
            { name: 'guard' },
          ),
        ],
      });
      const { url } = await startApp({ agentOs: { workflows: [flow] } });
      const { text } = await ask(url, '/workflows/flow', 'hi', 'json', { session_id: 's' });
      expect(written).toHaveLength(2);
      expect([text, await storedTexts(url)].join()).not.toContain(SECRET);
    },
  );

  it('are discarded with a failed attempt that is repeated', async () => {
    let attempts = 0;
    const team = new Team({
      id: 'team',
      retries: 1,
      mode: 'coordinate',
      members: [
        new Workflow({
          id: 'flow',
          steps: [
            step('write', ({ session }) => {
              attempts++;
              if (attempts > 1) return 'fine';
              session.name = 'first';
              session.metadata['first'] = true;
              return 'bad';
            }),
          ],
        }),
      ],
      engine: async ({ delegate }) => {
        const answer = await delegate('flow', 'go');
        if (answer === 'bad') throw new Error('again');
        return answer;
      },
    });
    const { url } = await startApp({ agentOs: { teams: [team] } });
    await ask(url, '/teams/team', 'hi', 'json', { session_id: 's' });
    expect(attempts).toBe(2);
    expect(await sessionOf(url)).toMatchObject({ session_name: 'hi' });
    expect(await readText(url, '/sessions/s')).not.toContain('first');
  });
});

describe('The names and metadata that concurrent members give the session', () => {
  /** Two steps that have written before either goes on; the first one settles first. */
  const sideBySide = (end: () => string): Workflow => {
    const [first, second, done] = [createGate(), createGate(), createGate()];
    const one = new Workflow({
      id: 'one',
      steps: [
        step('write', async ({ session }) => {
          session.metadata['one'] = 1;
          session.name = 'named by one';
          first.open();
          await second.opened;
          return 'one';
        }),
      ],
      postHooks: [defineHook(() => void done.open(), { name: 'done' })],
    });
    const other = new Workflow({
      id: 'other',
      steps: [
        step('write', async ({ session }) => {
          await first.opened;
          session.metadata['other'] = 2;
          second.open();
          await done.opened;
          return end();
        }),
      ],
    });
    return new Workflow({
      id: 'flow',
      steps: [parallel('both', [step('one', one), step('other', other, { onError: 'continue' })])],
    });
  };

  it.each([
    ['completes', (): string => 'other'],
    ['fails', (): string => raise(new Error('broken'))],
  ] as const)('are all kept if the last one %s', async (_name, end) => {
    const { url } = await startApp({ agentOs: { workflows: [sideBySide(end)] } });
    await ask(url, '/workflows/flow', 'hi', 'json', { session_id: 's' });
    const { session_name, metadata } = await sessionOf(url);
    expect([session_name, metadata]).toEqual(['named by one', { one: 1, other: 2 }]);
  });

  it('are kept of the members whose guardrails have passed, also if one was refused', async () => {
    const named = createGate();
    const refused = createGate();
    const good = new Agent({
      id: 'good',
      engine: () => 'good',
      postHooks: [
        defineHook<PostHookContext>(
          async ({ session }) => {
            session.name = 'good';
            session.metadata['good'] = true;
            named.open();
            await refused.opened;
          },
          { name: 'name' },
        ),
      ],
    });
    const bad = new Agent({
      id: 'bad',
      engine: () => SECRET,
      postHooks: [
        defineHook<PostHookContext>(
          async ({ session, runOutput }) => {
            await named.opened;
            session.name = runOutput.content;
            session.metadata['bad'] = runOutput.content;
          },
          { name: 'name' },
        ),
        refuse,
      ],
    });
    const team = new Team({
      id: 'team',
      members: [good, bad],
      engine: async ({ delegate }) => {
        const answers = [
          delegate('good', 'go'),
          delegate('bad', 'go').catch(() => {
            refused.open();
            return 'refused';
          }),
        ];
        return (await Promise.all(answers)).join();
      },
    });
    const { url } = await startApp({ agentOs: { teams: [team] } });
    await ask(url, '/teams/team', 'hi', 'json', { session_id: 's' });
    const { session_name, metadata } = await sessionOf(url);
    expect([session_name, metadata]).toEqual(['good', { good: true }]);
  });

  it('are visible to the team and to the members that it asks afterwards', async () => {
    const seen: unknown[] = [];
    const name = ({ session }: StepRequest): string => {
      session.name = 'named';
      session.metadata['a'] = { b: 1 };
      return 'ok';
    };
    const look = ({ session }: StepRequest): string => {
      seen.push([session.name, session.metadata]);
      return 'ok';
    };
    const writes = new Workflow({ id: 'writes', steps: [step('write', name)] });
    const reads = new Workflow({ id: 'reads', steps: [step('read', look)] });
    const flow = new Workflow({
      id: 'flow',
      steps: [step('1', writes), step('2', reads), step('3', look)],
    });
    await flow.run('hi');
    const named = ['named', { a: { b: 1 } }];
    expect(seen).toEqual([named, named]);
  });

  it('are kept if a member writes and settles after its team, which has no guardrail', async () => {
    const gate = createGate();
    let late: Promise<unknown> | undefined;
    const team = new Team({
      id: 'team',
      members: [
        new Workflow({
          id: 'flow',
          steps: [
            step('write', async ({ session, context }) => {
              await gate.opened;
              session.name = 'late';
              session.metadata['late'] = true;
              context.sessionState['late'] = true;
              return 'ok';
            }),
          ],
        }),
      ],
      engine: ({ delegate, context }) => {
        context.sessionState['early'] = true;
        late = delegate('flow', 'go');
        return 'fine';
      },
    });
    const { url, agentOs } = await startApp({ agentOs: { teams: [team] } });
    await ask(url, '/teams/team', 'hi', 'json', { session_id: 's' });
    gate.open();
    await late;
    await agentOs.drain();
    expect(await sessionOf(url)).toMatchObject({
      session_name: 'late',
      metadata: { late: true },
      session_state: { early: true, late: true },
    });
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
  ])('and a post-hook that changes %s fails, and stores nothing of the change', async (_name, edit) => {
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

  it("except the caller's files, and those that a pre-hook has added", async () => {
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

describe('The user of a run without http.userId', () => {
  it.each(['json', 'sse'] as const)(
    'is the one that the caller has named, whatever hooks, engines and steps write, as %s',
    async (transport) => {
      const claim = ({ runContext, session }: PreHookContext): void => {
        Object.assign(runContext, { userId: 'bob' });
        Object.assign(session, { userId: 'bob' });
      };
      const member = new Agent({
        id: 'member',
        engine: ({ context }) => {
          Object.assign(context, { userId: 'bob' });
          return 'ok';
        },
      });
      const own = new Agent({ id: 'own', engine: () => 'ok' });
      const flow = new Workflow({
        id: 'flow',
        preHooks: [defineHook(claim, { name: 'claim' })],
        postHooks: [
          defineHook<PostHookContext>(({ runOutput }) => void Object.assign(runOutput, { userId: 'bob' }), {
            name: 'claim late',
          }),
        ],
        steps: [
          step('write', ({ context, session }) => {
            Object.assign(context, { userId: 'bob' });
            Object.assign(session, { userId: 'bob', id: 'other' });
            return 'ok';
          }),
          step('member', member),
          step('own', async () => (await own.run('go', { sessionId: 'own' })).content),
        ],
      });
      const { url, agentOs } = await startApp({ agentOs: { workflows: [flow] } });
      const { text } = await ask(url, '/workflows/flow', 'hi', transport, {
        session_id: 's',
        user_id: 'ann',
      });
      await agentOs.drain();
      expect(text).not.toContain('bob');
      const paths = [
        '/sessions',
        '/sessions?type=agent',
        '/sessions/s',
        '/sessions/s/runs',
        '/sessions/own/runs',
      ];
      const texts = await Promise.all(paths.map((path) => readText(url, path)));
      expect(texts.join()).not.toContain('bob');
      for (const text of texts) expect(text).toContain('"user_id":"ann"');
    },
  );
});
