import { describe, expect, it } from '@jest/globals';

import type { RunEventBody } from '../../../src/model/run-event.js';
import { ActivityLog, MOST_ACTIVITIES } from '../../../src/runs/activity.log.js';

const tool = { id: '1', name: 'search', arguments: { text: 'SECRET' }, startedAt: 1 };
const place = { stepName: 'draft', stepIndex: 0, stepId: 's' };
const output = { stepName: 'draft', content: 'SECRET' } as never;

function shapeOf(log: ActivityLog): string[] {
  return log.all.map(
    ({ kind, name = '', endedAt, hasFailed = false }) =>
      `${kind} ${name}${endedAt === undefined ? ' open' : ''}${hasFailed ? ' failed' : ''}`,
  );
}

describe('ActivityLog', () => {
  it('notes attempts, model requests, tools and steps with their ends, and no content', () => {
    const log = new ActivityLog();
    const events: RunEventBody[] = [
      { type: 'model-request-started', model: { id: 'model-1' } as never },
      { type: 'tool-call-started', tool },
      { type: 'tool-call-failed', tool, error: 'SECRET' },
      { type: 'model-request-completed', metrics: {} },
      { type: 'step-started', ...place },
      { type: 'run-content', content: 'SECRET' },
      { type: 'step-completed', ...place, output },
    ];
    log.startAttempt();
    for (const event of events) log.note(event);
    expect(shapeOf(log)).toEqual([
      'attempt  open',
      'model-request model-1',
      'tool-call search failed',
      'step draft',
    ]);
    log.endAttempt(false);
    expect(shapeOf(log)[0]).toBe('attempt ');
    expect(JSON.stringify(log.all)).not.toContain('SECRET');
  });

  it('ends the work of a failed attempt with it, and keeps it beside the next attempt', () => {
    const log = new ActivityLog();
    log.startAttempt();
    log.note({ type: 'tool-call-started', tool });
    log.endAttempt(true);
    log.startAttempt();
    log.note({ type: 'tool-call-started', tool });
    log.note({ type: 'tool-call-completed', tool });
    log.endAttempt(false);
    expect(shapeOf(log)).toEqual([
      'attempt  failed',
      'tool-call search failed',
      'attempt ',
      'tool-call search',
    ]);
  });

  it(`remembers the first ${MOST_ACTIVITIES} activities`, () => {
    const log = new ActivityLog();
    for (let at = 0; at < MOST_ACTIVITIES + 5; at++) {
      log.note({ type: 'tool-call-started', tool: { ...tool, id: String(at) } });
      log.note({ type: 'tool-call-completed', tool: { ...tool, id: String(at) } });
    }
    expect(log.all).toHaveLength(MOST_ACTIVITIES);
  });
});
