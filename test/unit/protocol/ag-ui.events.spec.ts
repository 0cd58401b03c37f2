import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import {
  Agent,
  defineGuardrail,
  OutputCheckError,
  parallel,
  Team,
  Workflow,
  type Component,
  type PostHookContext,
  type RunEvent,
} from 'nestjs-agentos';
import { toAgUiEvents, type AgUiRequest } from 'nestjs-agentos/ag-ui';
import type { EngineYield } from 'nestjs-agentos/engine';

import { AgUiEvents } from '../../../src/protocol/ag-ui.events.js';
import { checkAgUi, type SentEvent } from '../../support/ag-ui-client.js';
import { inBackground } from '../../support/background-hook.js';
import { closeApps, startApp, type TestApp } from '../../support/test-app.js';

/** What an engine does, in any order: also what makes no sense. It throws where nothing is given. */
const yields: fc.Arbitrary<readonly (EngineYield | undefined)[]> = fc.array(
  fc.oneof(
    fc.constantFrom<EngineYield>('text', '\n\n', '', { type: 'model-request-started' }),
    fc.constant<EngineYield>({ type: 'reasoning', text: 'because' }),
    fc.record({
      type: fc.constant('tool-call' as const),
      id: fc.constantFrom('c1', 'c2'),
      name: fc.constantFrom('look', 'ask'),
      arguments: fc.constant({ a: 1 }),
    }),
    fc.record({
      type: fc.constant('tool-result' as const),
      id: fc.constantFrom('c1', 'c2'),
      result: fc.constant('found'),
      failed: fc.boolean(),
    }),
    fc.constant<EngineYield>({ type: 'source', source: { kind: 'document', id: '1', title: 'Book' } }),
    fc.constant(undefined),
  ),
  { maxLength: 8 },
);

type Verdict = 'none' | 'pass' | 'refuse';

interface Plan {
  readonly kind: 'agent' | 'team' | 'workflow';
  readonly name: string;
  readonly yields: readonly (EngineYield | undefined)[];
  readonly verdict: Verdict;
  readonly retries: number;
  readonly parts: readonly Plan[];
}

function plansOf(depth: number): fc.Arbitrary<Plan> {
  return fc.record({
    kind: fc.constantFrom('agent', 'team', 'workflow'),
    // Two open steps may have the same name.
    name: fc.constantFrom('One', 'Two'),
    yields,
    verdict: fc.constantFrom<Verdict>('none', 'none', 'pass', 'refuse'),
    retries: fc.constantFrom(0, 0, 1),
    parts: depth === 0 ? fc.constant([]) : fc.array(plansOf(depth - 1), { maxLength: 2 }),
  });
}

let count = 0;

/** A component that does what is planned. */
function componentOf({ kind, name, yields: script, verdict, retries, parts: plan }: Plan): Component {
  const id = `c${++count}`;
  const guardrail = defineGuardrail(
    () => {
      if (verdict === 'refuse') throw new OutputCheckError('Refused.');
    },
    { name: 'guard' },
  );
  const postHooks = [
    ...(verdict === 'none' ? [] : [guardrail]),
    inBackground('note', () => undefined),
    inBackground('complain', () => undefined, { on: ['failed'] }),
  ];
  async function* engine(): AsyncGenerator<EngineYield> {
    for (const next of script) {
      if (next === undefined) throw new Error('It broke.');
      yield next;
    }
  }
  const parts = plan.map(componentOf);
  const [first] = parts;
  if (kind === 'agent' || first === undefined) return new Agent({ id, name, engine, postHooks, retries });
  if (kind === 'workflow') {
    const steps = [parallel(`block ${id}`, parts), ({ input }: { input: string }) => `Result: ${input}`];
    return new Workflow({ id, name, steps, postHooks, retries });
  }
  return new Team({
    id,
    name,
    members: parts,
    postHooks,
    retries,
    async *engine({ delegate }) {
      const delegated = parts.map((part) => delegate(part.id, 'help').catch(() => undefined));
      yield* engine();
      // The last one may still be at work when the team has answered.
      await Promise.all(delegated.slice(0, -1));
    },
  });
}

