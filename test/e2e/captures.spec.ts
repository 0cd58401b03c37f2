import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';

import { captured, capturedFrames, readCapture } from '../support/captures.js';
import { namesOf, parseFrames, post, runJson, type Frame } from '../support/http-client.js';
import { mockLab } from '../support/mock-lab.js';
import { structuralDifferences } from '../support/structure.js';
import { ADAPTERS, closeApps, startApp } from '../support/test-app.js';

/**
 * What agno's server has answered, recorded, against what this one answers for the same components: keys,
 * types, the order of events, the framing. Each test lists all that differs, so that nothing differs unseen.
 */
describe.each(ADAPTERS)('Compared with the recorded answers of the original, on %s,', (adapter) => {
  let url: string;
  beforeAll(async () => {
    ({ url } = await startApp({ adapter, agentOs: mockLab() }));
  });
  afterAll(closeApps);

  const get = async (path: string): Promise<unknown> => (await fetch(url + path)).json();
  const stream = async (path: string, fields: Record<string, string> = {}): Promise<string> =>
    (await post(url, path, { message: 'hi', stream: 'true', ...fields })).text();
  const compareJson = async (capture: string, path: string, fields = {}): Promise<string[]> =>
    structuralDifferences(captured(capture), (await runJson(url, path, 'hi', fields)).body);

  describe('a stream', () => {
    it.each([
      ['agent_bg_stream.sse', '/agents/bg', {}],
      ['agent_background_stream.sse', '/agents/plain', { background: 'true' }],
      ['agent_tool_stream.sse', '/agents/tool', {}],
      ['agent_model_error.sse', '/agents/fail', {}],
    ])('has the events of %s, field by field', async (capture, path, fields) => {
      const frames = parseFrames(await stream(path, fields));
      expect(namesOf(frames)).toEqual(namesOf(capturedFrames(capture)));
      expect(differencesOf(capturedFrames(capture), frames)).toEqual([]);
    });

    it('of a rejected input does not show it, and names the end of the hook', async () => {
      const frames = parseFrames(await stream('/agents/guard'));
      const [started, hook, error] = capturedFrames('agent_input_check_error.sse');
      expect(namesOf(frames)).toEqual(['RunStarted', 'PreHookStarted', 'PreHookCompleted', 'RunError']);
      const [ownStarted, ownHook, , ownError] = frames;
      expect(structuralDifferences(started?.data, ownStarted?.data)).toEqual([]);
      expect(structuralDifferences(hook?.data, ownHook?.data)).toEqual(['run_input: missing']);
      expect(structuralDifferences(error?.data, ownError?.data)).toEqual([]);
      expect(ownError?.data).toMatchObject({
        content: 'rejected input',
        error_type: 'input_check_error',
        error_id: 'prompt_injection',
        additional_data: { k: 1 },
      });
    });

    it('of a rejected output names the end of the hook', async () => {
      const frames = parseFrames(await stream('/agents/guardout'));
      const ended = frames.findIndex(({ event }) => event === 'PostHookCompleted');
      expect(frames[ended]?.data).toMatchObject({
        post_hook_name: 'reject_out',
        error: 'The run was stopped.',
      });
      const others = frames.toSpliced(ended, 1);
      const expected = capturedFrames('agent_output_check_error.sse');
      expect(namesOf(others)).toEqual(namesOf(expected));
      expect(differencesOf(expected, others)).toEqual([]);
    });

    it('of a team has its events and those of its members, the pre-hooks after the start', async () => {
      const frames = parseFrames(await stream('/teams/t1'));
      const [hookStarted, hookCompleted, started, ...others] = capturedFrames('team_stream.sse') as [
        Frame,
        Frame,
        Frame,
        ...Frame[],
      ];
      const expected = [started, hookStarted, hookCompleted, ...others];
      expect(namesOf(frames)).toEqual(namesOf(expected));
      expect(differencesOf(expected, frames)).toEqual([
        'TeamPreHookStarted run_input: missing',
        'TeamPreHookCompleted run_input: missing',
        // The state of a session has no ids in it here.
        'RunCompleted session_state.current_session_id: missing',
        'RunCompleted session_state.current_run_id: missing',
        // A run that has used no tools says so.
        'TeamRunCompleted member_responses[0].tools: not in the protocol',
        'TeamRunCompleted member_responses[0].session_state.current_session_id: missing',
        'TeamRunCompleted member_responses[0].session_state.current_run_id: missing',
      ]);
    });

    it('of a team links a delegation to the run that it has started', async () => {
      const frames = parseFrames(await stream('/teams/t1'));
      const member = frames.find(({ event }) => event === 'RunStarted')?.data;
      const completed = frames.find(({ event }) => event === 'TeamToolCallCompleted')?.data;
      expect(member?.['parent_run_id']).toBe(frames[0]?.data['run_id']);
      expect(completed?.['tool']).toMatchObject({
        child_run_id: member?.['run_id'],
        result: 'answer of m1 ',
      });
      expect(completed?.['content']).toMatch(
        /^delegate_task_to_member\(member_id=m1, task=do it\) completed in \d+\.\d{4}s\. $/,
      );
    });

    it('of a team in a team has the events of the inner one between the call and its result', async () => {
      const frames = parseFrames(await stream('/teams/outer'));
      const steps = frames
        .filter(({ event }) => /RunStarted|RunCompleted|ToolCall/.test(event))
        .map(({ event, data }) => `${event} ${String(data['team_id'] ?? data['agent_id'])}`);
      expect(steps).toEqual([
        'TeamRunStarted outer',
        'TeamToolCallStarted outer',
        'TeamRunStarted inner',
        'TeamToolCallStarted inner',
        'RunStarted m5',
        'RunCompleted m5',
        'TeamToolCallCompleted inner',
        'TeamRunCompleted inner',
        'TeamToolCallCompleted outer',
        'TeamRunCompleted outer',
      ]);
      const idOf = (component: string): unknown =>
        frames.find(
          ({ event, data }) => event.endsWith('RunStarted') && Object.values(data).includes(component),
        )?.data['run_id'];
      const parentOf = (component: string): unknown =>
        frames.find(
          ({ event, data }) => event.endsWith('RunStarted') && Object.values(data).includes(component),
        )?.data['parent_run_id'];
      expect([parentOf('inner'), parentOf('m5')]).toEqual([idOf('outer'), idOf('inner')]);
      expect(new Set(frames.map(({ data }) => data['nested_depth']))).toEqual(new Set([0]));
    });

    it('of a workflow has its events and those of its steps', async () => {
      const frames = parseFrames(await stream('/workflows/w1'));
      const expected = capturedFrames('workflow_stream.sse');
      expect(namesOf(frames)).toEqual(namesOf(expected));
      expect(differencesOf(expected, frames)).toEqual([
        // The state of a session has no ids in it here.
        'RunCompleted session_state.current_session_id: missing',
        'RunCompleted session_state.current_run_id: missing',
        'WorkflowCompleted step_executor_runs[0].tools: not in the protocol',
        'WorkflowCompleted step_executor_runs[0].session_state.current_session_id: missing',
        'WorkflowCompleted step_executor_runs[0].session_state.current_run_id: missing',
      ]);
    });

    it('is framed byte by byte like the recorded ones, with ids', async () => {
      const event = String.raw`event: \w+\ndata: \{"created_at":\d+,"event":"\w+",[^\n]+\}\n`;
      const shape = new RegExp(`^(?:${event}\n)+$`);
      for (const capture of ['agent_tool_stream.sse', 'team_stream.sse', 'workflow_stream.sse'])
        expect(`${readCapture(capture).trimEnd()}\n\n`).toMatch(shape);
      // Here each event has an id, after the lines that readers of the protocol know.
      const own = new RegExp(String.raw`^(?:${event}id: [0-9a-f-]{36}:\d+\n\n)+$`);
      for (const path of ['/agents/tool', '/teams/t1', '/workflows/w1'])
        expect(await stream(path)).toMatch(own);
    });
  });

  describe('a body', () => {
    it('of an agent with a tool equals agent_tool.json', async () => {
      expect(await compareJson('agent_tool.json', '/agents/tool')).toEqual([]);
    });

    it('of a team equals team.json', async () => {
      expect(await compareJson('team.json', '/teams/t1')).toEqual([
        'member_responses[0].session_state.current_session_id: missing',
        'member_responses[0].session_state.current_run_id: missing',
        // The recorded body was taken before the call had been linked.
        'tools[0].child_run_id: expected null, got string',
      ]);
    });

    it('of a workflow equals workflow.json', async () => {
      expect(await compareJson('workflow.json', '/workflows/w1')).toEqual([]);
    });

    it('of a run in the background equals agent_background.json', async () => {
      const fields = { background: 'true' };
      expect(await compareJson('agent_background.json', '/agents/plain', fields)).toEqual([]);
    });

    it.each([
      ['agent_input_check_error.json', '/agents/guard', 400, ['error_id', 'additional_data']],
      ['agent_model_error.json', '/agents/fail', 500, []],
    ])('of a failed run equals %s, with fields for the error added', async (capture, path, status, more) => {
      const { status: found, body } = await runJson(url, path, 'hi');
      expect(found).toBe(status);
      expect(structuralDifferences(captured(capture), body)).toEqual(
        ['detail', 'error_type', ...more].map((key) => `${key}: not in the protocol`),
      );
    });
  });

  describe('a list', () => {
    const find = (list: unknown, id: string): unknown =>
      (list as { id: string }[]).find((item) => item.id === id);

    it.each([
      ['agents.json', '/agents', 'plain'],
      ['agents.json', '/agents', 'tool'],
      ['agents.json', '/agents', 'failretry'],
      ['workflows.json', '/workflows', 'w1'],
    ])('in %s shows components alike: %s %s', async (capture, path, id) => {
      expect(structuralDifferences(find(captured(capture), id), find(await get(path), id))).toEqual([]);
    });

    it.each(['t1', 'outer'])('in teams.json shows components alike: %s', async (id) => {
      const differences = structuralDifferences(
        find(captured('teams.json'), id),
        find(await get('/teams'), id),
      );
      // Members have no role: what they are for is in their description.
      expect(differences.filter((difference) => !/\.role: missing$/.test(difference))).toEqual([]);
    });

    it('in workflow_detail.json shows the steps', async () => {
      expect(structuralDifferences(captured('workflow_detail.json'), await get('/workflows/w1'))).toEqual([]);
    });

    it('in config.json names the served components and the existing databases', async () => {
      const config = captured('config.json') as Record<string, unknown[]>;
      const own = (await get('/config')) as Record<string, unknown[]>;
      const oneOf = (list: unknown[] | undefined): unknown[] | undefined => list?.slice(0, 1);
      const shorten = (whole: Record<string, unknown[]>): unknown => ({
        ...whole,
        agents: oneOf(whole['agents']),
        teams: oneOf(whole['teams']),
        workflows: oneOf(whole['workflows']),
      });
      expect(structuralDifferences(shorten(config), shorten(own))).toEqual([
        ...['filesystem', 'queue', 'company'].map((later) => `${later}: not in the protocol`),
        ...['memory', 'learning'].map((domain) => `${domain}.dbs: expected 1 items, got 0`),
        'traces.dbs[0].tables: not in the protocol',
        ...['agents', 'teams', 'workflows'].map((kind) => `${kind}[0].sandboxed: not in the protocol`),
      ]);
    });
  });

  describe('a session', () => {
    beforeAll(async () => {
      await stream('/agents/tool', { session_id: 'CAP2' });
      await runJson(url, '/agents/tool', 'hi', { session_id: 'CAP2' });
      await stream('/teams/t1', { session_id: 'CAP7' });
      await stream('/workflows/w1', { session_id: 'CAP9' });
    });

    it('is listed as in sessions.json', async () => {
      const list = (await get('/sessions?type=agent&component_id=tool&limit=3')) as { data: unknown[] };
      const recorded = captured('sessions.json') as { data: unknown[] };
      const shorten = (page: { data: unknown[] }): unknown => ({ ...page, data: page.data.slice(0, 1) });
      expect(structuralDifferences(shorten(recorded), shorten(list))).toEqual([]);
    });

    it('is shown as in session_detail_agent.json', async () => {
      const detail = await get('/sessions/CAP2');
      expect(structuralDifferences(captured('session_detail_agent.json'), detail)).toEqual([]);
    });

    it.each([
      ['session_runs_agent.json', 'CAP2', []],
      [
        'session_runs_team.json',
        'CAP7',
        [
          // A member's run that was read with its team's has events of its own.
          /^\[0\]\.events: not in the protocol$/,
          /^\[0\]\.session_state\.\w+: missing$/,
          /^\[1\]\.session_state: not in the protocol$/,
          /^\[0\]\.tools: not in the protocol$/,
          // What a call has started is said once it is known.
          /^\[1\]\.events\[5\]\.tool\.child_run_id: expected string, got null$/,
          // The pre-hooks come after the start.
          /^\[1\]\.events\[[0-2]\]/,
          /member_responses\[0\]\.(session_state\.\w+: missing|tools: not in the protocol)$/,
          /^\[1\]\.events\[\d+\]\.session_state\.\w+: missing$/,
        ],
      ],
    ] as [string, string, RegExp[]][])('has the runs of %s', async (capture, id, allowed) => {
      const runs = await get(`/sessions/${id}/runs`);
      const differences = structuralDifferences(captured(capture), runs);
      expect(differences.filter((difference) => !allowed.some((known) => known.test(difference)))).toEqual(
        [],
      );
    });

    it('of a workflow has the runs of session_runs_workflow.json, without pieces of content', async () => {
      const [recorded] = captured('session_runs_workflow.json') as [{ events: { event: string }[] }];
      const [run] = (await get('/sessions/CAP9/runs')) as [{ events: { event: string }[] }];
      const names = (events: { event: string }[]): string[] => events.map(({ event }) => event);
      expect(names(run.events).filter((name) => name !== 'StepOutput')).toEqual(
        names(recorded.events).filter((name) => name !== 'RunContent'),
      );
      expect(structuralDifferences({ ...recorded, events: [] }, { ...run, events: [] })).toEqual([
        'step_executor_runs[0].tools: not in the protocol',
      ]);
    });
  });
});

/** Each event of one stream against the one at the same place of the other. */
function differencesOf(expected: readonly Frame[], actual: readonly Frame[]): string[] {
  return expected.flatMap(({ event, data }, index) =>
    structuralDifferences(data, actual[index]?.data).map((difference) => `${event} ${difference}`),
  );
}
