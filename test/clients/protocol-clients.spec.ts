import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import {
  Agent,
  condition,
  loop,
  parallel,
  router,
  step,
  Workflow,
  type AgentOsOptions,
} from 'nestjs-agentos';

import { AgentUiReader } from '../support/agent-ui-reader.js';
import { readAsClient } from '../support/agent-os-client-reader.js';
import { post } from '../support/http-client.js';
import { mockLab } from '../support/mock-lab.js';
import { ADAPTERS, closeApps, startApp } from '../support/test-app.js';

/** Text that would confuse a reader which looks for braces, quotes or lines. */
const AWKWARD = [
  '{"event":"RunError"',
  '}',
  '"{{"\\',
  '\r\ndata: {"a":1}\n\n',
  ' ',
  '👋 \u2028\u2029\u0085',
  '\\"}',
];

function lab(): AgentOsOptions {
  const awkward = new Agent({
    id: 'awkward',
    engine: async function* () {
      yield* AWKWARD;
    },
  });
  const blocks = new Workflow({
    id: 'blocks',
    steps: [
      parallel('both', [step('left', () => 'l'), step('right', () => 'r')]),
      condition('if', { when: () => true, then: [step('then', () => 't')] }),
      loop('twice', { steps: [step('again', () => 'a')], maxIterations: 2 }),
      router('one', { choose: () => 'this', routes: [step('this', () => 'x')] }),
      new Workflow({ id: 'inside', steps: [step('deep', awkward)] }),
    ],
  });
  const { agents = [], workflows = [], ...others } = mockLab();
  return { ...others, agents: [...agents, awkward], workflows: [...workflows, blocks] };
}

const PATHS = [
  '/agents/plain',
  '/agents/tool',
  '/agents/guard',
  '/agents/guardout',
  '/agents/fail',
  '/agents/awkward',
  '/teams/t1',
  '/teams/outer',
  '/workflows/w1',
  '/workflows/blocks',
];

describe.each(ADAPTERS)('A stream on %s', (adapter) => {
  const bodies = new Map<string, string>();
  beforeAll(async () => {
    const { url } = await startApp({ adapter, agentOs: lab() });
    for (const path of PATHS) bodies.set(path, await (await post(url, path, { message: 'hi' })).text());
  });
  afterAll(closeApps);

  const read = (path: string, cuts: readonly number[] = []): AgentUiReader => {
    const reader = new AgentUiReader();
    const body = bodies.get(path) ?? '';
    const ends = [...cuts.map((cut) => cut % body.length), body.length].sort((left, right) => left - right);
    let from = 0;
    for (const end of ends) {
      reader.push(body.slice(from, end));
      from = end;
    }
    return reader;
  };

  describe('read by agent-ui,', () => {
    it.each([
      ['/agents/plain', 'Hello from mock ', undefined],
      ['/agents/awkward', AWKWARD.join(''), undefined],
      ['/agents/guard', '', 'rejected input'],
      ['/agents/guardout', 'Hello from mock ', 'rejected output'],
      ['/agents/fail', '', 'The run failed.'],
      ['/teams/t1', 'team final ', undefined],
      ['/teams/outer', 'team final ', undefined],
    ])('%s shows the answer or the error, in its session', (path, content, error) => {
      const { view, misunderstood } = read(path);
      expect([view.content, view.error]).toEqual([content, error]);
      expect(view.sessionId).toMatch(/^[0-9a-f-]{36}$/);
      expect(view.createdAt).toBeGreaterThan(1_700_000_000);
      expect(misunderstood).toEqual([]);
    });

    it('shows each tool call once, with its result', () => {
      expect([...read('/agents/tool').view.toolCalls]).toEqual([['call_1', { name: 'add', result: '3' }]]);
    });

    it.each(PATHS)('%s shows the same wherever its chunks end', (path) => {
      const whole = read(path).view;
      fc.assert(
        fc.property(fc.array(fc.nat(), { maxLength: 40 }), (cuts) => {
          expect(read(path, cuts).view).toEqual(whole);
        }),
        { numRuns: 100 },
      );
    });
  });

  describe('read by AgentOSClient,', () => {
    it.each(PATHS)('%s has only events that it knows, each whole on its line', (path) => {
      const { events, skipped } = readAsClient(bodies.get(path) ?? '');
      expect(skipped).toEqual([]);
      expect(events.length).toBeGreaterThan(2);
    });

    it('keeps every text unchanged', () => {
      const { events } = readAsClient(bodies.get('/agents/awkward') ?? '');
      const pieces = events.filter(({ event }) => event === 'RunContent').map(({ content }) => content);
      expect(pieces).toEqual(AWKWARD);
    });

    it('names every block of a workflow', () => {
      const { events } = readAsClient(bodies.get('/workflows/blocks') ?? '');
      const names = new Set(events.map(({ event }) => String(event)));
      expect([...names].filter((name) => /Execution|Iteration/.test(name)).sort()).toEqual([
        'ConditionExecutionCompleted',
        'ConditionExecutionStarted',
        'LoopExecutionCompleted',
        'LoopExecutionStarted',
        'LoopIterationCompleted',
        'LoopIterationStarted',
        'ParallelExecutionCompleted',
        'ParallelExecutionStarted',
        'RouterExecutionCompleted',
        'RouterExecutionStarted',
      ]);
    });

    it('places steps in blocks, and a workflow in a workflow', () => {
      const { events } = readAsClient(bodies.get('/workflows/blocks') ?? '');
      const find = (name: string, field: string, value: unknown): Record<string, unknown> =>
        events.find((event) => event['event'] === name && event[field] === value) ?? {};
      const block = find('ParallelExecutionStarted', 'step_name', 'both');
      const left = find('StepStarted', 'step_name', 'left');
      expect(left['parent_step_id']).toBe(block['step_id']);
      expect([block['step_index'], left['step_index']]).toEqual([0, [0, 0]]);
      const around = find('StepStarted', 'step_name', 'inside');
      const nested = find('WorkflowStarted', 'workflow_id', 'inside');
      expect([nested['parent_step_id'], nested['nested_depth']]).toEqual([around['step_id'], 1]);
    });
  });
});
