import { describe } from '@jest/globals';

/**
 * Tests that need something of the machine. Where it is missing they are left out, and `skipped.reporter.js` names them at
 * the end of the run with what they need.
 *
 * @param need - what to install or set, as an order
 */
export function describeWherePossible(
  isPossible: boolean,
  name: string,
  need: string,
  tests: () => void,
): void {
  if (isPossible) describe(name, tests);
  else describe.skip(`${name} (not tested: ${need})`, tests);
}
