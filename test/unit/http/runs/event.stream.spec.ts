/** @jest-environment node */
import { once } from 'node:events';

import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';

import { EventStream } from '../../../../src/http/runs/event.stream.js';

const HEARTBEAT = ': heartbeat\n\n';
/** More than a stream buffers. */
const LARGE = 'x'.repeat(1024 * 1024);

let stream: EventStream;
beforeEach(() => {
  stream = new EventStream();
});
afterEach(() => {
  stream.abandon();
});

/** What can be read right now. */
function read(): string | undefined {
  return (stream.readable.read() as Buffer | null)?.toString();
}

describe('Heartbeats', () => {
  beforeEach(() => {
    jest.useFakeTimers({ doNotFake: ['nextTick', 'setImmediate', 'queueMicrotask'] });
    stream = new EventStream();
  });
  afterEach(() => {
    jest.useRealTimers();
  });

  it('come after every 15 seconds of silence', () => {
    jest.advanceTimersByTime(14_999);
    expect(read()).toBeUndefined();
    jest.advanceTimersByTime(1);
    expect(read()).toBe(HEARTBEAT);
    jest.advanceTimersByTime(30_000);
    expect(read()).toBe(HEARTBEAT + HEARTBEAT);
  });

  it('do not come while events are written', () => {
    for (let second = 0; second < 60; second++) {
      jest.advanceTimersByTime(1_000);
      void stream.write('event');
    }
    expect(read()).toBe('event'.repeat(60));
  });

  it('do not queue up in front of a slow reader', () => {
    void stream.write(LARGE);
    jest.advanceTimersByTime(150_000);
    expect(read()).toBe(LARGE);
  });

  it.each(['end', 'abandon'] as const)('stop with %s', (method) => {
    stream[method]();
    expect(jest.getTimerCount()).toBe(0);
  });
});

describe('The writer of a stream', () => {
  it('waits neither while the reader keeps up, nor without data', () => {
    expect([stream.write('event'), stream.write('')]).toEqual([undefined, undefined]);
  });

  it('waits for a slow reader', async () => {
    let hasRoom = false;
    const writing = stream.write(LARGE)?.then(() => (hasRoom = true));
    await new Promise((resolve) => setImmediate(resolve));
    expect(hasRoom).toBe(false);
    read();
    await writing;
    expect(hasRoom).toBe(true);
  });

  it('stops waiting for a reader that leaves, and writes nothing afterwards', async () => {
    const writing = stream.write(LARGE);
    stream.readable.destroy();
    await writing;
    expect(stream.write('event')).toBeUndefined();
  });

  it('survives a connection that breaks', async () => {
    const writing = stream.write(LARGE);
    stream.readable.destroy(new Error('ECONNRESET'));
    await writing;
    expect(stream.write('event')).toBeUndefined();
  });

  it('leaves no listener on the stream', async () => {
    for (let round = 0; round < 20; round++) {
      const writing = stream.write(LARGE);
      read();
      await writing;
    }
    expect([stream.readable.listenerCount('drain'), stream.readable.listenerCount('close')]).toEqual([0, 0]);
  });

  it('ends after all its data have been read', async () => {
    void stream.write('last words');
    stream.end();
    const ended = once(stream.readable, 'end');
    expect(read()).toBe('last words');
    stream.readable.resume();
    await ended;
  });
});
