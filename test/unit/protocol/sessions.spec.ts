import { readFileSync } from 'node:fs';
import { join } from 'node:path';

import { describe, expect, it } from '@jest/globals';
import type { ComponentKind } from 'nestjs-agentos';

import type { Unknown } from '../../../src/protocol/schema.js';
import { SESSION_RUNS, toWireSessionRun } from '../../../src/protocol/session-runs.js';
import {
  SESSION_DETAILS,
  toWireSession,
  toWireSessionDetails,
  WireSession,
} from '../../../src/protocol/sessions.js';
import { componentOf, MODEL, outputOf, storedRunOf, storedSessionOf } from '../../support/stored-data.js';

type Item = Record<string, unknown>;

const CAPTURES = join(import.meta.dirname, '../../fixtures/captures');

function captureOf<T>(name: string): T {
  return JSON.parse(readFileSync(join(CAPTURES, `${name}.json`), 'utf8')) as T;
}

/** What JSON makes of it. */
const sent = (value: unknown): Item => JSON.parse(JSON.stringify(value)) as Item;

/** The names of the fields that are sent; their order means nothing in JSON. */
const namesOf = (item: object | undefined): string[] => Object.keys(sent(item ?? {})).sort();

describe('A session in a list', () => {
  it('has the fields of the protocol', () => {
    const [captured] = captureOf<{ data: Item[] }>('sessions').data;
    const shown = sent(toWireSession(storedSessionOf({ id: 'CAP2', component: componentOf('tool') })));
    expect(namesOf(shown)).toEqual(namesOf(captured));
    expect(shown).toEqual(captured);
  });

  it('has all known values, and leaves out unknown ones', () => {
    const rich = storedSessionOf({
      name: 'My chat',
      userId: 'ann',
      component: componentOf('desk', 'team'),
      summary: { topics: ['x'] },
      metadata: { seen: new Date(0), nothing: null },
    });
    expect(toWireSession(rich)).toMatchObject({
      session_name: 'My chat',
      session_type: 'team',
      user_id: 'ann',
      team_id: 'desk',
      session_summary: { topics: ['x'] },
      metadata: { seen: '1970-01-01T00:00:00.000Z', nothing: null },
    });
    const { component: _, firstInput: __, ...poor } = storedSessionOf({ usage: [] });
    expect(namesOf(toWireSession(poor))).toEqual([
      'created_at',
      'session_id',
      'session_name',
      'session_state',
      'session_type',
      'updated_at',
    ]);
    expect(toWireSession(poor).session_name).toBe('');
  });

  it('sums up the usage of all models', () => {
    const usage = [
      { inputTokens: 1, outputTokens: 2, totalTokens: 3, model: MODEL },
      { totalTokens: 10 },
      { inputTokens: 5, totalTokens: 5, cacheReadTokens: 4, model: { id: 'other', provider: 'P' } },
      { model: { id: 'unused', provider: 'P' } },
    ];
    expect(toWireSession(storedSessionOf({ usage }))).toMatchObject({
      total_tokens: 18,
      metrics: {
        input_tokens: 6,
        output_tokens: 2,
        total_tokens: 18,
        cache_read_tokens: 4,
        details: {
          model: [
            { input_tokens: 1, output_tokens: 2, total_tokens: 3, id: 'mock-1', provider: 'MockProvider' },
            { input_tokens: 5, total_tokens: 5, cache_read_tokens: 4, id: 'other', provider: 'P' },
          ],
        },
      },
    });
  });
});

describe('The details of a session', () => {
  const detailsOf = (kind: ComponentKind, id: string, unknown: Unknown): Item => {
    const session = storedSessionOf({ id: 'CAP2', component: componentOf(id, kind) });
    const served = { name: 'Tool', description: 'Adds', model: MODEL };
    const runs = [storedRunOf(), storedRunOf({ parentRunId: 'r0', content: 'of a member' }), storedRunOf()];
    return sent(toWireSessionDetails({ session, served, runs }, unknown));
  };

  it('of an agent are those of the protocol', () => {
    const captured = captureOf<Item>('session_detail_agent');
    const shown = detailsOf('agent', 'tool', null);
    expect(namesOf(detailsOf('agent', 'tool', undefined))).toEqual(namesOf(captured));
    const roles = (item: Item): unknown[] => (item['chat_history'] as Item[]).map(({ role }) => role);
    expect(roles(shown)).toEqual(roles(captured));
    const { chat_history: _, ...others } = captured;
    expect(shown).toMatchObject(others);
    expect(shown).toMatchObject({ user_id: null, session_summary: null, metadata: null });
  });

  it('of a team name the team', () => {
    const shown = detailsOf('team', 'desk', null);
    expect(shown).toMatchObject({
      team_id: 'desk',
      team_data: { name: 'Tool', team_id: 'desk', model: { id: 'mock-1' } },
      total_tokens: 52,
    });
    expect(shown).not.toHaveProperty('agent_id');
    expect(shown['chat_history']).toHaveLength(6);
  });

  it('of a workflow show its data and no conversation', () => {
    expect(namesOf(detailsOf('workflow', 'flow', null))).toEqual([
      'created_at',
      'metadata',
      'session_data',
      'session_id',
      'session_name',
      'session_state',
      'updated_at',
      'user_id',
      'workflow_data',
      'workflow_id',
      'workflow_name',
    ]);
    expect(detailsOf('workflow', 'flow', null)).toMatchObject({
      workflow_name: 'Tool',
      session_data: { session_state: {}, session_metrics: { total_tokens: 52 } },
      workflow_data: { name: 'Tool', workflow_id: 'flow', description: 'Adds' },
    });
  });
});

