import type { OpenAPIObject } from '@nestjs/swagger';

import type { FileLimits } from '../http/forms/file.limits.js';
import type { SchemaMap } from './schema.map.js';
import { documentSchemas } from '../protocol/openapi.js';
import { SCHEMA_PREFIX } from '../protocol/schema.js';

/**
 * A copy of our schemas, which a document may change.
 *
 * @param version - of OpenAPI: since 3.1, null is a type
 * @param limits - the file limits of a run
 */
export function ownSchemas(version: string, limits: FileLimits): SchemaMap {
  const schemas = documentSchemas(version) as SchemaMap;
  limitFiles(schemas, limits);
  return schemas;
}

/**
 * Writes the limits of number and size of files into the schemas of a document.
 *
 * @param schemas - a copy of our schemas, by their names in a document
 */
function limitFiles(schemas: SchemaMap, { maxFiles, maxFileSize }: FileLimits): void {
  const request = schemas[`${SCHEMA_PREFIX}RunRequest`];
  const files = request && 'properties' in request ? request.properties?.['files'] : undefined;
  if (!files || '$ref' in files) return;
  files.maxItems = maxFiles;
  files.description = `${files.description} At most ${maxFiles}, those of the other fields included, of at most ${maxFileSize} bytes each.`;
}

/** Removes those of our schemas that the document does not refer to: without routes there are none. */
export function removeUnused(document: OpenAPIObject, ours: SchemaMap): void {
  const schemas = document.components?.schemas ?? {};
  const isOurs = (name: string): boolean => schemas[name] === ours[name];
  const others = Object.entries(schemas).filter(([name]) => !isOurs(name));
  const used = new Set(namesIn([document.paths, others, { ...document.components, schemas: undefined }]));
  // A set's iteration includes the items that are added on the way.
  for (const name of used) for (const inner of namesIn(schemas[name])) used.add(inner);
  for (const name of Object.keys(schemas)) if (isOurs(name) && !used.has(name)) delete schemas[name];
}

/** The names of the schemas that a part of a document refers to. */
function namesIn(value: unknown): string[] {
  const json = JSON.stringify(value) as string | undefined;
  const matches = (json ?? '').matchAll(/"#\/components\/schemas\/([^"/]+)"/g);
  return [...matches].map(([, name = '']) => name);
}
