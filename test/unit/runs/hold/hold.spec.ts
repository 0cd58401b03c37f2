import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import type { RunEvent, RunOutput } from 'nestjs-agentos';
import type { RunEventBody } from 'nestjs-agentos/engine';

import { Hold, type HeldRecord } from '../../../../src/runs/hold/hold.js';

const LIMIT = 8 * 1024 * 1024;

function event(body: RunEventBody, runId = 'run'): RunEvent {
  const component = { kind: 'agent', id: 'support', name: 'Support' } as const;
  return { createdAt: 1, component, runId, sessionId: 'session', nestedDepth: 0, ...body };
}

function content(text: string, runId?: string): RunEvent {
  return event({ type: 'run-content', content: text }, runId);
}

function newHold(outer?: Hold): Hold {
  return new Hold({ runId: 'run', owner: undefined, outer });
}

/** Which events were held, and what is held in the end. */
function holdAll(events: readonly RunEvent[], hold = newHold()): { kept: boolean[]; held: unknown[] } {
  const kept = events.map((item) => hold.holdEvent(item));
  return { kept, held: hold.passEvents().map((item) => ('content' in item ? item.content : item.type)) };
}

const output = {} as RunOutput;
const source = { kind: 'document', id: 's', title: 'secret', excerpt: 'secret' } as const;
const file = { id: 'f', kind: 'image', content: 'c2VjcmV0' } as const;
const tool = { id: 't', name: 'search', arguments: {} };
const started = event({ type: 'run-started' });
const contentCompleted = event({ type: 'run-content-completed' });
const completed = event({ type: 'run-completed', output, sessionState: {} });
const place = { stepName: 'one', stepIndex: 0, stepId: 'step-1' };

