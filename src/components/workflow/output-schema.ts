import type { z } from 'zod';

import { jsonInAnswer, type JsonInText } from '../../model/json-in-text.js';
import type { StepOutput } from '../../model/run-output.js';
import { valueOf } from '../../options/option.schemas.js';

/**
 * The part of the Standard Schema interface that is used here; schemas of zod, valibot, arktype and others fit.
 *
 * @see https://standardschema.dev
 */
export interface OutputSchema<T> {
  readonly '~standard': {
    readonly validate: (value: unknown) => SchemaVerdict<T> | Promise<SchemaVerdict<T>>;
  };
}

/** The result of validating a value. */
export type SchemaVerdict<T> =
  { readonly value: T; readonly issues?: undefined } | { readonly issues: readonly SchemaIssue[] };

/** A violation of a schema, and its place in the value. */
export interface SchemaIssue {
  readonly message: string;
  readonly path?: readonly (PropertyKey | { readonly key: PropertyKey })[] | undefined;
}

/** A schema, as an option. */
export function schemaOption(): z.ZodCustom<OutputSchema<unknown>, OutputSchema<unknown>> {
  // Schemas of some libraries are functions.
  return valueOf(
    'a Standard Schema, such as one of zod or valibot',
    (value) =>
      typeof (value as Partial<OutputSchema<unknown>> | null)?.['~standard']?.validate === 'function',
  );
}

/**
 * The data of a step's output, as its schema accepts it.
 *
 * @throws TypeError naming the step and the issues
 */
export async function validateOutput<T>(
  stepName: string,
  schema: OutputSchema<T>,
  output: StepOutput,
): Promise<T> {
  const verdict =
    output.data === undefined
      ? await readAnswer(output.content, schema)
      : await schema['~standard'].validate(output.data);
  if (!verdict)
    throw new TypeError(
      `The output of step "${stepName}" has a schema, but it is not JSON and carries no data.`,
    );
  if (!verdict.issues) return verdict.value;
  throw new TypeError(
    `The output of step "${stepName}" does not match its schema: ${describeIssues(verdict.issues)}.`,
  );
}

/** The result of validating an answer, which is the JSON in this text. */
export type AnswerVerdict<T> =
  | { readonly text: string; readonly value: T; readonly issues?: undefined }
  | { readonly issues: readonly SchemaIssue[] };

/**
 * Reads an answer that should be JSON, as models write it: alone, in a code block, between words, after their
 * reasoning. The last object or array counts, whichever fits.
 *
 * @returns undefined if there is no JSON
 */
export async function readAnswer<T>(
  content: string,
  schema: OutputSchema<T>,
): Promise<AnswerVerdict<T> | undefined> {
  const found = jsonInAnswer(content);
  const isArray = (value: JsonInText | undefined): boolean => Array.isArray(value?.value);
  const last = [found.findLast((value) => !isArray(value)), found.findLast(isArray)].filter(
    (value) => value !== undefined,
  );
  const candidates = last.sort((left, right) => found.indexOf(right) - found.indexOf(left));
  let problem: AnswerVerdict<T> | undefined;
  for (const { text, value } of candidates) {
    const verdict = await schema['~standard'].validate(value);
    if (!verdict.issues) return { text, value: verdict.value };
    problem ??= verdict;
  }
  return problem;
}

/** The issues in one line, each with its path. */
export function describeIssues(issues: readonly SchemaIssue[]): string {
  return issues.map(describeIssue).join('; ');
}

function describeIssue({ message, path = [] }: SchemaIssue): string {
  if (path.length === 0) return message;
  const keys = path.map((segment) => String(typeof segment === 'object' ? segment.key : segment));
  return `${keys.join('.')}: ${message}`;
}
