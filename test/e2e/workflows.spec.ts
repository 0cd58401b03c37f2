import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import { Logger } from '@nestjs/common';
import type { AgentRunError } from 'nestjs-agentos';
import {
  Agent,
  AgentOsConfigurationError,
  condition,
  InputCheckError,
  loop,
  parallel,
  router,
  StepFailedError,
  step,
  Workflow,
} from 'nestjs-agentos';
import type { StepLike } from 'nestjs-agentos/workflow';
import { createGate } from 'nestjs-agentos/testing';
import { z } from 'zod';

import { namesOf, runJson, runSse } from '../support/http-client.js';
import { closeApps, startApp } from '../support/test-app.js';

// Direct runs log to the console what they do not tell their callers.
beforeAll(() => Logger.overrideLogger(false));
afterAll(() => Logger.overrideLogger(true));
afterEach(closeApps);

const shout = new Agent({ id: 'shout', engine: ({ input }) => input.toUpperCase() });
const workflow = (...steps: StepLike[]): Workflow => new Workflow({ id: 'flow', steps });

describe('The steps of a workflow', () => {
  it('run one after another, each on the content of the previous one', async () => {
    const flow = workflow(
      shout,
      step(
        'twice',
        ({ input, workflowInput, previous }) =>
          `${input}${input} of ${workflowInput} after ${previous.length}`,
      ),
    );

    const { content, stepResults } = await flow.run('ha');

    expect(content).toBe('HAHA of ha after 1');
    expect(stepResults).toMatchObject([
      { stepName: 'shout', executor: 'agent', success: true, content: 'HA' },
      { stepName: 'twice', executor: 'function', success: true },
    ]);
  });

  it('hand typed data on: checked by a schema, or returned beside the content', async () => {
    const classify = step('classify', () => '{"topic":"refund"}', {
      output: z.object({ topic: z.string() }),
    });
    const count = step('count', ({ input }) => ({ content: 'counted', data: { length: input.length } }));
    const flow = workflow(
      classify,
      count,
      ({ dataOf }) => `${dataOf(classify).topic} ${dataOf(count).length}`,
    );

    await expect(flow.run('x')).resolves.toMatchObject({ content: 'refund 18' });
  });

  it.each([
    ['returns nothing', () => undefined, 'Expected the step to return its content as a string'],
    ['throws', () => Promise.reject(new Error('disk full')), 'disk full'],
  ])('fail the workflow with their name if one %s', async (_case, executor, message) => {
    const flow = workflow(step('save', executor as never));

    const failure = await flow.run('x').catch((error: unknown) => error);

    expect(failure).toBeInstanceOf(StepFailedError);
    expect((failure as Error).message).toBe(
      `Step "save" of workflow "flow" failed: ${message}${message.endsWith('string') ? ', or { content, data }, got undefined.' : ''}`,
    );
    expect((failure as AgentRunError).runOutput).toMatchObject({
      status: 'ERROR',
      content: 'The step "save" failed.',
      stepResults: [{ stepName: 'save', success: false, error: 'The step "save" failed.' }],
    });
  });

  it('fail the workflow if data does not fit the schema', async () => {
    const flow = workflow(step('classify', () => '{"topic":7}', { output: z.object({ topic: z.string() }) }));

    await expect(flow.run('x')).rejects.toThrow(
      /The output of step "classify" does not match its schema: .*string/,
    );
  });

  it('let the workflow continue with their input if their options say so', async () => {
    const flow = workflow(
      step('optional', () => Promise.reject(new Error('x')), { onError: 'continue' }),
      step('last', ({ input, previous }) => `${input} ${String(previous[0]?.success)}`),
    );

    await expect(flow.run('kept')).resolves.toMatchObject({ content: 'kept false' });
  });

  it('do not hide a rejection: the workflow is rejected, too', async () => {
    const guarded = new Agent({
      id: 'guarded',
      engine: () => 'never',
      preHooks: [
        () => {
          throw new InputCheckError('Not that.', { trigger: 'off_topic' });
        },
      ],
    });
    const { url } = await startApp({ agentOs: { workflows: [workflow(guarded)] } });

    await expect(runJson(url, '/workflows/flow', 'x')).resolves.toMatchObject({
      status: 400,
      body: { status: 'ERROR', detail: 'Not that.', error_type: 'input_check_error', error_id: 'off_topic' },
    });
  });
});

