import { describe, expect, it } from '@jest/globals';

import { decodeText } from '../../../src/model/text.decoding.js';

describe('The decoder of Windows-1252', () => {
  it('reads each byte as its character', () => {
    const bytes = Buffer.from([0x41, 0x80, 0x81, 0x9f, 0xa0, 0xe4]);
    expect(decodeText(bytes)).toBe('A€\x81Ÿ\u00a0ä');
  });
});
