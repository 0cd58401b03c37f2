import { z } from 'zod';

/*
 * The words of which schemas of options are made. The description of each one completes the sentence "expected … to
 * be": `checkOptions()` reads it.
 */

/** Checks of each field of an interface: neither more nor less than the type allows. */
type ShapeFor<T, S> = {
  [K in keyof S]: K extends keyof T
    ? S[K] extends z.ZodType<unknown, T[K]>
      ? T[K] extends z.input<S[K]>
        ? S[K]
        : never
      : never
    : never;
};

/**
 * The schema of options that an interface documents. The compiler compares both: a field that only one of them has,
 * or that they type differently, is an error.
 *
 * @example `const OPTIONS = optionsOf<LoopOptions>()({ maxIterations: wholeNumber(1), … });`
 */
export function optionsOf<T extends object>() {
  return <S extends Readonly<Record<keyof T, z.ZodType>>>(shape: S & ShapeFor<T, S>): z.ZodObject<S> =>
    z.strictObject<S>(shape);
}

/** A value that passes a check. */
export function valueOf<T>(expected: string, isRight: (value: unknown) => boolean): z.ZodCustom<T, T> {
  return z.custom<T>(isRight).describe(expected);
}

/**
 * A value whose problem is told in a sentence of its own.
 *
 * @param problemOf - the problem of a value; undefined if there is none
 */
export function valueWith<T>(problemOf: (value: unknown) => string | undefined): z.ZodCustom<T, T> {
  return z.custom<T>().check((context) => {
    const problem = problemOf(context.value);
    if (problem !== undefined)
      context.issues.push({ code: 'custom', input: context.value, message: problem, params: { problem } });
  });
}

/** True or false. */
export function flag(): z.ZodType<boolean, boolean> {
  return z.boolean().describe('true or false');
}

/** A text that is not blank. */
export function text(expected = 'a text that is not empty'): z.ZodCustom<string, string> {
  return valueOf(expected, (value) => typeof value === 'string' && value.trim() !== '');
}

/** The id of a component or server; ids stand in URLs. */
export function id(): z.ZodType<string, string> {
  return z
    .string()
    .regex(/^[A-Za-z0-9][A-Za-z0-9._-]*$/)
    .describe('letters, digits, ".", "_" and "-", with a letter or digit first');
}

/** A whole number from a minimum on. */
export function wholeNumber(minimum: number): z.ZodType<number, number> {
  return z.int().min(minimum).describe(`a whole number from ${minimum} on`);
}

/** Timers of Node end at once above this. */
export const LONGEST_TIMER = 2 ** 31 - 1;

/** A number of milliseconds that a timer can wait for. */
export function milliseconds(minimum: 0 | 1): z.ZodType<number, number> {
  return z
    .number()
    .min(minimum)
    .max(LONGEST_TIMER)
    .describe(`a number of milliseconds from ${minimum} to ${LONGEST_TIMER}`);
}

/** One of some words. */
export function oneOf<const W extends readonly [string, ...string[]]>(
  ...words: W
): z.ZodType<W[number], W[number]> {
  return z.enum(words).describe(listOf(words.map((word) => `"${word}"`)));
}

/** A function. */
export function functionOf<T>(): z.ZodCustom<T, T> {
  return valueOf<T>('a function', (value) => typeof value === 'function');
}

/** A regular expression. */
export function regularExpression(): z.ZodCustom<RegExp, RegExp> {
  return valueOf<RegExp>('a regular expression', (value) => value instanceof RegExp);
}

/** An array; its items are checked where they are used. */
export function arrayOf<T>(): z.ZodCustom<readonly T[], readonly T[]> {
  return valueOf<readonly T[]>('an array', Array.isArray);
}

/** An instance of a class, abstract ones included. */
export function instanceOf<T>(type: abstract new (...given: never[]) => T): z.ZodCustom<T, T> {
  const article = /^[AEIOU]/.test(type.name) ? 'an' : 'a';
  return valueOf<T>(`an instance of ${article} ${type.name}`, (value) => value instanceof type);
}

function listOf(words: readonly string[]): string {
  return words.length < 2 ? words.join('') : `${words.slice(0, -1).join(', ')} or ${words.at(-1)}`;
}
