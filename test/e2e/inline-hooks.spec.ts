import { setImmediate as nextTurn } from 'node:timers/promises';

import { afterEach, describe, expect, it } from '@jest/globals';
import {
  Agent,
  defineHook,
  InputCheckError,
  OutputCheckError,
  type HookFunction,
  type PostHookContext,
  type PreHookContext,
} from 'nestjs-agentos';

import { ask, DOMAIN_SURFACES } from '../support/surfaces.js';
import { closeApps, startApp } from '../support/test-app.js';

/** Records when a hook starts and ends, with turns of the event loop between, and then does its work. */
function recordingTo(steps: string[]) {
  return <C>(name: string, work: HookFunction<C> = () => undefined): HookFunction<C> =>
    defineHook(
      async (context: C) => {
        steps.push(`${name} starts`);
        await nextTurn();
        await work(context);
        steps.push(`${name} ends`);
      },
      { name },
    );
}

afterEach(closeApps);

describe.each(DOMAIN_SURFACES)('Inline hooks ($adapter, $transport)', ({ adapter, transport }) => {
  it('G1: inline hooks run in list order and are awaited; pre-hooks may change or reject the input, post-hooks the output', async () => {
    const steps: string[] = [];
    const recorded = recordingTo(steps);
    const agent = new Agent({
      id: 'echo',
      engine: ({ input }) => {
        steps.push(`engine gets ${input}`);
        return `You said ${input}.`;
      },
      preHooks: [
        recorded<PreHookContext>('trim', ({ runInput }) => void (runInput.content = runInput.content.trim())),
        recorded<PreHookContext>('shout', ({ runInput }) => void (runInput.content += '!')),
      ],
      postHooks: [
        recorded<PostHookContext>(
          'greet',
          ({ runOutput }) => void (runOutput.content = `Hi. ${runOutput.content}`),
        ),
        recorded<PostHookContext>('sign', ({ runOutput }) => void (runOutput.content += ' Bye.')),
      ],
    });
    const { url } = await startApp({ adapter, agentOs: { agents: [agent] } });

    const { body } = await ask(url, '/agents/echo', ' hello ', transport);
    steps.push('answer read');

    expect(body['content']).toBe('Hi. You said hello!. Bye.');
    expect(steps).toEqual([
      ...['trim starts', 'trim ends', 'shout starts', 'shout ends'],
      'engine gets hello!',
      ...['greet starts', 'greet ends', 'sign starts', 'sign ends'],
      'answer read',
    ]);
  });

  it.each([
    { phase: 'pre', error: new InputCheckError('No.'), expected: ['pre', 'pre rejects'] },
    {
      phase: 'post',
      error: new OutputCheckError('No.'),
      expected: ['pre', 'engine', 'post', 'post rejects'],
    },
  ])('end the run if a $phase-hook rejects it', async ({ phase, error, expected }) => {
    const steps: string[] = [];
    const hooksOf = (ownPhase: string): HookFunction<PreHookContext>[] => [
      () => void steps.push(ownPhase),
      defineHook(
        () => {
          if (phase !== ownPhase) return;
          steps.push(`${phase} rejects`);
          throw error;
        },
        { name: 'check' },
      ),
      defineHook(() => void (phase === ownPhase && steps.push('too late')), { name: 'later' }),
    ];
    const agent = new Agent({
      id: 'echo',
      engine: () => {
        steps.push('engine');
        return 'the answer';
      },
      preHooks: hooksOf('pre'),
      postHooks: hooksOf('post'),
    });
    const { url } = await startApp({ adapter, agentOs: { agents: [agent] } });

    const { status, body } = await ask(url, '/agents/echo', 'hello', transport);

    expect(steps).toEqual(expected);
    expect(status).toBe(transport === 'json' ? 400 : 200);
    expect(body).toMatchObject({ content: 'No.', error_type: error.code, error_id: error.trigger });
  });

  it.each([
    {
      field: 'content',
      change: ({ runOutput }: PostHookContext) => void (runOutput.content = 'two'),
      shown: 'two',
    },
    {
      field: 'data',
      change: ({ runOutput }: PostHookContext) => void (runOutput.data = { is: 2 }),
      shown: { is: 2 },
    },
  ])('may change a structured answer by its $field', async ({ change, shown }) => {
    const seen: unknown[] = [];
    const agent = new Agent({
      id: 'structured',
      engine: () => ({ content: '{"is":1}', data: { is: 1 } }),
      postHooks: [
        change,
        ({ runOutput }: PostHookContext) => void seen.push(runOutput.content, runOutput.data),
      ],
    });
    const { url } = await startApp({ adapter, agentOs: { agents: [agent] } });

    const { body } = await ask(url, '/agents/structured', 'hello', transport);

    expect(body['content']).toEqual(shown);
    expect(seen).toEqual(typeof shown === 'string' ? [shown, undefined] : [JSON.stringify(shown), shown]);
  });
});
