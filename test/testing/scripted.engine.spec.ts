import { describe, expect, it } from '@jest/globals';
import { Agent, Team } from 'nestjs-agentos';
import {
  createTestAgentOs,
  scriptedEngine,
  ScriptOverError,
  type ScriptedEngine,
} from 'nestjs-agentos/testing';

function agentWith(engine: ScriptedEngine, retries = 0): Agent {
  return new Agent({ id: 'support', engine, retries });
}

describe('scriptedEngine()', () => {
  it('streams a single text word by word, and several texts unchanged', async () => {
    const engine = scriptedEngine()
      .text('It is in Bonn.')
      .nextRun()
      .text('It is', ' in Bonn.')
      .nextRun()
      .text(({ input }) => input.toUpperCase(), '!');
    const os = await createTestAgentOs({ agents: [agentWith(engine)] });
    const deltasOf = async (input: string): Promise<unknown[]> =>
      (await os.client.stream('support', input).rest())
        .filter(({ event }) => event === 'RunContent')
        .map(({ content }) => content);

    expect(await deltasOf('?')).toEqual(['It ', 'is ', 'in ', 'Bonn.']);
    expect(await deltasOf('?')).toEqual(['It is', ' in Bonn.']);
    expect(await deltasOf('hi')).toEqual(['HI', '!']);
    engine.assertFinished();
    await os.close();
  });

  it('reports tools, usage and any other event, with ids that are always the same', async () => {
    const engine = scriptedEngine()
      .tool('find', { id: 7 }, 'in Bonn')
      .tool('send', {}, 'no such address', { failed: true })
      .usage({ inputTokens: 10, outputTokens: 2 })
      .yield({ type: 'data', data: { city: 'Bonn' } })
      .text('Bonn');
    const { tools, metrics, data, content } = await agentWith(engine).run('Where?');

    expect(tools).toMatchObject([
      { id: 'call-1', name: 'find', arguments: { id: 7 }, result: 'in Bonn', failed: false },
      { id: 'call-2', name: 'send', result: 'no such address', failed: true },
    ]);
    expect([metrics, data, content]).toMatchObject([
      { inputTokens: 10, outputTokens: 2, totalTokens: 12 },
      { city: 'Bonn' },
      'Bonn',
    ]);
  });

  it('records its requests', async () => {
    const engine = scriptedEngine().text('a').nextRun().text('b');
    await agentWith(engine).run('one');
    await agentWith(engine).run('two');

    expect(engine.requests.map(({ input }) => input)).toEqual(['one', 'two']);
  });

  it('keeps to the script of its run when runs overlap', async () => {
    const engine = scriptedEngine().hang().text('first').nextRun().text('second');
    const agent = agentWith(engine);
    const first = agent.run('?');
    await engine.hanging();

    expect((await agent.run('?')).content).toBe('second');
    engine.proceed();
    expect((await first).content).toBe('first');
  });

  it('goes on after fail() with the next attempt of the run', async () => {
    const engine = scriptedEngine().text('lost').fail(new Error('down')).text('Tomorrow.');

    expect((await agentWith(engine, 1).run('When?')).content).toBe('Tomorrow.');
    await expect(agentWith(scriptedEngine().fail()).run('When?')).rejects.toMatchObject({
      cause: { message: 'The scripted engine fails.' },
    });
  });

  it('names the run that asked for more steps than the script has', async () => {
    const engine = scriptedEngine().text('one').text(' two').nextRun().text('three');
    const os = await createTestAgentOs({ agents: [agentWith(engine)], logger: false });
    await os.client.run('support', '?');
    await os.client.run('support', '?');

    const { status, body } = await os.client.run('support', '?');

    const [, , { context } = { context: { runId: '' } }] = engine.requests;
    expect([status, body.detail]).toEqual([
      500,
      `scriptedEngine(): run ${context.runId} asked for script 3, but there are 2 scripts with 3 steps. ` +
        'Add the steps of another run after nextRun(), or end with repeat().',
    ]);
    await os.close();
  });

  it('reports a further attempt without steps, and a script without any step', async () => {
    const once = agentWith(scriptedEngine().fail(), 1);
    await expect(once.run('?')).rejects.toMatchObject({
      cause: expect.any(ScriptOverError),
      message: expect.stringContaining('asked for another attempt, but its script of 1 step is over.'),
    });
    await expect(agentWith(scriptedEngine()).run('?')).rejects.toThrow(
      'asked for script 1, but there are 0 scripts with 0 steps',
    );
  });

  it('plays the last script for all later runs after repeat()', async () => {
    const agent = agentWith(scriptedEngine().text('one').nextRun().text('more').repeat());
    const answers = [await agent.run('?'), await agent.run('?'), await agent.run('?')];

    expect(answers.map(({ content }) => content)).toEqual(['one', 'more', 'more']);
  });

  it('leads a team', async () => {
    const member = new Agent({ id: 'member', engine: ({ input }) => `<${input}>` });
    const engine = scriptedEngine().delegate('member', 'find it').text(' ').delegate('member');
    const team = new Team({ id: 'desk', members: [member], engine });

    expect((await team.run('hi')).content).toBe('<find it> <hi>');
    await expect(agentWith(scriptedEngine().delegate('member')).run('hi')).rejects.toMatchObject({
      cause: { message: expect.stringContaining('delegate() is for engines of teams') },
    });
  });

  it('hangs until proceed(), for one run or for all', async () => {
    const engine = scriptedEngine().hang().text('done').repeat();
    const agent = agentWith(engine);
    const [first, second] = [agent.run('1'), agent.run('2')];
    const id = await engine.hanging();

    engine.proceed(id);
    const { runId } = await Promise.race([first, second]);
    expect(runId).toBe(id);
    engine.proceed();
    expect((await Promise.all([first, second])).map(({ content }) => content)).toEqual(['done', 'done']);
    expect(() => engine.proceed()).toThrow('no run hangs, so there is no step to continue');
    expect(() => engine.proceed('x')).toThrow('run x does not hang');
  });

  it('stops hanging when its run is cancelled, unless it ignores its signal', async () => {
    const engine = scriptedEngine().hang().nextRun().hang({ ignoreSignal: true });
    const agent = agentWith(engine);
    const controller = new AbortController();
    const polite = agent.run('?', { signal: controller.signal });
    await engine.hanging();
    const stubborn = agent.run('?', { signal: controller.signal });
    while (engine.requests.length < 2) await new Promise((resolve) => setImmediate(resolve));

    controller.abort();

    await expect(polite).rejects.toMatchObject({ code: 'run_cancelled' });
    await expect(stubborn).rejects.toMatchObject({ code: 'run_cancelled' });
    // The one that ignores its signal still hangs, the other one does not.
    expect(() => engine.proceed(engine.requests[0]?.context.runId)).toThrow('does not hang');
    engine.proceed(engine.requests[1]?.context.runId);
  });

  it('names the steps that were not played in assertFinished()', async () => {
    const engine = scriptedEngine().text('a').fail().text('b').nextRun().text('c');
    await agentWith(engine)
      .run('?')
      .catch(() => undefined);

    expect(() => engine.assertFinished()).toThrow(
      'Expected the script to be played to its end. Played: script 1: 2 of 3 steps, script 2: 0 of 1 steps.',
    );
  });
});
