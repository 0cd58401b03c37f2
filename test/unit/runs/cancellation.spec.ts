import { describe, expect, it } from '@jest/globals';

import { RunCancelledError } from '../../../src/errors/run.errors.js';
import { Cancellation } from '../../../src/runs/cancellation.js';

const first = new RunCancelledError('first');
const second = new RunCancelledError('second');
const never = new Promise<never>(() => undefined);

describe('Cancellation', () => {
  it('has one reason, the first, and a signal that is aborted with it, whenever the signal is read', () => {
    const [early, late] = [new Cancellation(), new Cancellation()];
    const { signal } = early;
    const before = [early.reason, signal.aborted, early.signal === signal];
    for (const cancellation of [early, late]) {
      cancellation.cancel(first);
      cancellation.cancel(second);
    }
    expect(before).toEqual([undefined, false, true]);
    expect([early.reason, late.reason]).toEqual([first, first]);
    expect([signal.reason, late.signal.aborted, late.signal.reason]).toEqual([first, true, first]);
  });

  it('calls its listeners once, immediately if it has happened already, and not the removed ones', () => {
    const cancellation = new Cancellation();
    const called: string[] = [];
    cancellation.onCancel(() => called.push('listener'));
    const forget = cancellation.onCancel(() => called.push('taken back'));
    forget();
    cancellation.cancel(first);
    cancellation.cancel(second);
    cancellation.onCancel(() => called.push('late'));
    expect(called).toEqual(['listener', 'late']);
  });

  it('throws nothing before it has happened, and the reason afterwards', () => {
    const cancellation = new Cancellation();
    cancellation.throwIfCancelled();
    cancellation.cancel(first);
    expect(() => cancellation.throwIfCancelled()).toThrow(first);
  });

  it('lets promises settle normally, and ends the wait for the others', async () => {
    const cancellation = new Cancellation();
    await expect(cancellation.race(Promise.resolve(1))).resolves.toBe(1);
    await expect(cancellation.race(Promise.reject(new Error('broken')))).rejects.toThrow('broken');
    const waiting = cancellation.race(never);
    cancellation.cancel(first);
    await expect(waiting).rejects.toBe(first);
    await expect(cancellation.race(never)).rejects.toBe(first);
  });

  it('does not report that it has ended a wait if the waiting code does not need it', async () => {
    const cancellation = new Cancellation();
    await expect(cancellation.settled(Promise.reject(new Error('broken')))).rejects.toThrow('broken');
    const waiting = cancellation.settled(never);
    cancellation.cancel(first);
    await expect(waiting).resolves.toBeUndefined();
    await expect(cancellation.settled(Promise.reject(new Error('unheard')))).resolves.toBeUndefined();
  });
});