let app: TestApp;
beforeAll(async () => void (app = await startApp({ agentOs: {} })));
afterAll(closeApps);

async function eventsOf(component: Component, request: Partial<AgUiRequest> = {}): Promise<SentEvent[]> {
  const run = app.agentOs.stream(component, 'hello');
  const read: SentEvent[] = [];
  for await (const event of toAgUiEvents(run, {
    threadId: 't',
    runId: 'r',
    protocolVersion: '1.0',
    ...request,
  }))
    read.push(event);
  return read;
}

/** The events as they are sent. */
const sent = (events: readonly SentEvent[]): unknown[] => JSON.parse(JSON.stringify(events)) as unknown[];

/** The events of subagents that have not started or have ended. */
function withoutOpenSubagent(events: readonly SentEvent[]): SentEvent[] {
  const open = new Set<unknown>();
  return events.filter(({ type, subagentRunId }) => {
    if (type === 'SUBAGENT_STARTED') open.add(subagentRunId);
    const isStray = subagentRunId !== undefined && !open.has(subagentRunId);
    if (type === 'SUBAGENT_FINISHED' || type === 'SUBAGENT_ERROR') open.delete(subagentRunId);
    return isStray;
  });
}

describe('The events of AG-UI', () => {
  it.each(['1.0', undefined])(
    'are a sequence that clients accept, whatever the component does (version %s)',
    async (protocolVersion) => {
      await fc.assert(
        fc.asyncProperty(plansOf(2), async (plan) => {
          const events = await eventsOf(componentOf(plan), { protocolVersion });
          await checkAgUi(sent(events));
          expect(events[0]?.type).toBe('RUN_STARTED');
          const ends = events.filter(({ type }) => type === 'RUN_FINISHED' || type === 'RUN_ERROR');
          expect(ends).toEqual([events.at(-1)]);
          expect(withoutOpenSubagent(events)).toEqual([]);
          if (plan.verdict === 'refuse')
            expect(events.some(({ type }) => type.startsWith('TEXT'))).toBe(false);
        }),
        { numRuns: 100 },
      );
    },
  );

  it('begin with the start of the run, even if there is only its end', async () => {
    async function* end(): AsyncGenerator<RunEvent> {
      const agent = new Agent({ id: 'never', engine: () => 'no' });
      for await (const event of app.agentOs.stream(agent, 'hello', { signal: AbortSignal.abort() }))
        if (event.type === 'run-cancelled') yield event;
    }
    const events: SentEvent[] = [];
    for await (const event of toAgUiEvents(end(), { threadId: 't', runId: 'r' })) events.push(event);
    await checkAgUi(sent(events));
    expect(events.map(({ type }) => type)).toEqual(['RUN_STARTED', 'RUN_FINISHED']);
    expect(events.at(-1)).toMatchObject({ outcome: { type: 'cancelled' } });
  });

  it('put text after the calls of tools into a message of its own', async () => {
    const events = await eventsOf(
      new Agent({
        id: 'asking',
        engine: async function* (): AsyncGenerator<EngineYield> {
          yield 'Before.';
          yield { type: 'tool-call', id: 'c', name: 'look', arguments: {} };
          yield { type: 'tool-result', id: 'c', result: 'found' };
          yield 'After.';
        },
      }),
    );
    const texts = events.filter(({ type }) => type === 'TEXT_MESSAGE_CONTENT');
    const call = events.find(({ type }) => type === 'TOOL_CALL_START');
    expect(texts.map(({ delta }) => delta)).toEqual(['Before.', 'After.']);
    expect(call?.['parentMessageId']).toBe(texts[0]?.['messageId']);
    expect(texts[1]?.['messageId']).not.toBe(texts[0]?.['messageId']);
  });

  it('give two open steps different names', async () => {
    const twins = ['a', 'b'].map((id) => new Agent({ id, name: 'Twin', engine: () => id }));
    const team = new Team({
      id: 'twins',
      members: twins,
      engine: async ({ delegate }) => (await Promise.all(twins.map(({ id }) => delegate(id, 'x')))).join(),
    });
    const events = await eventsOf(team, { protocolVersion: undefined });
    const started = events.filter(({ type }) => type === 'STEP_STARTED');
    expect(started.map(({ stepName }) => stepName)).toEqual(['Twin', 'Twin (2)']);
  });

  it('end the answer of a subagent with what was not streamed, such as the text that a hook has added', async () => {
    const member = new Agent({
      id: 'polite',
      engine: () => 'Hi',
      postHooks: [({ runOutput }: PostHookContext) => void (runOutput.content += '!')],
    });
    const events = await eventsOf(
      new Team({ id: 'polite-team', members: [member], engine: ({ delegate }) => delegate('polite', 'x') }),
    );
    const texts = events.filter(({ type }) => type === 'TEXT_MESSAGE_CONTENT');
    const owned = texts.filter(({ subagentRunId }) => subagentRunId !== undefined);
    expect(owned.map(({ delta }) => delta).join('')).toBe('Hi!');
  });

  it('show nothing of a run below before it has started, or after it has ended', async () => {
    const member = new Agent({ id: 'early', engine: () => 'text' });
    const team = new Team({
      id: 'hasty',
      members: [member],
      engine: ({ delegate }) => delegate('early', 'x'),
    });
    const events: RunEvent[] = [];
    for await (const event of app.agentOs.stream(team, 'hello')) events.push(event);
    const own = events.filter(({ parentRunId }) => parentRunId === undefined);
    const [started, piece, ...left] = events.filter((event) => !own.includes(event));
    expect(piece?.type).toBe('run-content');
    const taken = new AgUiEvents({ threadId: 't', runId: 'r', protocolVersion: '1.0' });
    const [first, ...rest] = own;
    const given = [first, piece, started, ...left, piece, ...rest].filter((event) => event !== undefined);
    const sentEvents = given.flatMap((event) => taken.take(event) as readonly SentEvent[]);
    expect(withoutOpenSubagent(sentEvents)).toEqual([]);
    await checkAgUi(sent(sentEvents));
  });

  it('give a call of a tool an id of its own, although engines use theirs again', async () => {
    const again = new Agent({
      id: 'again',
      engine: async function* (): AsyncGenerator<EngineYield> {
        for (const result of ['one', 'two']) {
          yield { type: 'tool-call', id: 'same', name: 'look', arguments: {} };
          yield { type: 'tool-result', id: 'same', result };
        }
      },
    });
    const events = await eventsOf(again);
    const results = events.filter(({ type }) => type === 'TOOL_CALL_RESULT');
    expect(results.map(({ content }) => content)).toEqual(['one', 'two']);
    expect(new Set(results.map(({ toolCallId }) => toolCallId)).size).toBe(2);
  });

  it('end with an error that says nothing, if the stream breaks', async () => {
    const events = new AgUiEvents({ threadId: 't', runId: 'r' });
    const broken = events.breakOff();
    expect(broken).toEqual([{ type: 'RUN_ERROR', message: 'Internal Server Error' }]);
    await checkAgUi(broken);
    expect(events.breakOff()).toEqual([]);
  });

  it('stop reading the run when their reader leaves', async () => {
    const states: unknown[] = [];
    async function* run(): AsyncGenerator<RunEvent> {
      try {
        yield* app.agentOs.stream(new Agent({ id: 'left', engine: () => 'text' }), 'hello');
      } finally {
        states.push('left');
      }
    }
    for await (const _ of toAgUiEvents(run(), { threadId: 't', runId: 'r' })) break;
    expect(states).toEqual(['left']);
  });
});
