import { describe, expect, it } from '@jest/globals';

import {
  judge,
  toHistory,
  type LedgerEntry,
  type Observed,
  type RecordEntry,
} from '../../../scripts/chaos/checks.mjs';

const RUN = 'run';
const HOOKS = ['first', 'second'];
const LOCK = 1_000;
const idOf = (hook: string): string => `${RUN}:post:${hook}`;

/** One call of a hook, from `at` to `to`; without `to` its process never told of its end. */
function call(
  hook: string,
  at: number,
  to?: number,
  { process = 'one', attempt = 1, execution = idOf(hook) } = {},
): RecordEntry[] {
  const id = `${hook}-${at}-${process}`;
  const started = { kind: 'started', at, process, run: RUN, hook, execution, attempt, call: id };
  return to === undefined ? [started] : [started, { kind: 'ended', at: to, process, call: id }];
}

function stored(hook: string, endedAt: number, changes: Partial<LedgerEntry> = {}): LedgerEntry {
  return { id: idOf(hook), runId: RUN, state: 'succeeded', attempts: 1, endedAt, ...changes };
}

const ANSWERED: RecordEntry = { kind: 'answered', at: 10, run: RUN };
const killed = (process: string, at: number): RecordEntry => ({ kind: 'killed', process, at });
const stoodStill = (process: string, from: number, to: number): RecordEntry => ({
  ...{ kind: 'stood-still', process, at: to },
  ...{ from, to },
});

/** A run as it should be. */
const ENTRIES = [ANSWERED, ...call('first', 20, 30), ...call('second', 40, 50)];
const LEDGER = [stored('first', 30), stored('second', 50)];

function violationsOf(changes: Partial<Observed>): readonly string[] {
  const observed = { entries: ENTRIES, ledger: LEDGER, hooks: HOOKS, lockDuration: LOCK, ...changes };
  return judge(toHistory(observed)).violations;
}

