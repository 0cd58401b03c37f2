import { describe, expect, it } from '@jest/globals';

import { withoutCredentials } from '../../../src/data/without-credentials.js';

describe('withoutCredentials()', () => {
  it.each([
    ['postgres://ann:secret@host:5432/db', 'postgres://***@host:5432/db'],
    [
      'cannot reach "redis://:se@cret@host" or redis://b:x@other.',
      'cannot reach "redis://***@host" or redis://***@other.',
    ],
    ['http://host:80/path, ann@example.org', 'http://host:80/path, ann@example.org'],
    ['redis://ann@host', 'redis://ann@host'],
    ['no URL: a@b', 'no URL: a@b'],
    ['://', '://'],
  ])('turns %j into %j', (text, expected) => {
    expect(withoutCredentials(text)).toBe(expected);
  });
});
