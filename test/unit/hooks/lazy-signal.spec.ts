import { getEventListeners } from 'node:events';

import { describe, expect, it } from '@jest/globals';

import { LazySignal } from '../../../src/hooks/lazy-signal.js';

function listenersOf(parent: AbortController): number {
  return getEventListeners(parent.signal, 'abort').length;
}

describe('LazySignal', () => {
  it('adds no listener to its parent until it is read, and then one', () => {
    const parent = new AbortController();
    const lazy = new LazySignal(parent.signal);
    const before = listenersOf(parent);
    const isSame = lazy.signal === lazy.signal;
    expect([before, isSame, listenersOf(parent)]).toEqual([0, true, 1]);
  });

  it('passes on an abort of its parent, with the reason', () => {
    const parent = new AbortController();
    const { signal } = new LazySignal(parent.signal);
    parent.abort('shutdown');
    expect([signal.aborted, signal.reason]).toEqual([true, 'shutdown']);
  });

  it('is aborted from the start if its parent was aborted before it was read', () => {
    const { signal } = new LazySignal(AbortSignal.abort('shutdown'));
    expect([signal.aborted, signal.reason]).toEqual([true, 'shutdown']);
  });

  it('can be aborted before and after it is read, and leaves its parent alone', () => {
    const parent = new AbortController();
    const [early, late] = [new LazySignal(parent.signal), new LazySignal(parent.signal)];
    const timeout = new Error('too late');
    early.abort(timeout);
    const lateSignal = late.signal;
    late.abort(timeout);
    expect([early.signal.reason, lateSignal.reason, parent.signal.aborted]).toEqual([
      timeout,
      timeout,
      false,
    ]);
  });

  it('prefers its own reason to that of its parent', () => {
    const timeout = new Error('too late');
    const lazy = new LazySignal(AbortSignal.abort('shutdown'));
    lazy.abort(timeout);
    expect(lazy.signal.reason).toBe(timeout);
  });

  it('leaves no listener on its parent once it is closed', () => {
    const parent = new AbortController();
    const [read, unread] = [new LazySignal(parent.signal), new LazySignal(parent.signal)];
    const { signal } = read;
    read.close();
    unread.close();
    const readLater = unread.signal;
    const listeners = listenersOf(parent);
    parent.abort();
    expect([listeners, signal.aborted, readLater.aborted]).toEqual([0, false, false]);
  });

  it('can be aborted without a parent', () => {
    const lazy = new LazySignal();
    const before = lazy.signal.aborted;
    lazy.abort(new Error('too late'));
    lazy.close();
    expect([before, lazy.signal.aborted]).toEqual([false, true]);
  });
});
