import { describe, expect, it } from '@jest/globals';
import type { ComponentKind, RunEvent, RunOutput, StepOutput } from 'nestjs-agentos';
import type { RunEventBase, RunEventBody } from 'nestjs-agentos/engine';

import { brokenStreamEvent, toWireEvents, type WireEvent } from '../../../src/protocol/events.js';
import { toFrame, WIRE_EVENTS } from '../../../src/protocol/streams.js';
import { parseFrames, type Frame } from '../../support/http-client.js';

const NAMES = { agent: 'Agent One', team: 'Team One', workflow: 'Flow One' };

function event(
  body: RunEventBody,
  kind: ComponentKind = 'agent',
  base: Partial<RunEventBase> = {},
): RunEvent {
  const component = { kind, id: `${kind}-1`, name: NAMES[kind] };
  return {
    createdAt: 1795342286,
    component,
    runId: 'r1',
    sessionId: 'CAP1',
    nestedDepth: 0,
    ...base,
    ...body,
  };
}

function outputOf(kind: ComponentKind, fields: Partial<RunOutput> = {}): RunOutput {
  return {
    runId: 'r1',
    sessionId: 'CAP1',
    component: { kind, id: `${kind}-1`, name: NAMES[kind] },
    content: 'Hello',
    status: 'COMPLETED',
    metrics: {},
    messages: [],
    tools: [],
    metadata: {},
    memberResponses: [],
    stepResults: [],
    createdAt: 1795342286,
    ...fields,
  };
}

const stepOutput: StepOutput = {
  stepId: 'step-1',
  stepName: 's1',
  type: 'step',
  content: 'step answer',
  success: true,
  executor: 'agent',
  executorName: 'WA',
  runId: 'r2',
};

const place = { stepName: 's1', stepIndex: [0, 1], stepId: 'step-1', parentStepId: 'block-1' };

const tool = { id: 'call_1', name: 'add', arguments: { a: 1, b: 2 } };

const EVERY_BODY: Readonly<Record<RunEvent['type'], RunEventBody>> = {
  'run-started': { type: 'run-started' },
  'run-content': { type: 'run-content', content: 'Hello' },
  'run-reasoning': { type: 'run-reasoning', content: 'Hm.' },
  'run-source': { type: 'run-source', source: { kind: 'url', id: 's', url: 'https://example.com' } },
  'run-file': { type: 'run-file', file: { id: 'f', kind: 'video', url: 'https://example.com/a.mp4' } },
  'run-content-completed': { type: 'run-content-completed' },
  'run-completed': { type: 'run-completed', output: outputOf('agent'), sessionState: {} },
  'run-error': { type: 'run-error', content: 'no', errorType: 'run_failed' },
  'run-cancelled': { type: 'run-cancelled', output: outputOf('agent'), reason: 'Run r1 was cancelled' },
  'pre-hook-started': { type: 'pre-hook-started', hook: 'trim' },
  'pre-hook-completed': { type: 'pre-hook-completed', hook: 'trim' },
  'post-hook-started': { type: 'post-hook-started', hook: 'audit' },
  'post-hook-completed': { type: 'post-hook-completed', hook: 'audit', error: 'The hook failed.' },
  'model-request-started': { type: 'model-request-started' },
  'model-request-completed': { type: 'model-request-completed', metrics: { inputTokens: 1 } },
  'tool-call-started': { type: 'tool-call-started', tool },
  'tool-call-completed': { type: 'tool-call-completed', tool: { ...tool, result: '3' } },
  'tool-call-failed': { type: 'tool-call-failed', tool: { ...tool, failed: true }, error: 'no' },
  'step-started': { type: 'step-started', ...place },
  'step-completed': { type: 'step-completed', ...place, output: stepOutput },
  'block-started': { type: 'block-started', block: 'parallel', ...place, stepCount: 2 },
  'block-completed': {
    type: 'block-completed',
    block: 'router',
    ...place,
    selected: ['s1'],
    output: { ...stepOutput, type: 'router', executor: 'block', steps: [stepOutput] },
  },
  'loop-iteration-started': {
    type: 'loop-iteration-started',
    ...place,
    iteration: 1,
    maxIterations: 3,
  },
  'loop-iteration-completed': {
    type: 'loop-iteration-completed',
    ...place,
    iteration: 1,
    maxIterations: 3,
    outputs: [stepOutput],
    shouldContinue: false,
  },
};

/** The frames of an event. */
function framesOf(given: RunEvent): Frame[] {
  return parseFrames(
    toWireEvents(given)
      .map((wire) => toFrame(wire))
      .join(''),
  );
}

/** An event with these fields. */
function wireEvent(name: string, fields: object): WireEvent {
  return { ...fields, event: name };
}

/** The names of the frames that each event has in a run of this kind. */
function namesIn(kind: ComponentKind): Record<string, string> {
  const entries = Object.entries(EVERY_BODY).map(([type, body]) => {
    const names = framesOf(event(body, kind)).map(({ event: name }) => name);
    return [type, names.join(' ')];
  });
  return Object.fromEntries(entries) as Record<string, string>;
}

