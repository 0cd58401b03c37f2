import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import type { HookExecution } from 'nestjs-agentos/executor';

import { EndedExecutions } from '../../../src/execution/ended.executions.js';

const executions: fc.Arbitrary<HookExecution> = fc.record(
  {
    id: fc.constantFrom('a', 'b', 'c', 'd', 'e', 'f', 'g'),
    hook: fc.string(),
    phase: fc.constantFrom('pre', 'post'),
    mode: fc.constantFrom('inline', 'background'),
    component: fc.constant({ kind: 'agent', id: 'support', name: 'Support' } as const),
    position: fc.constantFrom('root', 'member', 'inside-hook'),
    attachedBy: fc.constantFrom('component', 'module'),
    runId: fc.string(),
    userId: fc.string(),
    state: fc.constantFrom('succeeded', 'failed', 'timed_out', 'skipped', 'dropped'),
    isVolatile: fc.constant(true),
    reason: fc.constantFrom('condition', 'outcome', 'cancelled', 'deleted'),
    attempts: fc.nat(),
    errorName: fc.string(),
    scheduledAt: fc.nat(),
    startedAt: fc.nat(),
    endedAt: fc.nat(),
  },
  {
    noNullPrototype: true,
    requiredKeys: [
      ...(['id', 'hook', 'phase', 'mode', 'component', 'position', 'attachedBy', 'runId', 'state'] as const),
      ...(['attempts', 'scheduledAt', 'endedAt'] as const),
    ],
  },
);

function isFailed({ state }: HookExecution): boolean {
  return state === 'failed' || state === 'timed_out';
}

const calls = fc.array(fc.record({ isRemoved: fc.boolean(), execution: executions }), { maxLength: 30 });

describe('The executions that have ended', () => {
  it('are remembered as a list of the copies of the latest failures and of the latest others would remember them', () => {
    fc.assert(
      fc.property(calls, fc.nat(5), (given, capacity) => {
        const ended = new EndedExecutions(capacity);
        let model: HookExecution[] = [];
        for (const { isRemoved, execution } of given) {
          const known = model.find(({ id }) => id === execution.id);
          if (isRemoved) {
            expect(ended.remove(known ?? execution)).toBe(known !== undefined);
            model = model.filter((other) => other !== known);
          } else if (!known) {
            ended.add(execution);
            model = [{ ...execution }, ...model];
            const failures = model.filter(isFailed).slice(0, capacity);
            const others = model.filter((one) => !isFailed(one)).slice(0, capacity);
            model = model.filter((one) => failures.includes(one) || others.includes(one));
          }
          expect([...ended.newestFirst()]).toStrictEqual(model);
        }
      }),
      { numRuns: 200 },
    );
  });

  it('stay as they ended, although their objects are used again or change', () => {
    const ended = new EndedExecutions(1);
    const [first, second] = fc.sample(executions, { numRuns: 2, seed: 1 }) as [HookExecution, HookExecution];
    const kept = { ...first };
    ended.add(first);
    const [listed] = ended.newestFirst();
    Object.assign(first, { state: 'running', attempts: -1 });
    const other = { ...second, state: kept.state };
    ended.add(other);
    expect([listed, ...ended.newestFirst()]).toStrictEqual([kept, other]);
  });
});
