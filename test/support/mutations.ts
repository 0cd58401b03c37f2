import fc from 'fast-check';

/** What the mutations of a sequence can do to an object. */
const KINDS = {
  set: (target, key, value) => {
    if (target instanceof Map) target.set([...target.keys()][0] ?? key, value);
    else if (target instanceof Set) target.add(value);
    else if (target instanceof Date) target.setTime(0);
    else Reflect.set(target, key, value);
  },
  delete: (target, key) => {
    if (target instanceof Map || target instanceof Set) target.delete([...target.keys()][0]);
    else Reflect.deleteProperty(target, key);
  },
  push: (target, _key, value) => {
    if (Array.isArray(target)) target.push(value);
    else Reflect.set(target, 'pushed', value);
  },
  clear: (target) => {
    if (target instanceof Map || target instanceof Set) target.clear();
    else if (target instanceof Uint8Array) target.fill(0);
    else if (Array.isArray(target)) target.length = 0;
    else for (const key of Reflect.ownKeys(target)) Reflect.deleteProperty(target, key);
  },
  replacePrototype: (target, _key, value) => Reflect.setPrototypeOf(target, { inherited: value }),
  defineGetter: (target, key, value) =>
    Reflect.defineProperty(target, key, { get: () => value, enumerable: true, configurable: true }),
  freeze: (target) => Object.freeze(target),
} satisfies Record<string, (target: object, key: PropertyKey, value: unknown) => unknown>;

/** One change of one object among those that can be reached. */
export interface Mutation {
  readonly kind: keyof typeof KINDS;
  readonly target: number;
  readonly key: number;
  readonly value: unknown;
}

/** Taken modulo the number of objects or keys; without a bias, which would favour the first of them. */
const ANY_INDEX = fc.noBias(fc.nat({ max: 9_999 }));

/** Sequences of changes. */
export const MUTATIONS: fc.Arbitrary<Mutation[]> = fc.array(
  fc.record({
    kind: fc.constantFrom(...(Object.keys(KINDS) as (keyof typeof KINDS)[])),
    target: ANY_INDEX,
    key: ANY_INDEX,
    value: fc.constantFrom('vandalised', -1, null, undefined),
  }),
  { maxLength: 12 },
);

/** Changes one of these objects or of those inside them, as far as it lets itself be changed. */
export function mutate(objects: readonly object[], { kind, target, key, value }: Mutation): void {
  const reachable = reachableFrom(objects);
  const object = reachable[target % reachable.length] as object;
  const keys = Reflect.ownKeys(object);
  try {
    KINDS[kind](object, keys[key % (keys.length + 1)] ?? 'added', value);
  } catch (error) {
    // What earlier mutations have frozen or robbed of its prototype refuses.
    if (!(error instanceof TypeError)) throw error;
  }
}

function reachableFrom(objects: readonly object[]): object[] {
  const found = new Set<object>();
  const visit = (value: unknown): void => {
    if (typeof value !== 'object' || value === null || found.has(value)) return;
    found.add(value);
    if (value instanceof Map) for (const entry of value) entry.forEach(visit);
    else if (value instanceof Set) value.forEach(visit);
    else if (!ArrayBuffer.isView(value))
      for (const key of Reflect.ownKeys(value)) visit(Reflect.get(value, key));
  };
  objects.forEach(visit);
  return [...found];
}