const CONVERSATION_NAMES = {
  'run-started': 'RunStarted',
  'run-content': 'RunContent',
  'run-reasoning': 'RunContent',
  'run-source': 'RunContent',
  'run-file': 'RunContent',
  'run-content-completed': 'RunContentCompleted',
  'run-completed': 'RunCompleted',
  'run-error': 'RunError',
  'run-cancelled': 'RunCancelled RunCompleted',
  'pre-hook-started': 'PreHookStarted',
  'pre-hook-completed': 'PreHookCompleted',
  'post-hook-started': 'PostHookStarted',
  'post-hook-completed': 'PostHookCompleted',
  'model-request-started': 'ModelRequestStarted',
  'model-request-completed': 'ModelRequestCompleted',
  'tool-call-started': 'ToolCallStarted',
  'tool-call-completed': 'ToolCallCompleted',
  'tool-call-failed': 'ToolCallError',
  'step-started': '',
  'step-completed': '',
  'block-started': '',
  'block-completed': '',
  'loop-iteration-started': '',
  'loop-iteration-completed': '',
};

describe('toFrame()', () => {
  it('writes the name, one line of compact JSON and an empty line', () => {
    const fields = { created_at: 1, run_id: 'r1', list: [1, { a: null }], missing: undefined };
    expect(toFrame(wireEvent('RunStarted', fields))).toBe(
      'event: RunStarted\ndata: {"created_at":1,"run_id":"r1","list":[1,{"a":null}],"event":"RunStarted"}\n\n',
    );
  });

  it('keeps the JSON on one line whatever line breaks the content holds', () => {
    // All that any reader takes for the end of a line: those of SSE, and what Python's splitlines() adds.
    const breaks = ['\n', '\r', '\v', '\f', '\x1c', '\x1d', '\x1e', '\x85', '\u2028', '\u2029'];
    const content = breaks
      .map((lineBreak) => `${lineBreak}${lineBreak}data: {"event":"RunCompleted"}`)
      .join('');
    const frame = toFrame(wireEvent('RunContent', { content }));
    expect([...frame].filter((character) => breaks.includes(character))).toEqual(['\n', '\n', '\n']);
    expect(parseFrames(frame)).toEqual([{ event: 'RunContent', data: { event: 'RunContent', content } }]);
  });

  it('writes text as UTF-8, unescaped, and half a character as a readable replacement', () => {
    expect(toFrame(wireEvent('RunContent', { content: 'Grüße 👋 "ok"' }))).toContain(
      '"content":"Grüße 👋 \\"ok\\""',
    );
    expect(toFrame(wireEvent('RunContent', { content: '\ud83d' }))).toContain('"content":"\\ud83d"');
  });
});

