import type { StepOutput } from '../../model/run-output.js';

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

/** What a schema says of a value. */
export type SchemaVerdict<T> =
  { readonly value: T; readonly issues?: undefined } | { readonly issues: readonly SchemaIssue[] };

/** Something that a schema does not accept, and where in the value it is. */
export interface SchemaIssue {
  readonly message: string;
  readonly path?: readonly (PropertyKey | { readonly key: PropertyKey })[] | undefined;
}

/**
 * The data of a step's output, as its schema accepts it.
 *
 * @throws TypeError naming the step and what is wrong
 */
export async function validateOutput<T>(
  stepName: string,
  schema: OutputSchema<T>,
  output: StepOutput,
): Promise<T> {
  const value = output.data === undefined ? parse(stepName, output.content) : output.data;
  const verdict = await schema['~standard'].validate(value);
  if (!verdict.issues) return verdict.value;
  throw new TypeError(
    `The output of step "${stepName}" does not fit its schema: ${describeIssues(verdict.issues)}.`,
  );
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

function parse(stepName: string, content: string): unknown {
  try {
    return JSON.parse(content) as unknown;
  } catch (cause) {
    throw new TypeError(`The output of step "${stepName}" has a schema, but is no JSON and has no data.`, {
      cause,
    });
  }
}
