import { describe, expect, it } from '@jest/globals';
import type { RunEvent, RunEventBody, RunOutput } from 'nestjs-agentos';

import { HeldEvents } from '../../../src/runs/held-events.js';

const LIMIT = 8 * 1024 * 1024;

function event(body: RunEventBody, runId = 'run'): RunEvent {
  const component = { kind: 'agent', id: 'support', name: 'Support' } as const;
  return { createdAt: 1, component, runId, sessionId: 'session', nestedDepth: 0, ...body };
}

function content(text: string, runId?: string): RunEvent {
  return event({ type: 'run-content', content: text }, runId);
}

/** Which events are held back, and what is held in the end. */
function keepAll(
  events: readonly RunEvent[],
  held = new HeldEvents('run'),
): { kept: boolean[]; held: unknown[] } {
  const kept = events.map((item) => held.keep(item));
  return { kept, held: held.events.map((item) => ('content' in item ? item.content : item.type)) };
}

const output = {} as RunOutput;
const tool = { id: 't', name: 'search', arguments: {} };
const started = event({ type: 'run-started' });
const contentCompleted = event({ type: 'run-content-completed' });
const completed = event({ type: 'run-completed', output, sessionState: {} });
const place = { stepName: 'one', stepIndex: 0, stepId: 'step-1' };

describe('HeldEvents', () => {
  it('lets events pass that come before any content and show none', () => {
    const quiet = [
      started,
      event({ type: 'pre-hook-started', hook: 'guard' }),
      event({ type: 'pre-hook-completed', hook: 'guard' }),
      event({ type: 'model-request-started' }),
      event({ type: 'model-request-completed', metrics: {} }),
      event({ type: 'step-started', ...place }),
      event({ type: 'run-error', content: 'no', errorType: 'input_check_error' }),
    ];
    expect(keepAll(quiet)).toEqual({ kept: quiet.map(() => false), held: [] });
  });

  it.each<RunEvent>([
    content('secret'),
    completed,
    event({ type: 'run-cancelled', output, reason: 'x' }),
    event({ type: 'tool-call-started', tool }),
    event({ type: 'tool-call-completed', tool }),
    event({ type: 'tool-call-failed', tool, error: 'secret' }),
    event({ type: 'step-completed', ...place, output: {} as never }),
    event({ type: 'run-error', content: 'secret', errorType: 'run_failed' }, 'member'),
  ])('holds what shows content: $type', (shown) => {
    const held = new HeldEvents('run');
    expect([held.keep(shown), held.events]).toEqual([true, [shown]]);
  });

  it('holds all that follows held content, in order, so that nothing overtakes', () => {
    const events = [
      started,
      content('secret'),
      contentCompleted,
      event({ type: 'post-hook-started', hook: 'audit' }),
      completed,
    ];
    expect(keepAll(events)).toEqual({
      kept: [false, true, true, true, true],
      held: ['secret', 'run-content-completed', 'post-hook-started', 'run-completed'],
    });
  });

  it('joins pieces of content that follow each other, and only those of one run', () => {
    const events = [
      ...['a', 'b', 'c'].map((text) => content(text)),
      content('x', 'member'),
      content('y', 'member'),
      content('d'),
      event({ type: 'tool-call-started', tool }),
      content('e'),
    ];
    expect(keepAll(events).held).toEqual(['abc', 'xy', 'd', 'tool-call-started', 'e']);
  });

  it('leaves the events that it was given as they were', () => {
    const first = content('a');
    keepAll([first, content('b')]);
    expect(first).toEqual(content('a'));
  });

  it('holds no more content than its limit, however small the pieces', () => {
    const held = new HeldEvents('run');
    const piece = 'x'.repeat(LIMIT / 4);
    const { kept } = keepAll(
      [piece, piece, piece, piece].map((text) => content(text)),
      held,
    );
    expect(kept).toEqual([true, true, true, true]);
    expect(() => held.keep(content('x'))).toThrow(
      `More than ${LIMIT} characters wait for the output guardrail of run run. ` +
        "Shorten the answer, or let the guardrail stream: @Guardrail({ stream: 'pass' }).",
    );
  });

  it('counts the other events that wait, too', () => {
    const held = new HeldEvents('run');
    held.keep(content('x'.repeat(LIMIT)));
    expect(() => held.keep(contentCompleted)).toThrow(/characters wait/);
  });

  it('forgets what runs have shown, keeps the rest, and has room again', () => {
    const held = new HeldEvents('run');
    const memberStarted = event({ type: 'run-started' }, 'member');
    const half = 'x'.repeat(LIMIT / 2);
    keepAll([content('root'), memberStarted, content(half, 'member'), content('end')], held);
    const forgotten = held.forget(new Set(['member']));
    expect([forgotten, held.events]).toEqual([true, [content('root'), memberStarted, content('end')]]);
    expect(held.keep(content('x'.repeat(LIMIT - 100)))).toBe(true);
  });

  it('knows which events of a run show nothing of its answer, and lets no words of the engine into them', () => {
    const harmless = [
      event({ type: 'post-hook-started', hook: 'guard' }),
      event({ type: 'post-hook-completed', hook: 'guard', error: 'The run was stopped.' }),
      event({ type: 'model-request-started' }),
    ];
    const spoken = { inputTokens: 1, outputTokens: 'secret', comment: 'secret' } as object;
    const held = new HeldEvents('run');
    keepAll(
      [
        content('secret'),
        ...harmless,
        event({ type: 'model-request-completed', metrics: spoken }),
        event({ type: 'post-hook-started', hook: 'guard' }, 'member'),
        event({ type: 'step-started', ...place }),
        event({ type: 'block-started', block: 'router', ...place, selected: ['secret'] }),
        event({ type: 'tool-call-started', tool }),
        event({ type: 'run-error', content: 'secret', errorType: 'run_failed' }),
        contentCompleted,
        completed,
      ],
      held,
    );
    const counted = event({ type: 'model-request-completed', metrics: { inputTokens: 1 } });
    expect(held.harmless).toEqual([...harmless, counted]);
  });

  it('forgets nothing of runs that have shown nothing', () => {
    const held = new HeldEvents('run');
    held.keep(content('root'));
    expect([held.forget(new Set(['member'])), held.events.length]).toEqual([false, 1]);
  });
});
