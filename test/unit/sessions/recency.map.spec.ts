import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';

import { RecencyMap } from '../../../src/sessions/recency.map.js';

const keys = fc.constantFrom('a', 'b', 'c', 'd', 'e');
const calls = fc.array(
  fc.record({ call: fc.constantFrom('use', 'use', 'get', 'delete', 'drop oldest'), key: keys }),
  { maxLength: 40 },
);

describe('RecencyMap', () => {
  it('holds the same as a Map in which each used key is deleted and set again', () => {
    fc.assert(
      fc.property(calls, (given) => {
        const map = new RecencyMap<object>();
        const model = new Map<string, object>();
        for (const { call, key } of given) {
          if (call === 'use') {
            const value = model.get(key) ?? {};
            model.delete(key);
            model.set(key, value);
            map.use(key, value);
          } else if (call === 'get') expect(map.get(key)).toBe(model.get(key));
          else {
            const removed = call === 'delete' ? key : ([...model.keys()][0] ?? key);
            if (call === 'drop oldest') expect(map.oldest?.key).toBe([...model.keys()][0]);
            expect(map.delete(removed)).toBe(model.delete(removed));
          }
          expect([...map.values()]).toEqual([...model.values()]);
          expect([map.size, map.has(key)]).toEqual([model.size, model.has(key)]);
        }
      }),
    );
  });
});
