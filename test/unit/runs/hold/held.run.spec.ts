import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';

import { HeldRun, type HeldRunOptions } from '../../../../src/runs/hold/held.run.js';
import { APPLICATION } from '../../../../src/sessions/session.store.js';

const PLAIN: HeldRunOptions = {
  runId: 'run',
  owner: undefined,
  isOfHook: false,
  isGuarded: false,
  isDiscarded: false,
  above: undefined,
};

function held(runId: string, given: Partial<HeldRunOptions> = {}): HeldRun {
  const run = HeldRun.of({ ...PLAIN, runId, ...given });
  if (!run) throw new Error(`Nothing holds ${runId}.`);
  return run;
}

/** A run with output guardrails. */
function guarded(given: Partial<HeldRunOptions> = {}): HeldRun {
  return held('root', { isGuarded: true, ...given });
}

/** A run below another one. */
function partOf(above: HeldRun, runId: string, given: Partial<HeldRunOptions> = {}): HeldRun {
  const part = held(runId, { above, ...given });
  above.add(part);
  return part;
}

function withdrawn(...runs: readonly HeldRun[]): string[] {
  return runs.filter(({ isWithdrawn }) => isWithdrawn).map(({ runId }) => runId);
}

describe('A run below guardrails', () => {
  it('is held by its own guardrails or by those of a run above, and otherwise not at all', () => {
    expect(HeldRun.of(PLAIN)).toBeUndefined();
    expect(HeldRun.of({ ...PLAIN, isGuarded: true })?.ownHold).toBeDefined();
    expect(held('part', { above: guarded() }).ownHold).toBeUndefined();
  });

  it('is named with all runs of its tree', () => {
    const root = guarded();
    partOf(partOf(root, 'part'), 'below');

    expect([...root.treeIds]).toEqual(['root', 'part', 'below']);
  });
});

describe('A part of a run with guardrails', () => {
  it('is stored whole if it has settled before the guardrails begin', () => {
    const root = guarded();
    const part = partOf(root, 'part');
    part.settle();

    expect([...root.beginPost(), ...root.settle()]).toEqual([]);
    expect(withdrawn(root, part)).toEqual([]);
  });

  it('is late with all runs below it if it is still in flight when the guardrails begin', () => {
    const root = guarded();
    const part = partOf(root, 'part');
    const below = partOf(part, 'below');
    below.settle();

    expect([...root.beginPost()]).toEqual(['part', 'below']);
    expect(withdrawn(root, part, below)).toEqual(['part', 'below']);
  });

  it('is late if its engine starts it after the guardrails have begun, and with it the parts that it starts itself', () => {
    const root = guarded();
    root.beginPost();
    const part = partOf(root, 'part');

    expect(withdrawn(part, partOf(part, 'below'))).toEqual(['part', 'below']);
  });

  it('is not late if a hook has started it and waits for it', () => {
    const root = guarded();
    const before = partOf(root, 'before', { isOfHook: true });
    expect([...root.beginPost()]).toEqual([]);
    const during = partOf(root, 'during', { isOfHook: true });
    before.settle();
    during.settle();

    expect([...root.settle()]).toEqual([]);
    expect(withdrawn(before, during)).toEqual([]);
  });

  it('is late if a hook has started it and has not waited for it', () => {
    const root = guarded();
    const part = partOf(root, 'part', { isOfHook: true });
    root.beginPost();

    expect([...root.settle()]).toEqual(['part']);
    expect(withdrawn(part, partOf(root, 'afterwards', { isOfHook: true }))).toEqual(['part', 'afterwards']);
  });

  it('is late for guardrails further above if the run between them has not waited for it', () => {
    const root = guarded();
    const between = partOf(root, 'between');
    const part = partOf(between, 'part');
    between.settle();
    part.settle();
    root.beginPost();

    expect(withdrawn(between, part)).toEqual(['part']);
  });

  it('is withdrawn if the run above it did not complete, and that run is not', () => {
    const root = guarded();
    const between = partOf(root, 'between');
    const part = partOf(between, 'part');
    part.settle();
    between.refuse();

    expect(withdrawn(root, between, part)).toEqual(['part']);
  });

  it('is withdrawn if its attempt is repeated, with all parts that it still starts', () => {
    const root = guarded();
    const part = partOf(root, 'part');
    part.discard(root);
    root.forgetParts();

    expect(withdrawn(root, part, partOf(part, 'below'))).toEqual(['part', 'below']);
    expect([...root.treeIds]).toEqual(['root']);
  });

  it('is withdrawn if an attempt above its guardrails is repeated', () => {
    const root = guarded({ isDiscarded: true });
    const part = partOf(root, 'part', { isDiscarded: true });

    expect(withdrawn(root, part, partOf(part, 'below', { isDiscarded: true }))).toEqual(['part', 'below']);
  });

  it('stays whole in a session of the application, unless the guardrails are those of a run in such a session', () => {
    const ofUser = guarded({ owner: 'ada' });
    const audit = partOf(ofUser, 'audit', { owner: APPLICATION });
    const ofApplication = guarded({ owner: APPLICATION });
    const question = partOf(ofApplication, 'question', { owner: APPLICATION });
    for (const root of [ofUser, ofApplication]) root.beginPost();

    expect(withdrawn(audit, question)).toEqual(['question']);
  });
});

describe('The record of a held run', () => {
  it('waits for the guardrails, and for those above them', async () => {
    const root = guarded();
    const between = partOf(root, 'between', { isGuarded: true });
    const stored: string[] = [];
    await between.take(async () => void stored.push('between'));
    await between.ownHold?.settle(true);
    expect(stored).toEqual([]);

    await root.ownHold?.settle(true);
    expect(stored).toEqual(['between']);
  });

  type Step = 'part settles' | 'below settles' | 'root looks' | 'root settles';

  /** What happens in a tree of three runs, one below the other, of which the first has guardrails, in any order. */
  const histories = fc
    .shuffledSubarray<Step>(['part settles', 'below settles', 'root looks', 'root settles'], { minLength: 4 })
    .filter((steps) => steps.indexOf('root looks') < steps.indexOf('root settles'));

  it('is stored once, and whole exactly if each run above has waited for it and the guardrails have passed', async () => {
    await fc.assert(
      fc.asyncProperty(histories, fc.boolean(), async (steps, hasPassed) => {
        const root = guarded();
        const part = partOf(root, 'part');
        const below = partOf(part, 'below');
        const stored: string[] = [];
        const settle = (run: HeldRun): Promise<void> => {
          run.settle();
          return run.take(
            async () => void stored.push(`${run.runId} ${run.isWithdrawn ? 'withdrawn' : 'whole'}`),
          );
        };
        for (const step of steps) {
          if (step === 'root looks') root.beginPost();
          else await settle({ 'part settles': part, 'below settles': below, 'root settles': root }[step]);
          if (step === 'root settles') await root.ownHold?.settle(hasPassed);
        }
        const isBefore = (one: Step, other: Step): boolean => steps.indexOf(one) < steps.indexOf(other);
        const isPartSeen = hasPassed && isBefore('part settles', 'root looks');
        const isBelowSeen = isPartSeen && isBefore('below settles', 'part settles');

        expect(stored.sort()).toEqual([
          `below ${isBelowSeen ? 'whole' : 'withdrawn'}`,
          `part ${isPartSeen ? 'whole' : 'withdrawn'}`,
          'root whole',
        ]);
      }),
    );
  });
});
