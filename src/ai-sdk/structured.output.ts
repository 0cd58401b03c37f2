import { asSchema, Output, type FlexibleSchema } from 'ai';

import { describeIssues, readAnswer, type OutputSchema } from '../components/workflow/output-schema.js';

/** What the AI SDK is told of the form of an answer. */
export type OutputSpecification = ReturnType<typeof Output.object<unknown>> | ReturnType<typeof Output.json>;

/** What a Standard Schema may have besides what every one has. */
interface SchemaDetails {
  readonly vendor?: unknown;
  /** Of schemas that can describe themselves. */
  readonly jsonSchema?: unknown;
}

/** Whether a model can be told of it. The AI SDK itself knows how to describe zod's schemas. */
export function isDescribable(schema: OutputSchema<unknown>): boolean {
  const { vendor, jsonSchema } = schema['~standard'] as SchemaDetails;
  return vendor === 'zod' || jsonSchema !== undefined;
}

/** Asks for JSON of the schema's form, or just for JSON if the schema cannot be described. */
export function outputSpecificationOf(schema: OutputSchema<unknown>): OutputSpecification {
  return isDescribable(schema)
    ? Output.object({ schema: schema as unknown as FlexibleSchema<unknown> })
    : Output.json();
}

/**
 * Describes a schema, so that one that cannot be described is found while the application starts. The AI SDK would
 * find out in the middle of a run, and for structured output in a promise that nobody handles.
 *
 * @throws the schema library's error
 */
export function describeSchema(schema: unknown): void {
  const description = asSchema(schema as FlexibleSchema<unknown>).jsonSchema;
  // One that takes its time fails the run that needs it.
  Promise.resolve(description).catch(() => undefined);
}

/** An answer that fits its schema. */
export interface StructuredAnswer {
  /** Its JSON text, without what the model has written around it. */
  readonly text: string;
  readonly data: unknown;
}

/**
 * The answer as the schema takes it.
 *
 * @throws Error that says what does not fit
 */
export async function parseAnswer(said: string, schema: OutputSchema<unknown>): Promise<StructuredAnswer> {
  const verdict = await readAnswer(said, schema);
  if (!verdict) throw new Error(`The model's answer is no JSON: ${JSON.stringify(said.slice(0, 200))}.`);
  if (!verdict.issues) return { text: verdict.text, data: verdict.value };
  throw new Error(`The model's answer does not fit the output schema: ${describeIssues(verdict.issues)}.`);
}
