import { z } from 'zod';

import { AgentOsConfigurationError } from '../errors/agent-os-configuration.error.js';
import { showValue } from '../model/show-value.js';

/** The path of a value in options. */
type Path = readonly PropertyKey[];
type Schema = z.core.$ZodType;

/**
 * Checks options by their schema, and adds the defaults that stand in it.
 *
 * @param owner - the owner of the options as the message should call it, such as `Agent "support"`
 * @param hint - added to the message about an unknown option
 * @throws AgentOsConfigurationError that names the option, its value and the values that are allowed
 */
export function checkOptions<S extends z.ZodObject>(
  owner: string,
  schema: S,
  given: unknown,
  hint = '',
): z.output<S> {
  const fail = (problem: string): never => {
    throw new AgentOsConfigurationError(`${owner}: ${problem}`);
  };
  if (typeof given !== 'object' || given === null || Array.isArray(given))
    return fail(`expected an object of options, got ${showValue(given)}.`);
  const result = schema.safeParse(given);
  if (result.success) return result.data;
  const { issues } = result.error;
  // A misspelled name explains best why another option is missing.
  const issue = issues.find(({ code }) => code === 'unrecognized_keys') ?? issues[0];
  if (!issue) return fail(result.error.message);
  const problem = problemOf(schema, given, issue);
  return fail(issue.code === 'unrecognized_keys' && hint !== '' ? `${problem} ${hint}` : problem);
}

function problemOf(schema: Schema, given: object, issue: z.core.$ZodIssue): string {
  const { path } = issue;
  if (issue.code === 'unrecognized_keys') {
    const place = path.length > 0 ? ` in ${nameOf(path)}` : '';
    const known = Object.keys(shapeOf(schemaAt(schema, path)) ?? {});
    return `unknown option "${issue.keys[0]}"${place}. Known options: ${known.join(', ')}.`;
  }
  const problem: unknown = issue.code === 'custom' ? issue.params?.['problem'] : undefined;
  if (typeof problem === 'string') return problem;
  // The nearest part of the options that describes its expected value.
  for (let length = path.length; length > 0; length--) {
    const part = path.slice(0, length);
    const expected = descriptionOf(schemaAt(schema, part));
    if (expected !== undefined)
      return `expected ${nameOf(part)} to be ${expected}, got ${showValue(valueAt(given, part))}.`;
  }
  return `${nameOf(path)}: ${issue.message}.`;
}

function schemaAt(schema: Schema, path: Path): Schema | undefined {
  return path.reduce<Schema | undefined>((outer, key) => {
    const inner = outer && withoutWrappers(outer);
    if (inner instanceof z.ZodArray) return inner.element;
    if (inner instanceof z.ZodRecord) return inner.valueType;
    return inner && shapeOf(inner)?.[String(key)];
  }, schema);
}

function shapeOf(schema: Schema | undefined): Readonly<Record<string, Schema>> | undefined {
  const inner = schema && withoutWrappers(schema);
  return inner instanceof z.ZodObject ? inner.shape : undefined;
}

function descriptionOf(schema: Schema | undefined): string | undefined {
  if (!schema) return undefined;
  const inner = wrapped(schema);
  return z.globalRegistry.get(schema)?.description ?? descriptionOf(inner);
}

function withoutWrappers(schema: Schema): Schema {
  const inner = wrapped(schema);
  return inner ? withoutWrappers(inner) : schema;
}

function wrapped(schema: Schema): Schema | undefined {
  const isWrapper =
    schema instanceof z.ZodOptional || schema instanceof z.ZodDefault || schema instanceof z.ZodReadonly;
  return isWrapper ? schema.def.innerType : undefined;
}

function valueAt(given: unknown, path: Path): unknown {
  return path.reduce((value, key) => (value as Readonly<Record<PropertyKey, unknown>>)[key], given);
}

/** Such as `http.maxFiles` or `agents[0]`. */
function nameOf(path: Path): string {
  return path
    .map((key, at) => (typeof key === 'number' ? `[${key}]` : `${at > 0 ? '.' : ''}${String(key)}`))
    .join('');
}
