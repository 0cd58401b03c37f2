/**
 * Whether a version is in a range, as far as ranges of our `package.json` go: `^1.2.3` and `>=1.2.3`, joined by `||`. A
 * prerelease counts as the version that it leads to.
 *
 * @throws Error if the range has another form
 */
export function isInRange(version: string, range: string): boolean {
  const numbers = numbersOf(version);
  return range.split('||').some((part) => {
    const [, operator, minimum = ''] = /^(\^|>=)(\d+\.\d+\.\d+)$/.exec(part.trim()) ?? [];
    if (operator === undefined) throw new Error(`The range ${range} has an unknown form.`);
    const least = numbersOf(minimum);
    return compare(numbers, least) >= 0 && (operator === '>=' || isCompatible(numbers, least));
  });
}

/** The first number of a version. */
export function majorOf(version: string): number {
  return numbersOf(version)[0];
}

/** Below 1.0.0 a minor version may break its users. */
function isCompatible([major, minor]: Numbers, [leastMajor, leastMinor]: Numbers): boolean {
  return major === leastMajor && (major > 0 || minor === leastMinor);
}

type Numbers = readonly [major: number, minor: number, patch: number];

function numbersOf(version: string): Numbers {
  const [major = 0, minor = 0, patch = 0] = version
    .replace(/[-+].*$/, '')
    .split('.')
    .map(Number);
  return [major, minor, patch];
}

function compare(one: Numbers, other: Numbers): number {
  return one[0] - other[0] || one[1] - other[1] || one[2] - other[2];
}
