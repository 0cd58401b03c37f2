/** @jest-environment node */
import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';

import { Deadlines } from '../../../src/execution/deadlines.js';

describe('Deadlines', () => {
  let deadlines: Deadlines;
  let expired: string[];

  beforeEach(() => {
    jest.useFakeTimers();
    deadlines = new Deadlines();
    expired = [];
  });

  afterEach(() => {
    jest.restoreAllMocks();
    jest.useRealTimers();
  });

  function set(milliseconds: number, name: string): ReturnType<Deadlines['set']> {
    return deadlines.set(milliseconds, () => expired.push(name));
  }

  it('expire each at its own time, in whatever order they were set', () => {
    set(30, 'late');
    set(10, 'early');
    set(20, 'middle');
    const seen = [9, 1, 9, 1, 9, 1].map((step) => {
      jest.advanceTimersByTime(step);
      return [...expired];
    });
    expect(seen).toEqual([
      [],
      ['early'],
      ['early'],
      ['early', 'middle'],
      ['early', 'middle'],
      ['early', 'middle', 'late'],
    ]);
  });

  it('need one timer however many there are, and none when all have expired', () => {
    for (let count = 1; count <= 100; count++) set(count, String(count));
    const whileOpen = jest.getTimerCount();
    jest.advanceTimersByTime(100);
    expect([whileOpen, expired.length, jest.getTimerCount()]).toEqual([1, 100, 0]);
  });

  it('wake up earlier for an earlier one that is set later', () => {
    set(1_000, 'late');
    jest.advanceTimersByTime(500);
    set(10, 'early');
    jest.advanceTimersByTime(10);
    expect([expired, jest.getTimerCount()]).toEqual([['early'], 1]);
  });

  it('forget one that is cleared, and keep the others', () => {
    const cleared = set(10, 'cleared');
    set(20, 'kept');
    deadlines.clear(cleared);
    jest.advanceTimersByTime(20);
    expect(expired).toEqual(['kept']);
  });

  it('leave no timer once all are cleared', () => {
    const open = [set(10, 'one'), set(20, 'two')];
    for (const deadline of open) deadlines.clear(deadline);
    expect(jest.getTimerCount()).toBe(0);
  });

  it('can be set again after all have been cleared or have expired', () => {
    deadlines.clear(set(10, 'cleared'));
    set(10, 'first');
    jest.advanceTimersByTime(10);
    set(10, 'second');
    jest.advanceTimersByTime(10);
    expect([expired, jest.getTimerCount()]).toEqual([['first', 'second'], 0]);
  });

  it('accept a second clear of one, and a clear after it has expired', () => {
    const expiring = set(10, 'expired');
    const cleared = set(10, 'cleared');
    deadlines.clear(cleared);
    jest.advanceTimersByTime(10);
    set(10, 'other');
    deadlines.clear(expiring);
    deadlines.clear(cleared);
    jest.advanceTimersByTime(10);
    expect(expired).toEqual(['expired', 'other']);
  });

  it('do not expire if they are cleared at the same moment', () => {
    deadlines.set(10, () => deadlines.clear(second));
    const second = set(10, 'second');
    jest.advanceTimersByTime(10);
    expect([expired, jest.getTimerCount()]).toEqual([[], 0]);
  });

  it('can be set while one expires', () => {
    deadlines.set(10, () => {
      set(5, 'child');
      set(50, 'late child');
    });
    set(40, 'other');
    jest.advanceTimersByTime(15);
    expect([expired, jest.getTimerCount()]).toEqual([['child'], 1]);
    jest.advanceTimersByTime(45);
    expect([expired, jest.getTimerCount()]).toEqual([['child', 'other', 'late child'], 0]);
  });

  it('expire in a turn of their own if they are due at once', () => {
    set(0, 'now');
    const before = [...expired];
    jest.advanceTimersByTime(0);
    expect([before, expired]).toEqual([[], ['now']]);
  });

  it('wait longer than a timer of Node can, without waking up all the time', () => {
    const thirtyDays = 30 * 24 * 60 * 60 * 1_000;
    const wakeUps = jest.spyOn(globalThis, 'setTimeout');
    set(thirtyDays, 'late');
    jest.advanceTimersByTime(thirtyDays - 1);
    const before = [...expired];
    jest.advanceTimersByTime(1);
    expect([before, expired, wakeUps.mock.calls.length]).toEqual([[], ['late'], 2]);
  });

  it('keep no process alive', () => {
    jest.useRealTimers();
    const timers = jest.spyOn(globalThis, 'setTimeout');
    const deadline = deadlines.set(60_000, () => undefined);
    const timer = timers.mock.results[0]?.value as NodeJS.Timeout;
    expect(timer.hasRef()).toBe(false);
    deadlines.clear(deadline);
  });
});
