import type { OpenAPIObject } from '@nestjs/swagger';

/** Schemas of a document by name. */
export type SchemaMap = NonNullable<NonNullable<OpenAPIObject['components']>['schemas']>;
