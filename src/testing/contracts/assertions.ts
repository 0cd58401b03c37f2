import { AssertionError } from 'node:assert';
import { inspect } from 'node:util';

/** A placeholder for any value of a kind in expectations of {@link assertEqual} and {@link assertMatches}. */
class AnyOf {
  constructor(
    readonly kind: string,
    readonly matches: (value: unknown) => boolean,
  ) {}

  [inspect.custom](): string {
    return `any ${this.kind}`;
  }
}

export const ANY_NUMBER = new AnyOf('number', (value) => typeof value === 'number');
export const ANY_DATE = new AnyOf('date', (value) => tagOf(value) === 'Date');

/** Both are the same value, as `Object.is` says. */
export function assertSame(actual: unknown, expected: unknown): void {
  if (!Object.is(actual, expected)) throw different(actual, expected, 'the same value');
}

/**
 * Both contain the same plain data. Undefined fields count as missing. Prototypes are not compared: data that a store
 * has read may come from another realm.
 */
export function assertEqual(actual: unknown, expected: unknown): void {
  if (!isEqual(actual, expected, false)) throw different(actual, expected, 'equal data');
}

/** All expected values are present; objects may have more fields. */
export function assertMatches(actual: unknown, expected: unknown): void {
  if (!isEqual(actual, expected, true)) throw different(actual, expected, 'data with these fields');
}

/** The list has this many items. */
export function assertLength(actual: { readonly length: number } | undefined, length: number): void {
  if (actual?.length !== length) throw different(actual?.length, length, `a list of ${length}`);
}

/** One of the items matches. */
export function assertIncludes(actual: readonly unknown[], expected: unknown): void {
  if (!actual.some((item) => isEqual(item, expected, true))) throw different(actual, expected, 'a list with');
}

/** The object has no field of this name, not even an undefined one. */
export function assertLacks(actual: object | undefined, field: string): void {
  if (actual === undefined || field in actual) throw different(actual, field, 'an object without the field');
}

export function assertTrue(condition: boolean, expected: string): void {
  if (!condition) throw new AssertionError({ message: `Expected ${expected}.` });
}

/** The promise rejects with an error whose message matches. */
export async function assertRejects(promise: Promise<unknown>, message: RegExp): Promise<void> {
  const outcome = await promise.then(
    (value) => `a value: ${inspect(value)}`,
    (error: unknown) => (error as Error).message,
  );
  if (!message.test(outcome)) throw different(outcome, message, 'an error with the message');
}

/** The error message of a store for a user id that is not a text. */
export const NO_USER_ID = /^The id of a user must be a text that is not empty, got/;

/** A store may reject, or throw. */
export function asked(ask: () => unknown): Promise<unknown> {
  return new Promise((resolve) => resolve(ask()));
}

function different(actual: unknown, expected: unknown, what: string): AssertionError {
  const message = `Expected ${what}: ${inspect(expected, { depth: 6 })}\nGot: ${inspect(actual, { depth: 6 })}`;
  return new AssertionError({ message, actual, expected });
}

function isEqual(actual: unknown, expected: unknown, partly: boolean): boolean {
  if (expected instanceof AnyOf) return expected.matches(actual);
  if (Object.is(actual, expected)) return true;
  if (typeof actual !== 'object' || typeof expected !== 'object' || !actual || !expected) return false;
  const tag = tagOf(expected);
  if (tagOf(actual) !== tag) return false;
  switch (tag) {
    case 'Date':
      return Object.is(Number(actual), Number(expected));
    case 'Map':
      return isSameList(
        [...(actual as Map<unknown, unknown>)],
        [...(expected as Map<unknown, unknown>)],
        partly,
      );
    case 'Set':
      return isSameList([...(actual as Set<unknown>)], [...(expected as Set<unknown>)], partly);
    case 'Array':
      return isSameList(actual as unknown[], expected as unknown[], partly);
    case 'Object':
      return isSameObject(actual as PlainObject, expected as PlainObject, partly);
    default:
      return isSameBytes(actual, expected);
  }
}

type PlainObject = Readonly<Record<string, unknown>>;

function isSameList(actual: readonly unknown[], expected: readonly unknown[], partly: boolean): boolean {
  return (
    actual.length === expected.length && expected.every((item, index) => isEqual(actual[index], item, partly))
  );
}

function isSameObject(actual: PlainObject, expected: PlainObject, partly: boolean): boolean {
  const names = partly ? Object.keys(expected) : [...Object.keys(actual), ...Object.keys(expected)];
  return names.every((name) => isEqual(own(actual, name), own(expected, name), partly));
}

function own(object: PlainObject, name: string): unknown {
  return Object.hasOwn(object, name) ? object[name] : undefined;
}

function isSameBytes(actual: object, expected: object): boolean {
  if (!ArrayBuffer.isView(actual) || !ArrayBuffer.isView(expected)) return false;
  const [left, right] = [actual, expected].map(({ buffer, byteOffset, byteLength }) =>
    Buffer.from(buffer as ArrayBuffer, byteOffset, byteLength),
  ) as [Buffer, Buffer];
  return left.equals(right);
}

function tagOf(value: unknown): string {
  return Object.prototype.toString.call(value).slice('[object '.length, -1);
}
