/** What differs between two JSON values besides texts and numbers: keys, types, lengths of arrays. */
export function structuralDifferences(expected: unknown, actual: unknown, path = ''): string[] {
  if (Array.isArray(expected) && Array.isArray(actual)) return arrayDifferences(expected, actual, path);
  if (isObject(expected) && isObject(actual)) return objectDifferences(expected, actual, path);
  const [wanted, found] = [typeOf(expected), typeOf(actual)];
  return wanted === found ? [] : [`${path}: expected ${wanted}, got ${found}`];
}

function arrayDifferences(expected: unknown[], actual: unknown[], path: string): string[] {
  const length =
    expected.length === actual.length
      ? []
      : [`${path}: expected ${expected.length} items, got ${actual.length}`];
  const items = expected.slice(0, actual.length);
  return [
    ...length,
    ...items.flatMap((item, index) => structuralDifferences(item, actual[index], `${path}[${index}]`)),
  ];
}

function objectDifferences(
  expected: Record<string, unknown>,
  actual: Record<string, unknown>,
  path: string,
): string[] {
  const [wanted, found] = [Object.keys(expected), Object.keys(actual)];
  const at = (key: string): string => (path === '' ? key : `${path}.${key}`);
  const shared = wanted.filter((key) => found.includes(key));
  return [
    ...wanted.filter((key) => !found.includes(key)).map((key) => `${at(key)}: missing`),
    ...found.filter((key) => !wanted.includes(key)).map((key) => `${at(key)}: not in the protocol`),
    ...shared.flatMap((key) => structuralDifferences(expected[key], actual[key], at(key))),
  ];
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function typeOf(value: unknown): string {
  if (value === null) return 'null';
  return Array.isArray(value) ? 'array' : typeof value;
}
