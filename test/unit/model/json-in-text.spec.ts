import { describe, expect, it } from '@jest/globals';

import { jsonInText, lastObjectInText } from '../../../src/model/json-in-text.js';

const FENCE = '```';

describe('JSON in a text', () => {
  it.each<[string, string, readonly unknown[]]>([
    ['the whole text', '{"a":1}', [{ a: 1 }]],
    ['a text or a number', ' "a" ', ['a']],
    ['after a byte order mark', '\uFEFF{"a":1}', [{ a: 1 }]],
    ['in a code block', `${FENCE}json\n{"a":1}\n${FENCE}`, [{ a: 1 }]],
    ['a number in a code block', `${FENCE}json\n7\n${FENCE}`, [7]],
    ['in a code block between words', `Sure!\n${FENCE}\n{"a":1}\n${FENCE}\nBye {name}.`, [{ a: 1 }]],
    ['after words and before words', 'Here: {"a":{"b":[1]}} as asked [see above].', [{ a: { b: [1] } }]],
    ['after reasoning', '<think>{"a": or {"b":2}</think>\n{"a":1}', [{ a: 1 }]],
    ['after reasoning whose begin was not sent', 'Is it 2?</think>{"a":1}', [{ a: 1 }]],
    ['several, in their order', '{"a":1} [2] {"c":"}"}', [{ a: 1 }, [2], { c: '}' }]],
    ['an array', 'The list: [{"a":1},{"a":2}]', [[{ a: 1 }, { a: 2 }]]],
    ['after braces that are none of JSON', 'Use { or {x} or [this: {"a":1}', [{ a: 1 }]],
  ])('is found: %s', (_, text, values) => {
    expect(jsonInText(text).map((found) => found?.value)).toEqual(values);
  });

  it.each<[string, string]>([
    ['words', 'no JSON'],
    ['nothing', ''],
    ['reasoning without an end', '<think>maybe {"a":1}'],
  ])('is not found in %s', (_, text) => {
    expect(jsonInText(text)).toEqual([]);
  });

  it.each<[string, string]>([
    ['an object that was cut off', '{"a":{"b":1},"c'],
    ['an object after another', '{"b":1} {"a":1,'],
    ['an object that quotes one without escaping it', '{"a":"he said {"b":1} to me"}'],
    ['an object whose quotes end in the middle', '{"a":"he said "{"b":1}'],
  ])('that is broken hides what stands inside: %s', (_, text) => {
    expect(lastObjectInText(text)).toBeUndefined();
  });

  it.each([
    '[',
    '{"',
    '{"a":[',
    '[{"a":',
    '[1,',
    '{ ',
    '`',
    '<think>',
    '<think></think>',
    '{"a":1}',
    '{"\\',
    '"[{',
  ])('is looked for in linear time: many of %j', (piece) => {
    const took = [20_000, 200_000].map((length) => {
      const text = piece.repeat(length / piece.length);
      const from = performance.now();
      jsonInText(text);
      return performance.now() - from;
    });
    expect(took[1]).toBeLessThan(Math.max(500, 12 * (took[0] ?? 0)));
  });
});
