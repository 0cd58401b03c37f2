/** @jest-environment node */
import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import { Agent } from 'nestjs-agentos';

import type { RunHandle } from '../../../src/runs/run.view.js';
import { startRun } from '../../../src/runs/start.js';
import { createGate } from '../../../src/testing/gate.js';
import { createServedEnvironment } from '../../support/served-environment.js';

/** Microtasks only: timers are fake here. */
async function turns(): Promise<void> {
  for (let turn = 0; turn < 50; turn++) await Promise.resolve();
}

describe('The watch over runs in flight', () => {
  const warnings: string[] = [];
  const logger = { error: () => undefined, warn: (text: unknown) => void warnings.push(String(text)) };
  let environment: ReturnType<typeof createServedEnvironment>;

  beforeEach(() => {
    jest.useFakeTimers();
    warnings.length = 0;
    environment = createServedEnvironment({ logger });
  });
  afterEach(() => void jest.useRealTimers());

  function start(
    id: string,
    timeout?: number,
    until: Promise<void> = new Promise(() => undefined),
  ): RunHandle {
    const engine = async (): Promise<string> => (await until, 'answer');
    const component = new Agent({ id, engine, ...(timeout === undefined ? {} : { timeout }) });
    return startRun({ component, input: 'question', environment });
  }

  it('has one timer, however many runs there are', async () => {
    for (let index = 0; index < 10; index++) start(`agent-${index}`);
    await turns();

    expect(jest.getTimerCount()).toBe(1);
  });

  it('ends each run at its own limit, in whatever order they started', async () => {
    const [long, short, medium] = [start('long', 3_000), start('short', 1_000), start('medium', 2_000)];
    const ended = async (): Promise<(string | undefined)[]> => {
      await turns();
      return [long, short, medium].map(({ outcome }) => outcome);
    };

    jest.advanceTimersByTime(999);
    expect(await ended()).toEqual([undefined, undefined, undefined]);
    jest.advanceTimersByTime(2);
    expect(await ended()).toEqual([undefined, 'failed', undefined]);
    jest.advanceTimersByTime(1_000);
    expect(await ended()).toEqual([undefined, 'failed', 'failed']);
    jest.advanceTimersByTime(1_000);
    expect(await ended()).toEqual(['failed', 'failed', 'failed']);
  });

  it('names each silent run once', async () => {
    start('first');
    jest.advanceTimersByTime(30_000);
    start('second');
    jest.advanceTimersByTime(100_000);
    await turns();

    expect(warnings.map((text) => /agent "(\w+)"/.exec(text)?.[1])).toEqual(['first', 'second']);
  });

  it('keeps no timer after it has stopped, or a minute after the last run', async () => {
    const gate = createGate();
    const run = start('brief', undefined, gate.opened);
    gate.open();
    await turns();
    expect(run.outcome).toBe('completed');
    jest.advanceTimersByTime(60_001);
    expect(jest.getTimerCount()).toBe(0);

    start('endless');
    environment.watch.stop();
    expect(jest.getTimerCount()).toBe(0);
  });
});