describe('A run of a session', () => {
  it('of an agent has the fields of the protocol', () => {
    const [captured = {}] = captureOf<Item[]>('session_runs_agent');
    const shown = sent(toWireSessionRun(storedRunOf(), undefined));
    expect(namesOf(shown)).toEqual(namesOf(captured));
    expect(namesOf((shown['tools'] as Item[])[0])).toEqual(namesOf((captured['tools'] as Item[])[0]));
    expect((shown['events'] as Item[])[0]).toMatchObject({ event: 'RunStarted', agent_id: 'helper' });
  });

  it('of a member names the run above it, and of a leader its team', () => {
    const [member, leader] = captureOf<Item[]>('session_runs_team');
    const shownMember = sent(
      toWireSessionRun(storedRunOf({ parentRunId: 'r0', tools: [] }, { events: [] }), undefined),
    );
    expect(namesOf(shownMember)).toEqual(namesOf(member));
    expect(shownMember['parent_run_id']).toBe('r0');

    const team = storedRunOf({ component: componentOf('desk', 'team') });
    const shownLeader = namesOf(toWireSessionRun(team, undefined));
    // The capture is of a leader without session state.
    expect(shownLeader.filter((name) => name !== 'session_state')).toEqual(namesOf(leader));
  });

  it('of a workflow has its steps and their runs inside', () => {
    const [captured] = captureOf<Item[]>('session_runs_workflow');
    const step = {
      stepId: 'x1',
      stepName: 's1',
      type: 'step',
      content: 'Hello',
      success: true,
      executor: 'agent',
      executorName: 'HELPER',
    } as const;
    const flow = storedRunOf({
      component: componentOf('flow', 'workflow'),
      memberResponses: [outputOf({ parentRunId: 'r1' })],
      stepResults: [step],
    });
    const shown = sent(toWireSessionRun(flow, undefined));
    expect(namesOf(shown)).toEqual(namesOf(captured));
    expect(shown['step_results']).toEqual([expect.objectContaining({ step_name: 's1', error: null })]);
    expect(shown['step_executor_runs']).toEqual([expect.objectContaining({ agent_id: 'helper' })]);
  });

  it.each<[string, unknown, unknown, string]>([
    ['text', undefined, 'Hello', 'text'],
    ['an object', { answer: 42 }, { answer: 42 }, 'json'],
    ['a list, which clients take as text', [1, 2], 'Hello', 'json'],
  ])('shows an answer that is %s', (_name, data, content, format) => {
    expect(toWireSessionRun(storedRunOf({ data }), null)).toMatchObject({
      content,
      run_response_format: format,
    });
  });

  it('names the files of its input by kind', () => {
    const files = [{ id: 'f1', kind: 'image', name: 'cat.png', mediaType: 'image/png' } as const];
    expect(toWireSessionRun(storedRunOf({}, { input: { content: '', files } }), null)).toMatchObject({
      run_input: '',
      input_media: {
        images: [{ id: 'f1', filename: 'cat.png', mime_type: 'image/png' }],
        videos: [],
        audios: [],
        files: [],
      },
    });
  });
});

describe.each(['agent', 'team', 'workflow'] as const)('A session of the kind %s on the wire', (kind) => {
  const component = componentOf('c', kind);
  const session = storedSessionOf({ component, name: 'My chat', metadata: { a: 1 } });
  const run = storedRunOf({ component });

  // A field that the schema does not have would be missing in what it returns.
  it('has the fields of the document in a list', () => {
    const shown = sent(toWireSession(session));
    expect(WireSession.parse(shown)).toEqual(shown);
  });

  it.each([null, undefined])('has the fields of the document where unknown fields are %s', (unknown) => {
    const details = sent(toWireSessionDetails({ session, served: undefined, runs: [run] }, unknown));
    const shownRun = sent(toWireSessionRun(run, unknown));
    expect(SESSION_DETAILS[kind].parse(details)).toEqual(details);
    expect(SESSION_RUNS[kind].parse(shownRun)).toEqual(shownRun);
  });
});
