import { describe, expect, it } from '@jest/globals';

import { inTurn, type Step } from '../../../src/runs/sequence.js';

/** Three steps; those at these places wait. Returns what they did, in order. */
async function take(waiting: readonly number[], failing?: number): Promise<string[]> {
  const done: string[] = [];
  const steps = [0, 1, 2].map((place): Step => {
    const work = (): void => {
      if (place === failing) throw new Error(`Step ${place} has failed.`);
      done.push(`step ${place}`);
    };
    return () => (waiting.includes(place) ? Promise.resolve().then(work) : void work());
  });
  try {
    const taken = inTurn(steps);
    done.push(taken ? 'waits' : 'waits for nothing');
    await taken;
  } catch (thrown) {
    done.push((thrown as Error).message);
  }
  return done.filter((entry) => !entry.startsWith('waits'));
}

describe('Steps in turn', () => {
  it.each([[[0]], [[1]], [[2]], [[0, 1, 2]], [[0, 2]]])(
    'do the same in the same order if steps %p wait as if none does',
    async (waiting) => {
      expect(await take(waiting)).toEqual(await take([]));
      for (const failing of [0, 1, 2]) expect(await take(waiting, failing)).toEqual(await take([], failing));
    },
  );

  it('give a promise only if one of them does', () => {
    expect(inTurn([() => undefined, () => undefined])).toBeUndefined();
    expect(inTurn([() => undefined, () => Promise.resolve()])).toBeInstanceOf(Promise);
  });
});