describe('A parallel block', () => {
  it('runs its steps at once, on the same input, and joins their contents in list order', async () => {
    const bothRun = createGate();
    const flow = workflow(
      parallel('both', [
        step('first', async ({ input }) => {
          await bothRun.opened;
          return `1 ${input}`;
        }),
        step('second', ({ input }) => {
          bothRun.open();
          return `2 ${input}`;
        }),
      ]),
    );

    const { content, stepResults } = await flow.run('x');

    expect(content).toBe('first:\n1 x\n\nsecond:\n2 x');
    expect(stepResults).toMatchObject([
      { stepName: 'both', type: 'parallel', steps: [{ content: '1 x' }, { content: '2 x' }] },
    ]);
  });

  it('fails after all steps have ended if one of them fails', async () => {
    const ended: string[] = [];
    const failed = createGate();
    const flow = workflow(
      parallel('both', [
        step('bad', () => {
          failed.open();
          throw new Error('no');
        }),
        step('good', async () => {
          await failed.opened;
          ended.push('good');
          return 'ok';
        }),
      ]),
    );

    await expect(flow.run('x')).rejects.toThrow('Step "bad" of workflow "flow" failed: no');
    expect(ended).toEqual(['good']);
  });
});

describe('A condition in a workflow', () => {
  const flow = workflow(
    condition('loud', {
      when: ({ input }) => input.endsWith('!'),
      then: [shout, step('thanks', ({ input }) => `${input} Thanks.`)],
      else: [step('calm', ({ input }) => `${input} Fine.`)],
    }),
  );

  it('runs one branch or the other', async () => {
    await expect(flow.run('hey!')).resolves.toMatchObject({ content: 'HEY! Thanks.' });
    await expect(flow.run('hey')).resolves.toMatchObject({ content: 'hey Fine.' });
  });

  it('passes the input through without an else branch', async () => {
    const onlyThen = workflow(condition('never', { when: () => false, then: [shout] }));

    await expect(onlyThen.run('hey')).resolves.toMatchObject({ content: 'hey' });
  });

  it('fails with its name if its condition throws', async () => {
    const broken = workflow(
      condition('maybe', {
        when: () => {
          throw new Error('who knows');
        },
        then: [shout],
      }),
    );

    await expect(broken.run('x')).rejects.toThrow('Step "maybe" of workflow "flow" failed: who knows');
  });
});

describe('A loop in a workflow', () => {
  const add = step('add', ({ input }) => `${input}a`);

  it('ends when its end condition holds', async () => {
    const seen: number[] = [];
    const until = ({ input, iteration }: { input: string; iteration: number }): boolean => {
      seen.push(iteration);
      return input.length === 3;
    };
    const flow = workflow(loop('grow', { steps: [add], until, maxIterations: 9 }));

    const { content, stepResults } = await flow.run('');

    expect(content).toBe('aaa');
    expect(seen).toEqual([1, 2, 3]);
    expect(stepResults[0]?.steps).toHaveLength(3);
  });

  it('runs a fixed number of times without an end condition', async () => {
    await expect(workflow(loop('grow', { steps: [add], maxIterations: 2 })).run('')).resolves.toMatchObject({
      content: 'aa',
    });
  });

  it('fails with its name if its end never comes, unless the last content counts', async () => {
    const options = { steps: [add], until: () => false, maxIterations: 2 };

    await expect(workflow(loop('grow', options)).run('')).rejects.toThrow(
      'Loop "grow" did not end within 2 iterations.',
    );
    await expect(workflow(loop('grow', { ...options, onLimit: 'continue' })).run('')).resolves.toMatchObject({
      content: 'aa',
    });
  });
});

describe('A router in a workflow', () => {
  const routes = [shout, step('whisper', ({ input }) => input.toLowerCase())];

  it('runs the chosen route, or several one after another', async () => {
    const flow = workflow(
      router('voice', { choose: ({ input }) => (input === 'Both' ? ['shout', 'whisper'] : 'shout'), routes }),
    );

    await expect(flow.run('Hi')).resolves.toMatchObject({ content: 'HI' });
    await expect(flow.run('Both')).resolves.toMatchObject({ content: 'both' });
  });

  it('names its routes if the choice is none of them', async () => {
    const flow = workflow(router('voice', { choose: () => 'sing', routes }));

    await expect(flow.run('Hi')).rejects.toThrow(
      'Router "voice" has no route "sing". Its routes: "shout", "whisper".',
    );
  });
});

