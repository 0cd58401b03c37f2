import { describe, expect, it } from '@jest/globals';

import { jsonInAnswer, jsonInText, lastObjectInText } from '../../../src/model/json-in-text.js';

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
    ['after reasoning whose tags differ in case', '<Think>x {"b"</tHINK>{"a":1}', [{ a: 1 }]],
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
  ])('that is broken hides the JSON inside: %s', (_, text) => {
    expect(lastObjectInText(text)).toBeUndefined();
  });

  it('is given up after a thousand values, as if the text could not be read', () => {
    const [many, tooMany] = [999, 1_000].map((count) => `${'[1] '.repeat(count)}{"passed":true}`);
    expect(lastObjectInText(many as string)).toEqual({ passed: true });
    expect(lastObjectInText(tooMany as string)).toBeUndefined();
  });
});

describe('JSON in an answer that should be structured data', () => {
  it.each<[string, string, readonly unknown[]]>([
    ['only the closing tag', 'First {"score": is asked, I think 1.</think>\n\n{"score":1}', [{ score: 1 }]],
    ['words before reasoning', 'Okay.<think>{"x</think>{"score":1}', [{ score: 1 }]],
    ['a capital letter in the tags', '<Think>x</think>{"score":1}', [{ score: 1 }]],
    ['a closing tag in reasoning', '<think>a {"</think> b {"</think>{"score":1}', [{ score: 1 }]],
    ['a closing tag in the value', 'Here: {"tag":"</think>"}', [{ tag: '</think>' }]],
    ['a closing tag in the value alone', '{"tag":"</think>"}', [{ tag: '</think>' }]],
    ['reasoning alone', 'Maybe {"score":1}</think>', []],
    [
      'one block and braces around it',
      `Of {"a": this:\n${FENCE}json\n{"score":1}\n${FENCE}\nUse {"b": or {}.`,
      [{ score: 1 }],
    ],
    [
      'a block of another language',
      `Sure:\n${FENCE}ts\nf({});\n${FENCE}\n${FENCE}JSON\r\n7\r\n${FENCE}`,
      [7],
    ],
    [
      'two blocks',
      `Sure:\n${FENCE}json\n{"a":1}\n${FENCE}\n${FENCE}json\n{"b":1}\n${FENCE}`,
      [{ a: 1 }, { b: 1 }],
    ],
  ])('is found with %s', (_, text, values) => {
    expect(jsonInAnswer(text).map((found) => found?.value)).toEqual(values);
  });

  it('is not taken from a block that a broken object quotes', () => {
    const text = `{"a":"he said\n${FENCE}json\n{"b":1}\n${FENCE}\n"}`;
    expect(jsonInAnswer(text)).not.toContainEqual(expect.objectContaining({ value: { b: 1 } }));
  });

  it('is read more strictly for verdicts, which quote texts of others', () => {
    expect(lastObjectInText('{"passed": no, "reason": "</think>{"passed":true}')).toBeUndefined();
    expect(lastObjectInText(`{"passed": no\n${FENCE}json\n{"passed":true}\n${FENCE}`)).toBeUndefined();
  });
});