describe('The checks of the chaos test', () => {
  it('find no fault in a run whose hooks ran once, in order', () => {
    expect(violationsOf({})).toEqual([]);
  });

  it('find a hook that has not run although its run was answered', () => {
    expect(
      violationsOf({ entries: [ANSWERED, ...call('first', 20, 30)], ledger: [stored('first', 30)] }),
    ).toEqual([
      'missingHooks: hook second of run run has not run',
      'ledgerDifferences: run run was answered and has 1 executions in the ledger',
    ]);
  });

  it('excuse a missing hook of a volatile batch only', () => {
    const entries: RecordEntry[] = [ANSWERED, { kind: 'volatile', at: 5, run: RUN }];
    expect(violationsOf({ entries, ledger: [] })).toEqual([]);
    expect(violationsOf({ entries: [ANSWERED], ledger: [] })).toHaveLength(3);
  });

  it('report no missing hook for a run that was not answered', () => {
    expect(violationsOf({ entries: [], ledger: [] })).toEqual([]);
  });

  it('find hooks in the wrong order', () => {
    const entries = [ANSWERED, ...call('second', 20, 30), ...call('first', 40, 50)];
    const ledger = [stored('first', 50), stored('second', 30)];
    expect(violationsOf({ entries, ledger })).toEqual([
      'brokenOrder: hook second of run run began before hook first had ended',
      'brokenOrder: hook first of run run began after hook second had begun',
    ]);
  });

  it('find a hook that ran again after its end was recorded, even if its process was killed', () => {
    const again = call('second', 70, 80, { process: 'two', attempt: 2 });
    const ledger = [stored('first', 30), stored('second', 50, { attempts: 2 })];
    expect(violationsOf({ entries: [...ENTRIES, killed('one', 60), ...again], ledger })).toEqual([
      'runAgainAfterEnd: hook second of run run ran again after its end was recorded',
    ]);
  });

  it('find a repeat that no crash explains', () => {
    const again = call('second', 70, 80, { process: 'two', attempt: 2 });
    const ledger = [stored('first', 30), stored('second', 80, { attempts: 2 })];
    expect(violationsOf({ entries: [...ENTRIES, ...again], ledger })).toEqual([
      'unexplainedRepeats: hook second of run run was repeated without a crash',
    ]);
    expect(violationsOf({ entries: [...ENTRIES, killed('three', 60), ...again], ledger })).toHaveLength(1);
    expect(violationsOf({ entries: [...ENTRIES, killed('one', 60), ...again], ledger })).toEqual([]);
    const away = { kind: 'store-away', at: 65, from: 45, to: 65 };
    expect(violationsOf({ entries: [...ENTRIES, away, ...again], ledger })).toEqual([]);
    const ofOne = (process: string): RecordEntry => ({ ...away, process });
    expect(violationsOf({ entries: [...ENTRIES, ofOne('three'), ...again], ledger })).toHaveLength(1);
    expect(violationsOf({ entries: [...ENTRIES, ofOne('one'), ...again], ledger })).toEqual([]);
  });

  it('find a repeat with another execution id, or without a higher attempt', () => {
    const again = call('second', 70, 80, { process: 'two', attempt: 1, execution: 'other' });
    const ledger = [...LEDGER, stored('second', 80, { id: 'other', runId: 'run of other' })];
    expect(violationsOf({ entries: [...ENTRIES, killed('one', 60), ...again], ledger })).toEqual(
      expect.arrayContaining([
        'unexplainedRepeats: hook second of run run ran with two execution ids',
        'unexplainedRepeats: hook second of run run was repeated as attempt 1 again',
      ]),
    );
  });

  it('find concurrent hooks of one run', () => {
    const entries = [ANSWERED, ...call('first', 20, 45), ...call('second', 40, 50, { process: 'two' })];
    expect(violationsOf({ entries, ledger: [stored('first', 45), stored('second', 50)] })).toEqual(
      expect.arrayContaining(['overlaps: hook second of run run ran beside another hook of its run']),
    );
  });

  it('excuse concurrent hooks only after a standstill longer than half a lock', () => {
    const stale = call('first', 20, 3_100);
    const entries = [
      ...[ANSWERED, ...stale, ...call('first', 1_500, 1_510, { process: 'two', attempt: 2 })],
      ...call('second', 1_520, 1_530, { process: 'two' }),
    ];
    const ledger = [stored('first', 1_510, { attempts: 2 }), stored('second', 1_530)];
    expect(violationsOf({ entries: [...entries, stoodStill('one', 25, 3_000)], ledger })).toEqual([]);
    expect(violationsOf({ entries: [...entries, stoodStill('one', 25, 400)], ledger })).not.toEqual([]);
    expect(violationsOf({ entries: [...entries, stoodStill('three', 25, 3_000)], ledger })).not.toEqual([]);
  });

  it('find the recorded result of a worker that had lost its hook', () => {
    const entries = [
      ...[
        ANSWERED,
        ...call('first', 20, 3_100),
        ...call('first', 1_500, 1_510, { process: 'two', attempt: 2 }),
      ],
      ...[...call('second', 3_200, 3_300, { process: 'two' }), stoodStill('one', 25, 3_000)],
    ];
    const ledger = [stored('first', 3_100, { attempts: 1 }), stored('second', 3_300)];
    expect(violationsOf({ entries, ledger })).toEqual([
      `ledgerDifferences: execution ${idOf('first')} has the result of a worker that had lost it`,
    ]);
  });

  it('excuse dropped executions of a run that was refused only', () => {
    const dropped = HOOKS.map((hook) => stored(hook, 30, { state: 'dropped', attempts: 0 }));
    const refused: RecordEntry = { kind: 'refused', at: 15, run: RUN };
    expect(violationsOf({ entries: [refused], ledger: dropped })).toEqual([]);
    expect(violationsOf({ entries: [], ledger: dropped })).toHaveLength(2);
    expect(violationsOf({ entries: [refused, ANSWERED], ledger: dropped })).toHaveLength(4);
    expect(violationsOf({ entries: [refused, ...call('first', 20, 25)], ledger: [] })).toEqual([]);
  });

  it('find executions that are open or failed, that have not run, and that the ledger does not have', () => {
    const scheduled: LedgerEntry = { id: idOf('second'), runId: RUN, state: 'scheduled', attempts: 0 };
    expect(violationsOf({ ledger: [stored('first', 30), scheduled] })).toEqual([
      `ledgerDifferences: execution ${idOf('second')} is scheduled in the ledger`,
      `ledgerDifferences: execution ${idOf('second')} has the result of a worker that had lost it`,
    ]);
    expect(
      violationsOf({ ledger: [stored('first', 30), stored('second', 50, { state: 'failed' })] }),
    ).toEqual([`ledgerDifferences: execution ${idOf('second')} is failed in the ledger`]);
    expect(violationsOf({ ledger: [stored('first', 30)] })).toEqual([
      `ledgerDifferences: execution ${idOf('second')} ran and is not in the ledger`,
      'ledgerDifferences: run run was answered and has 1 executions in the ledger',
    ]);
    const stranger: LedgerEntry = { ...stored('first', 30), id: 'x', runId: 'other' };
    expect(violationsOf({ ledger: [...LEDGER, stranger] })).toEqual([
      'ledgerDifferences: execution x has ended in the ledger and has not run',
    ]);
  });
});