describe('The events of a block', () => {
  const say = (name: string): StepLike => step(name, () => name);

  /** What the events with these names say, beside what they all do. */
  async function eventsOf(block: StepLike, names: RegExp): Promise<Record<string, unknown>[]> {
    const { url } = await startApp({ agentOs: { workflows: [workflow(block)] } });
    const frames = await runSse(url, '/workflows/flow', 'x');
    return frames.filter(({ event }) => names.test(event)).map(({ data }) => data);
  }

  it('count the iterations of a loop, and hold the results of each iteration apart', async () => {
    const block = loop('again', {
      steps: [say('write'), say('check')],
      until: ({ iteration }) => iteration === 2,
      maxIterations: 3,
    });
    const results = [{ step_name: 'write' }, { step_name: 'check' }];

    const [started, , first, , second, completed] = await eventsOf(block, /^Loop/);

    expect(started).toMatchObject({ event: 'LoopExecutionStarted', max_iterations: 3 });
    expect(first).toMatchObject({ iteration: 1, iteration_results: results, should_continue: true });
    expect(second).toMatchObject({ iteration: 2, iteration_results: results, should_continue: false });
    expect(completed).toMatchObject({
      event: 'LoopExecutionCompleted',
      total_iterations: 2,
      max_iterations: 3,
      all_results: [results, results],
    });
    expect(completed).not.toHaveProperty('step_results');
  });

  it.each([
    ['its first side', { when: () => true, then: [say('yes')] }, { executed_steps: 1, branch: 'if' }],
    [
      'its other side',
      { when: () => false, then: [say('yes')], else: [say('no'), say('never')] },
      { executed_steps: 2, branch: 'else' },
    ],
    ['none', { when: () => false, then: [say('yes')] }, { executed_steps: 0, branch: undefined }],
  ])('name the branch of a condition that has run: %s', async (_side, options, expected) => {
    const [started, completed] = await eventsOf(condition('maybe', options), /^Condition/);

    expect(started).toMatchObject({ condition_result: options.when() });
    expect(started).not.toHaveProperty('branch');
    const { condition_result, executed_steps, branch, step_results } = completed ?? {};
    expect({ executed_steps, branch }).toEqual(expected);
    expect(condition_result).toBe(options.when());
    expect(step_results).toHaveLength(expected.executed_steps);
  });

  it('count the steps of a parallel block at its start and at its end', async () => {
    const events = await eventsOf(parallel('both', [say('left'), say('right')]), /^Parallel/);

    expect(events).toMatchObject([
      { parallel_step_count: 2 },
      { parallel_step_count: 2, step_results: [{ step_name: 'left' }, { step_name: 'right' }] },
    ]);
  });

  it('name the chosen routes, and their output', async () => {
    const options = { choose: () => ['c', 'a'], routes: [say('a'), say('b'), say('c')] };
    const events = await eventsOf(router('way', options), /^Router/);

    expect(events).toMatchObject([
      { selected_steps: ['c', 'a'] },
      {
        selected_steps: ['c', 'a'],
        executed_steps: 2,
        step_results: [{ step_name: 'c' }, { step_name: 'a' }],
      },
    ]);
  });
});

describe('A workflow of agents', () => {
  it('streams its blocks, its steps with their place, and nested workflows a level deeper', async () => {
    const inner = new Workflow({ id: 'inner', steps: [shout] });
    const flow = workflow(parallel('both', [step('nested', inner), step('plain', ({ input }) => input)]));
    const { url } = await startApp({ agentOs: { workflows: [flow] } });

    const frames = await runSse(url, '/workflows/flow', 'x');

    expect(namesOf(frames).filter((name) => /Workflow|Parallel/.test(name))).toEqual([
      'WorkflowStarted',
      'ParallelExecutionStarted',
      'WorkflowStarted',
      'WorkflowCompleted',
      'ParallelExecutionCompleted',
      'WorkflowCompleted',
    ]);
    expect(frames.find(({ event }) => event === 'RunStarted')?.data).toMatchObject({
      workflow_id: 'inner',
      step_name: 'shout',
      step_index: 0,
      nested_depth: 1,
    });
    expect(frames.find(({ data }) => data['step_name'] === 'plain')?.data['step_index']).toEqual([0, 1]);
  });

  it.each([
    ['no steps', () => workflow(), 'expected steps to be a non-empty array'],
    [
      'a value that is not a step',
      () => workflow(undefined as never),
      'steps[0] is not a step, component or function',
    ],
    ['two steps of one name', () => workflow(shout, parallel('p', [shout])), 'has two steps called "shout"'],
    ['an empty name', () => workflow(step('', shout)), 'step() expects a name'],
    [
      'a loop without a limit',
      () => workflow(loop('l', { steps: [shout] } as never)),
      'expected maxIterations',
    ],
  ])('does not start with %s', (_case, construct, message) => {
    expect(construct).toThrow(AgentOsConfigurationError);
    expect(construct).toThrow(message);
  });
});
