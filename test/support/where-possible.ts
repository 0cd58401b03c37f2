import { describe } from '@jest/globals';

/** Tests that need something of the machine. Where it is missing, the report names what was not tested, and why. */
export function describeWherePossible(
  isPossible: boolean,
  name: string,
  need: string,
  tests: () => void,
): void {
  if (isPossible) describe(name, tests);
  else describe.skip(`${name} (not tested: ${need})`, tests);
}
