import { describe, expect, it } from '@jest/globals';

import { isInRange } from '../../../src/cli/version.range.js';
import { readDocument } from '../../support/documents.js';

describe('isInRange()', () => {
  it.each([
    ['11.0.0', '^11.0.0 || ^12.0.0', true],
    ['12.5.1', '^11.0.0 || ^12.0.0', true],
    ['10.4.9', '^11.0.0 || ^12.0.0', false],
    ['13.0.0', '^11.0.0 || ^12.0.0', false],
    ['0.45.4', '^0.45.0', true],
    ['0.46.0', '^0.45.0', false],
    ['20.18.3', '^20.19.0 || ^22.12.0 || >=24.0.0', false],
    ['23.1.0', '^20.19.0 || ^22.12.0 || >=24.0.0', false],
    ['26.10.0', '^20.19.0 || ^22.12.0 || >=24.0.0', true],
    ['12.0.0-alpha.3', '^11.0.0 || ^12.0.0', true],
  ])('of %s and %s is %s', (version, range, expected) => {
    expect(isInRange(version, range)).toBe(expected);
  });

  it('knows the form of every range in package.json', () => {
    const { engines, peerDependencies } = JSON.parse(readDocument('package.json')) as {
      engines: { node: string };
      peerDependencies: Record<string, string>;
    };
    for (const range of [engines.node, ...Object.values(peerDependencies)])
      expect(() => isInRange('1.0.0', range)).not.toThrow();
  });
});