describe('A hold for events', () => {
  it('lets events pass that come before any content and show no content', () => {
    const quiet = [
      started,
      event({ type: 'pre-hook-started', hook: 'guard' }),
      event({ type: 'pre-hook-completed', hook: 'guard' }),
      event({ type: 'model-request-started' }),
      event({ type: 'model-request-completed', metrics: {} }),
      event({ type: 'step-started', ...place }),
      event({ type: 'run-error', content: 'no', errorType: 'input_check_error' }),
    ];
    expect(holdAll(quiet)).toEqual({ kept: quiet.map(() => false), held: [] });
  });

  it.each<RunEvent>([
    content('secret'),
    event({ type: 'run-reasoning', content: 'secret' }),
    event({ type: 'run-source', source }),
    event({ type: 'run-file', file }),
    completed,
    event({ type: 'run-cancelled', output, reason: 'x' }),
    event({ type: 'tool-call-started', tool }),
    event({ type: 'tool-call-completed', tool }),
    event({ type: 'tool-call-failed', tool, error: 'secret' }),
    event({ type: 'step-completed', ...place, output: {} as never }),
    event({ type: 'run-error', content: 'secret', errorType: 'run_failed' }, 'member'),
  ])('holds an event that shows content: $type', (shown) => {
    const hold = newHold();
    expect([hold.holdEvent(shown), hold.passEvents()]).toEqual([true, [shown]]);
  });

  it('holds all events after held content, in order, so that none overtakes', () => {
    const events = [
      started,
      content('secret'),
      contentCompleted,
      event({ type: 'post-hook-started', hook: 'audit' }),
      completed,
    ];
    expect(holdAll(events)).toEqual({
      kept: [false, true, true, true, true],
      held: ['secret', 'run-content-completed', 'post-hook-started', 'run-completed'],
    });
  });

  it('joins consecutive pieces of content of one run, and no others', () => {
    const events = [
      ...['a', 'b', 'c'].map((text) => content(text)),
      content('x', 'member'),
      content('y', 'member'),
      content('d'),
      event({ type: 'tool-call-started', tool }),
      content('e'),
    ];
    expect(holdAll(events).held).toEqual(['abc', 'xy', 'd', 'tool-call-started', 'e']);
  });

  it('joins pieces of reasoning that follow each other, and none of them with content', () => {
    const reasoning = (text: string): RunEvent => event({ type: 'run-reasoning', content: text });
    const events = [reasoning('a'), reasoning('b'), content('c'), reasoning('d')];
    expect(holdAll(events).held).toEqual(['ab', 'c', 'd']);
  });

  it.each<[string, RunEvent]>([
    ['reasoning', event({ type: 'run-reasoning', content: 'x'.repeat(LIMIT + 1) })],
    ['the content of a file', event({ type: 'run-file', file: { ...file, content: 'x'.repeat(LIMIT + 1) } })],
    [
      'the text of a source',
      event({ type: 'run-source', source: { ...source, excerpt: 'x'.repeat(LIMIT + 1) } }),
    ],
  ])('counts %s like content', (_, large) => {
    expect(() => newHold().holdEvent(large)).toThrow(/characters are held/);
  });

  it('leaves the given events unchanged', () => {
    const first = content('a');
    holdAll([first, content('b')]);
    expect(first).toEqual(content('a'));
  });

  it('holds no more content than its limit, however small the pieces', () => {
    const hold = newHold();
    for (let piece = 0; piece < 4; piece++) expect(hold.holdEvent(content('x'.repeat(LIMIT / 4)))).toBe(true);
    expect(() => hold.holdEvent(content('x'))).toThrow(
      `More than ${LIMIT} characters are held for the output guardrails of run run. ` +
        "Shorten the answer, or let the guardrail stream: @Guardrail({ stream: 'pass' }).",
    );
  });

  it('counts held events without content, too', () => {
    const hold = newHold();
    hold.holdEvent(content('x'.repeat(LIMIT)));
    expect(() => hold.holdEvent(contentCompleted)).toThrow(/characters are held/);
  });

  it('forgets the events of runs that show content, keeps the others, and has room again', () => {
    const hold = newHold();
    const memberStarted = event({ type: 'run-started' }, 'member');
    const half = content('x'.repeat(LIMIT / 2), 'member');
    for (const item of [content('root'), memberStarted, half, content('end')]) hold.holdEvent(item);
    expect(hold.forgetEvents(new Set(['member']))).toBe(true);
    expect(hold.holdEvent(content('x'.repeat(LIMIT - 100)))).toBe(true);
    const [first, second, last] = hold.passEvents();
    expect([first, second]).toEqual([content('root'), memberStarted]);
    expect(last).toMatchObject({ type: 'run-content', runId: 'run' });
  });

  it('forgets no events of runs that have shown no content', () => {
    const hold = newHold();
    hold.holdEvent(content('root'));
    expect(hold.forgetEvents(new Set(['member']))).toBe(false);
    expect(hold.passEvents()).toEqual([content('root')]);
  });

  it('keeps of a refused answer only events of its own run that cannot quote it', () => {
    const harmless = [
      event({ type: 'post-hook-started', hook: 'guard' }),
      event({ type: 'post-hook-completed', hook: 'guard', error: 'The run was stopped.' }),
      event({ type: 'model-request-started' }),
    ];
    const spoken = { inputTokens: 1, outputTokens: 'secret', comment: 'secret' } as object;
    const hold = newHold();
    for (const item of [
      content('secret'),
      ...harmless,
      event({ type: 'model-request-completed', metrics: spoken }),
      event({ type: 'post-hook-started', hook: 'guard' }, 'member'),
      event({ type: 'step-started', ...place }),
      event({ type: 'block-started', block: 'router', ...place, selected: ['secret'] }),
      event({ type: 'tool-call-started', tool }),
      event({ type: 'run-reasoning', content: 'secret' }),
      event({ type: 'run-source', source }),
      event({ type: 'run-file', file }),
      event({ type: 'run-error', content: 'secret', errorType: 'run_failed' }),
      contentCompleted,
      completed,
    ])
      hold.holdEvent(item);
    const counted = event({ type: 'model-request-completed', metrics: { inputTokens: 1 } });
    expect(hold.refuseEvents()).toEqual([...harmless, counted]);
  });

  it.each(['passEvents', 'refuseEvents'] as const)('holds no further event after %s', (end) => {
    const hold = newHold();
    hold.holdEvent(content('secret'));
    hold[end]();
    expect(hold.holdEvent(completed)).toBe(false);
    expect(hold.passEvents()).toEqual([]);
  });
});

/** A record as a run hands it to a hold; what became of it is in `log`. */
class Record implements HeldRecord {
  isRefused = false;

  constructor(
    readonly runId: string,
    private readonly log: string[],
  ) {}

