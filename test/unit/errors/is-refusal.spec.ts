import { describe, expect, it } from '@jest/globals';
import { InputCheckError } from 'nestjs-agentos';

import { isRefusal } from '../../../src/errors/is-refusal.js';

const refusal = new InputCheckError('no');

describe('isRefusal', () => {
  it.each<[string, unknown]>([
    ['a check error', refusal],
    ['an error that was caused by one', new Error('wrapped', { cause: refusal })],
    [
      'an error that was caused by one at some distance',
      new Error('a', { cause: new Error('b', { cause: refusal }) }),
    ],
    ['one of several errors', new AggregateError([new Error('other'), refusal])],
  ])('finds a refusal in %s', (_name, thrown) => {
    expect(isRefusal(thrown)).toBe(true);
  });

  it('does not count other errors, values and circles of causes as refusals', () => {
    const circle = new Error('circle');
    circle.cause = circle;
    for (const thrown of [new Error('broken', { cause: 'text' }), 'text', undefined, circle]) {
      expect(isRefusal(thrown)).toBe(false);
    }
  });
});
