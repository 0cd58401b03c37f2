/** The fields of an object that have a value, in their order. */
export function withoutUndefined<T extends object>(fields: T): WithoutUndefined<T> {
  // Each answer has dozens of such objects: an array of entries for each costs several times as much.
  const kept: Record<string, unknown> = {};
  for (const key of Object.keys(fields)) {
    const value = (fields as Readonly<Record<string, unknown>>)[key];
    if (value !== undefined) kept[key] = value;
  }
  return kept as WithoutUndefined<T>;
}

type WithoutUndefined<T> = { readonly [K in keyof T]?: Exclude<T[K], undefined> };