describe('toWireEvents()', () => {
  // The expected frames were sent by a running AgentOS, but for shorter ids.
  it.each<[string, RunEvent, string]>([
    [
      'the start of a run',
      event({ type: 'run-started', model: { id: 'mock-1', provider: 'MockProvider' } }),
      'event: RunStarted\ndata: {"created_at":1795342286,"event":"RunStarted","agent_id":"agent-1","agent_name":"Agent One","run_id":"r1","session_id":"CAP1","nested_depth":0,"model":"mock-1","model_provider":"MockProvider"}\n\n',
    ],
    [
      'a piece of an answer',
      event({ type: 'run-content', content: 'Hello ' }),
      'event: RunContent\ndata: {"created_at":1795342286,"event":"RunContent","agent_id":"agent-1","agent_name":"Agent One","run_id":"r1","session_id":"CAP1","nested_depth":0,"content":"Hello ","workflow_agent":false,"content_type":"str","reasoning_content":""}\n\n',
    ],
    [
      'a piece of the answer of a team',
      event({ type: 'run-content', content: 'team ' }, 'team'),
      'event: TeamRunContent\ndata: {"created_at":1795342286,"event":"TeamRunContent","team_id":"team-1","team_name":"Team One","run_id":"r1","session_id":"CAP1","nested_depth":0,"content":"team ","content_type":"str","reasoning_content":""}\n\n',
    ],
    [
      'a member of a team',
      event({ type: 'run-content-completed' }, 'agent', { parentRunId: 'r0' }),
      'event: RunContentCompleted\ndata: {"created_at":1795342286,"event":"RunContentCompleted","agent_id":"agent-1","agent_name":"Agent One","run_id":"r1","parent_run_id":"r0","session_id":"CAP1","nested_depth":0}\n\n',
    ],
    [
      'a post-hook',
      event({ type: 'post-hook-started', hook: 'reject_out' }),
      'event: PostHookStarted\ndata: {"created_at":1795342286,"event":"PostHookStarted","agent_id":"agent-1","agent_name":"Agent One","run_id":"r1","session_id":"CAP1","nested_depth":0,"post_hook_name":"reject_out"}\n\n',
    ],
    [
      'a rejected input',
      event({
        type: 'run-error',
        content: 'rejected input',
        errorType: 'input_check_error',
        errorId: 'prompt_injection',
        additionalData: { k: 1 },
      }),
      'event: RunError\ndata: {"created_at":1795342286,"event":"RunError","agent_id":"agent-1","agent_name":"Agent One","run_id":"r1","session_id":"CAP1","nested_depth":0,"content":"rejected input","error_type":"input_check_error","error_id":"prompt_injection","additional_data":{"k":1}}\n\n',
    ],
  ])('has the fields of the protocol for %s', (_name, given, expected) => {
    expect(framesOf(given)).toEqual(parseFrames(expected));
  });

  it.each(['agent', 'team', 'workflow'] as const)(
    'has the fields of the document for every event of a run of the kind %s',
    (kind) => {
      const step = { workflowId: 'w1', workflowRunId: 'r0', ...place };
      const events = Object.values(EVERY_BODY).flatMap((body) => [
        ...framesOf(event(body, kind)),
        ...framesOf(event(body, kind, { step, parentRunId: 'r0', nestedDepth: 1 })),
      ]);
      const sent = [...events.map(({ data }) => data), brokenStreamEvent(kind, 1)];
      expect(sent.length).toBeGreaterThan(20);
      // A field that the schema does not have would be missing in what it returns.
      expect(sent.map((data) => WIRE_EVENTS[kind].parse(data))).toEqual(sent);
    },
  );

  it('names the step and the workflow in which an agent runs', () => {
    const step = { workflowId: 'w1', workflowRunId: 'r0', ...place };
    const [frame] = framesOf(event({ type: 'run-started' }, 'agent', { step, nestedDepth: 1 }));
    expect(frame?.data).toMatchObject({
      workflow_id: 'w1',
      workflow_run_id: 'r0',
      step_id: 'step-1',
      step_name: 's1',
      step_index: [0, 1],
      nested_depth: 1,
    });
  });

  it('gives the output of a function before the step that it ends', () => {
    const output: StepOutput = { ...stepOutput, executor: 'function', executorName: 'fstep' };
    const body: RunEventBody = { type: 'step-completed', ...place, output };
    const [first, second] = framesOf(event(body, 'workflow'));
    expect([first?.event, first?.data['step_id'], first?.data['step_output']]).toEqual([
      'StepOutput',
      undefined,
      expect.objectContaining({ step_id: 'step-1', steps: null }),
    ]);
    expect([second?.event, second?.data['step_id'], second?.data['parent_step_id']]).toEqual([
      'StepCompleted',
      'step-1',
      'block-1',
    ]);
  });

  it('has the names of the protocol for every event of an agent', () => {
    expect(namesIn('agent')).toEqual(CONVERSATION_NAMES);
  });

  it('puts "Team" before them for a team', () => {
    const names = Object.entries(CONVERSATION_NAMES).map(([type, list]) => [
      type,
      list.replace(/\b(?=\w)/g, 'Team'),
    ]);
    expect(namesIn('team')).toEqual(Object.fromEntries(names));
  });

  it('has the names of the protocol for every event of a workflow, which has no content of its own', () => {
    const silent = Object.keys(CONVERSATION_NAMES).map((type) => [type, '']);
    expect(namesIn('workflow')).toEqual({
      ...(Object.fromEntries(silent) as object),
      'run-started': 'WorkflowStarted',
      'run-completed': 'WorkflowCompleted',
      'run-error': 'WorkflowError',
      'run-cancelled': 'WorkflowCancelled WorkflowCompleted',
      'step-started': 'StepStarted',
      'step-completed': 'StepCompleted',
      'block-started': 'ParallelExecutionStarted',
      'block-completed': 'RouterExecutionCompleted',
      'loop-iteration-started': 'LoopIterationStarted',
      'loop-iteration-completed': 'LoopIterationCompleted',
    });
  });

  it('repeats the name in the data, and has no "data" in it, which clients would unwrap', () => {
    const frames = (['agent', 'team', 'workflow'] as const).flatMap((kind) =>
      Object.values(EVERY_BODY).flatMap((body) => framesOf(event(body, kind))),
    );
    const wrong = frames.filter(({ event: name, data }) => data['event'] !== name || 'data' in data);
    expect([frames.length > 30, wrong]).toEqual([true, []]);
  });

  it('shows partial content of a cancelled run, in both of its frames', () => {
    const body = {
      type: 'run-cancelled',
      output: outputOf('agent', { content: 'w0 w1' }),
      reason: 'stop',
    } as const;
    expect(framesOf(event(body)).map(({ data }) => [data['content'], data['reason']])).toEqual([
      ['w0 w1', 'stop'],
      ['w0 w1', undefined],
    ]);
  });

  it('puts the reason of a failed workflow into "error", where agents and teams have it in "content"', () => {
    const data = (['agent', 'team', 'workflow'] as const).map((kind) => {
      const [frame] = framesOf(event(EVERY_BODY['run-error'], kind));
      return [frame?.data['content'], frame?.data['error']];
    });
    expect(data).toEqual([
      ['no', undefined],
      ['no', undefined],
      [undefined, 'no'],
    ]);
  });
});
