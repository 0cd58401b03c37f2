import { asSchema, Output, type FlexibleSchema } from 'ai';

import { describeIssues, readAnswer, type OutputSchema } from '../components/workflow/output-schema.js';

/** The AI SDK's specification of an answer's form. */
export type OutputSpecification = ReturnType<typeof Output.object<unknown>> | ReturnType<typeof Output.json>;

/** Optional properties of a Standard Schema. */
interface SchemaDetails {
  readonly vendor?: unknown;
  /** Only of schemas that can describe themselves. */
  readonly jsonSchema?: unknown;
}

/** Whether a schema can be described to a model. The AI SDK itself describes zod's schemas. */
export function isDescribable(schema: OutputSchema<unknown>): boolean {
  const { vendor, jsonSchema } = schema['~standard'] as SchemaDetails;
  return vendor === 'zod' || jsonSchema !== undefined;
}

/** Requests JSON that fits the schema, or any JSON if the schema cannot be described. */
export function outputSpecificationOf(schema: OutputSchema<unknown>): OutputSpecification {
  return isDescribable(schema)
    ? Output.object({ schema: schema as unknown as FlexibleSchema<unknown> })
    : Output.json();
}

/**
 * Describes a schema while the application starts, so that one that cannot be described is found then. The AI SDK
 * would fail in the middle of a run, and for structured output in an unhandled promise.
 *
 * @throws the schema library's error
 */
export function describeSchema(schema: unknown): void {
  const description = asSchema(schema as FlexibleSchema<unknown>).jsonSchema;
  // An asynchronous description that fails does so in the run that needs it.
  Promise.resolve(description).catch(() => undefined);
}

/** An answer that fits its schema. */
export interface StructuredAnswer {
  /** Its JSON text, without the model's text around it. */
  readonly text: string;
  readonly data: unknown;
}

/**
 * Parses and validates the answer.
 *
 * @throws Error with the validation issues
 */
export async function parseAnswer(said: string, schema: OutputSchema<unknown>): Promise<StructuredAnswer> {
  const verdict = await readAnswer(said, schema);
  if (!verdict) throw new Error(`The model's answer is not JSON: ${JSON.stringify(said.slice(0, 200))}.`);
  if (!verdict.issues) return { text: verdict.text, data: verdict.value };
  throw new Error(`The model's answer does not match the output schema: ${describeIssues(verdict.issues)}.`);
}