  refuse(): void {
    this.isRefused = true;
  }

  keep(): Promise<void> {
    this.log.push(this.isRefused ? `${this.runId} without texts` : this.runId);
    return Promise.resolve();
  }
}

describe('A hold for records', () => {
  /** Has taken the record of a run below and the one of the run itself. */
  async function holdingTwo(outer?: Hold): Promise<{ hold: Hold; log: string[] }> {
    const log: string[] = [];
    const hold = newHold(outer);
    await hold.take(new Record('member', log));
    await hold.take(new Record('run', log));
    return { hold, log };
  }

  it.each([
    ['stores', 'once the guardrails have passed', true, ['member', 'run']],
    ['refuses', 'if the answer was refused or masked', false, ['member without texts', 'run']],
  ])(
    '%s the records of runs below %s, and stores the one of the run itself after them',
    async (_does, _when, passes, kept) => {
      const { hold, log } = await holdingTwo();
      expect(log).toEqual([]);
      await hold.settle(passes);
      expect(log).toEqual(kept);
    },
  );

  it('hands passed records to the hold above, which may still refuse them', async () => {
    const outer = new Hold({ runId: 'team', owner: undefined, outer: undefined });
    const { hold, log } = await holdingTwo(outer);
    await hold.settle(true);
    expect(log).toEqual([]);
    await outer.settle(false);
    expect(log).toEqual(['member without texts', 'run without texts']);
  });

  it('names for a refused record the owner of the session of the guardrails', async () => {
    const refusedBy: unknown[] = [];
    const hold = new Hold({ runId: 'run', owner: 'ann', outer: undefined });
    await hold.take({
      runId: 'member',
      refuse: (owner) => refusedBy.push(owner),
      keep: () => Promise.resolve(),
    });
    await hold.settle(false);
    expect(refusedBy).toEqual(['ann']);
  });

  it('refuses a record of a run below that comes after the run has settled, and hands it to the hold above', async () => {
    const log: string[] = [];
    const outer = new Hold({ runId: 'team', owner: undefined, outer: undefined });
    const hold = newHold(outer);
    await hold.settle(true);
    await hold.take(new Record('late', log));
    await hold.take(new Record('run', log));
    expect(log).toEqual([]);
    await outer.settle(true);
    expect(log).toEqual(['late without texts', 'run']);
  });

  it('stores every record exactly once, and whole only if every guardrail above it passed, in any order of events', async () => {
    const step = fc.oneof(
      fc.record({ do: fc.constant('take' as const), hold: fc.nat(3) }),
      fc.record({ do: fc.constant('settle' as const), hold: fc.nat(3), passes: fc.boolean() }),
    );
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 30 }), async (steps) => {
        const log: string[] = [];
        const holds: Hold[] = [];
        for (let depth = 0; depth < 4; depth++)
          holds.push(new Hold({ runId: `guard-${depth}`, owner: undefined, outer: holds[depth - 1] }));
        const verdicts = new Map<number, boolean>();
        const created: { runId: string; isLate: boolean; hold: number }[] = [];
        const settled: number[] = [];
        const settle = async (depth: number, passes: boolean): Promise<void> => {
          if (verdicts.has(depth)) return;
          verdicts.set(depth, passes);
          settled.push(depth);
          await holds[depth]?.settle(passes);
        };
        for (const [index, action] of steps.entries()) {
          if (action.do === 'settle') await settle(action.hold, action.passes);
          else {
            created.push({ runId: `record-${index}`, isLate: verdicts.has(action.hold), hold: action.hold });
            await holds[action.hold]?.take(new Record(`record-${index}`, log));
          }
        }
        for (const depth of [3, 2, 1, 0]) await settle(depth, true);
        // Seen by a guardrail: it passed after all guardrails below it, on the way of the record, had passed.
        const stored = created.map(({ runId, isLate, hold }) => {
          const way = [3, 2, 1, 0].filter((depth) => depth <= hold);
          const isSeen = way.every((depth, place) => {
            const below = way[place - 1];
            const isInTime = below === undefined || settled.indexOf(below) < settled.indexOf(depth);
            return isInTime && verdicts.get(depth) === true;
          });
          return isSeen && !isLate ? runId : `${runId} without texts`;
        });
        expect([...log].sort()).toEqual(stored.sort());
      }),
    );
  });
});
