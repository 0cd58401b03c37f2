import { types } from 'node:util';

/** Every text in run data, at any depth; the keys of records are the program's own and do not count. */
export function textsIn(data: unknown): readonly string[] {
  const texts: string[] = [];
  maskTexts(data, (text) => {
    texts.push(text);
    return text;
  });
  return texts;
}

/** A copy of run data with every text replaced; what holds no text (dates, bytes, numbers) stays the same. */
export function maskTexts<T>(data: T, replace: (text: string) => string): T {
  return convert(data, replace) as T;
}

function convert(value: unknown, replace: (text: string) => string): unknown {
  if (typeof value === 'string') return replace(value);
  if (typeof value !== 'object' || value === null) return value;
  const inner = (item: unknown): unknown => convert(item, replace);
  if (Array.isArray(value)) return value.map(inner);
  if (types.isMap(value)) return new Map([...value].map(([key, item]) => [inner(key), inner(item)]));
  if (types.isSet(value)) return new Set([...value].map(inner));
  if (!isRecord(value)) return value;
  return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, inner(item)]));
}

function isRecord(value: object): boolean {
  const prototype = Object.getPrototypeOf(value) as object | null;
  return prototype === null || Object.getPrototypeOf(prototype) === null;
}
