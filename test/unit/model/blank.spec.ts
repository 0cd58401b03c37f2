import { describe, expect, it } from '@jest/globals';

import { isBlank } from '../../../src/model/blank.js';

describe('The check for a blank text', () => {
  it('decides for a text of any length', () => {
    const wide = '\u3000'.repeat(20 * 1024 * 1024);
    expect(isBlank(wide)).toBe(true);
    expect(isBlank('\u2800 \u200b\u2800')).toBe(true);
    expect(isBlank(`${wide}x`)).toBe(false);
  });
});
