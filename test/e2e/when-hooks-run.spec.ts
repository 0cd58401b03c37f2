import { setImmediate as nextTurn } from 'node:timers/promises';

import { afterEach, describe, expect, it } from '@jest/globals';
import {
  Agent,
  defineHook,
  Team,
  type HookFunction,
  type PostHookContext,
  type PreHookContext,
} from 'nestjs-agentos';
import { createGate, type Gate } from 'nestjs-agentos/testing';

import { inBackground } from '../support/background-hook.js';
import { ask, DOMAIN_SURFACES } from '../support/surfaces.js';
import { closeApps, startApp } from '../support/test-app.js';

afterEach(closeApps);

describe.each(DOMAIN_SURFACES)('The start of hooks ($adapter, $transport)', ({ adapter, transport }) => {
  it('G6: background hooks of one run tree are one sequence that never overlaps: in the order in which the runs reached them, pre before post, list order', async () => {
    const steps: string[] = [];
    const fastIsDone = createGate();
    const hook = (name: string): HookFunction<PreHookContext> =>
      inBackground<PreHookContext>(name, async ({ component, hook: { executionId } }) => {
        const [, phase] = executionId.split(':');
        steps.push(`${component.id} ${phase} ${name} starts`);
        // Whatever ran at the same time would get between start and end.
        await nextTurn();
        steps.push(`${component.id} ${phase} ${name} ends`);
      });
    const hooks = { preHooks: [hook('one'), hook('two')], postHooks: [hook('one'), hook('two')] };
    const slow = new Agent({ id: 'slow', engine: () => fastIsDone.opened.then(() => 'slow'), ...hooks });
    const fast = new Agent({ id: 'fast', engine: () => 'fast', ...hooks });
    const team = new Team({
      id: 'team',
      members: [slow, fast],
      engine: async ({ delegate }) => {
        const answers = [delegate('slow', ''), delegate('fast', '').finally(fastIsDone.open)];
        return (await Promise.all(answers)).join();
      },
      ...hooks,
    });
    const { agentOs, url } = await startApp({ adapter, agentOs: { teams: [team] } });

    await ask(url, '/teams/team', 'hello', transport);
    await agentOs.drain();

    const reached = ['team pre', 'slow pre', 'fast pre', 'fast post', 'slow post', 'team post'];
    const inOrder = reached.flatMap((place) => [`${place} one`, `${place} two`]);
    expect(steps).toEqual(inOrder.flatMap((name) => [`${name} starts`, `${name} ends`]));
  });

  it('G6: different trees proceed side by side up to `concurrency`', async () => {
    const steps: string[] = [];
    const trees = { first: createTree(), second: createTree(), third: createTree() };
    const wait = inBackground('wait', async ({ runInput }) => {
      const { started, ending } = trees[runInput.content as keyof typeof trees];
      steps.push(`${runInput.content} starts`);
      started.open();
      await ending.opened;
      steps.push(`${runInput.content} ends`);
    });
    const agent = new Agent({ id: 'echo', engine: ({ input }) => input, postHooks: [wait] });
    const { agentOs, url } = await startApp({ adapter, agentOs: { agents: [agent], concurrency: 2 } });

    for (const tree of Object.keys(trees)) await ask(url, '/agents/echo', tree, transport);
    await Promise.all([trees.first.started.opened, trees.second.started.opened]);
    trees.first.ending.open();
    await trees.third.started.opened;
    trees.second.ending.open();
    trees.third.ending.open();
    await agentOs.drain();

    expect(steps).toEqual([
      ...['first starts', 'second starts'],
      ...['first ends', 'third starts'],
      ...['second ends', 'third ends'],
    ]);
  });
});

describe('The hooks of a run tree', () => {
  it("G7: the whole tree's hooks are released together once the root has settled", async () => {
    const steps: string[] = [];
    const record = inBackground('record', ({ component }) => void steps.push(`hook of ${component.id}`));
    const member = new Agent({ id: 'member', engine: () => 'hi', postHooks: [record] });
    const team = new Team({
      id: 'team',
      members: [member],
      engine: async ({ delegate }) => {
        await delegate('member', 'hello');
        steps.push('member has settled');
        // Released by itself, the member's hook would run now.
        await nextTurn();
        await nextTurn();
        steps.push('root goes on');
        return 'done';
      },
      postHooks: [record],
    });
    const { agentOs } = await startApp({ agentOs: { teams: [team] } });

    // Without a response there is nothing else to wait for.
    await agentOs.run('team', 'hello');
    await agentOs.drain();

    expect(steps).toEqual(['member has settled', 'root goes on', 'hook of member', 'hook of team']);
  });
});

/** The gates of a tree whose hook says when it starts and is told when to end. */
function createTree(): Record<'started' | 'ending', Gate> {
  return { started: createGate(), ending: createGate() };
}

describe('The hooks of a member without a waiting leader', () => {
  it.each([
    { limits: {}, where: 'in the queue' },
    { limits: { maxPending: 1 }, where: 'over maxPending' },
  ])(
    'G6: hooks of a late member do not overlap those of the tree that it has left, $where',
    async ({ limits }) => {
      const steps: string[] = [];
      const [rootStarted, rootMayEnd, memberMayAnswer, memberSettled] = [
        createGate(),
        createGate(),
        createGate(),
        createGate(),
      ];
      const record = defineHook(
        async ({ component }: PostHookContext) => {
          steps.push(`${component.id} starts`);
          if (component.id === 'team') rootStarted.open();
          if (component.id === 'team') await rootMayEnd.opened;
          steps.push(`${component.id} ends`);
        },
        { runInBackground: true, on: ['completed', 'failed'] },
      );
      const slow = new Agent({
        id: 'slow',
        engine: () => memberMayAnswer.opened.then(() => 'x'),
        postHooks: [record],
      });
      const team = new Team({
        id: 'team',
        members: [slow],
        postHooks: [record],
        engine: ({ delegate }) => {
          void delegate('slow', '').finally(memberSettled.open);
          throw new Error('the leader does not wait');
        },
      });
      const { agentOs } = await startApp({ agentOs: { teams: [team], ...limits } });

      await agentOs.run('team', 'x').catch(() => undefined);
      await rootStarted.opened;
      memberMayAnswer.open();
      await memberSettled.opened;
      rootMayEnd.open();
      await agentOs.drain();
      await agentOs.drain();

      expect(steps).toEqual(['team starts', 'team ends', 'slow starts', 'slow ends']);
    },
  );
});
