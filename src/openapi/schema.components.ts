import type { OpenAPIObject } from '@nestjs/swagger';

import { documentSchemas } from '../protocol/openapi.js';

/** Schemas of a document by name. */
type Schemas = NonNullable<NonNullable<OpenAPIObject['components']>['schemas']>;

/** Our schemas among the components of a document. The host's own take precedence, wherever they come from. */
export class SchemaComponents {
  readonly #ours: Schemas;

  /** The parameters are those of `documentSchemas()`. */
  constructor(...parameters: Parameters<typeof documentSchemas>) {
    this.#ours = documentSchemas(...parameters) as Schemas;
  }

  /** Adds our schemas to the base of a document. */
  addTo(config: Omit<OpenAPIObject, 'paths'>): Omit<OpenAPIObject, 'paths'> {
    const { components } = config;
    return { ...config, components: { ...components, schemas: { ...this.#ours, ...components?.schemas } } };
  }

  /** Removes those of our schemas that the document does not refer to: without routes there are none. */
  removeUnused({ paths, components }: OpenAPIObject): void {
    const schemas = components?.schemas ?? {};
    const isOurs = (name: string): boolean => schemas[name] === this.#ours[name];
    const others = Object.entries(schemas).filter(([name]) => !isOurs(name));
    const used = new Set(namesIn([paths, others, { ...components, schemas: undefined }]));
    // A set's iteration includes the items that are added on the way.
    for (const name of used) for (const inner of namesIn(schemas[name])) used.add(inner);
    for (const name of Object.keys(schemas)) if (isOurs(name) && !used.has(name)) delete schemas[name];
  }
}

/** The names of the schemas that a part of a document refers to. */
function namesIn(value: unknown): string[] {
  const json = JSON.stringify(value) as string | undefined;
  const matches = (json ?? '').matchAll(/"#\/components\/schemas\/([^"/]+)"/g);
  return [...matches].map(([, name = '']) => name);
}
