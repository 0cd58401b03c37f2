import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import patches, { type Operation } from 'fast-json-patch';

import { toJsonPatch } from '../../../src/protocol/json.patch.js';

/** JSON whose objects often have the same keys, among them such as a path must escape. */
const json = fc.letrec((tie) => ({
  value: fc.oneof(
    { maxDepth: 4 },
    fc.constantFrom(null, true, 0, 1, '', 'text'),
    fc.array(tie('value'), { maxLength: 4 }),
    fc.dictionary(fc.constantFrom('a', 'b', 'a/b', '~1', '', 'toString'), tie('value'), { maxKeys: 4 }),
  ),
})).value;

function patched(before: unknown, after: unknown): unknown {
  const document = structuredClone({ before });
  const patch = toJsonPatch(before, after).map(({ path, ...operation }) => ({
    ...operation,
    path: `/before${path}`,
  }));
  return patches.applyPatch(document, structuredClone(patch) as Operation[], true).newDocument.before;
}

describe('A JSON patch', () => {
  it('makes one JSON value of any other', () => {
    fc.assert(
      fc.property(json, json, (before, after) => {
        expect(patched(before, after)).toEqual(after);
      }),
      { numRuns: 1_000 },
    );
  });

  it('is empty for equal values', () => {
    fc.assert(fc.property(json, (value) => expect(toJsonPatch(value, structuredClone(value))).toEqual([])));
  });

  it('names only what has changed', () => {
    const before = {
      kept: { deep: 1 },
      changed: { 'a/b': 1, '~': 2 },
      removed: 1,
      grown: [1],
      other: [1, 2],
    };
    const after = {
      kept: { deep: 1 },
      changed: { 'a/b': 3, '~': 2 },
      grown: [1, 2],
      other: [2],
      added: null,
    };
    expect(toJsonPatch(before, after)).toEqual([
      { op: 'remove', path: '/removed' },
      { op: 'replace', path: '/changed/a~1b', value: 3 },
      { op: 'add', path: '/grown/1', value: 2 },
      { op: 'replace', path: '/other', value: [2] },
      { op: 'add', path: '/added', value: null },
    ]);
  });
});
