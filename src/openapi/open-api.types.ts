import type { z } from 'zod';

/** The part of an OpenAPI 3.0 schema that is used here. */
export interface Schema {
  readonly $ref?: string;
  readonly type?: 'object' | 'array' | 'string' | 'integer' | 'number' | 'boolean';
  readonly description?: string;
  readonly format?: string;
  readonly enum?: readonly unknown[];
  readonly default?: unknown;
  readonly example?: unknown;
  readonly nullable?: boolean;
  readonly minimum?: number;
  readonly maximum?: number;
  readonly minLength?: number;
  readonly maxLength?: number;
  readonly minItems?: number;
  readonly maxItems?: number;
  readonly items?: Schema;
  readonly properties?: Readonly<Record<string, Schema>>;
  readonly required?: readonly string[];
  readonly additionalProperties?: Schema | boolean;
  readonly anyOf?: readonly Schema[];
  readonly oneOf?: readonly Schema[];
  readonly discriminator?: {
    readonly propertyName: string;
    readonly mapping: Readonly<Record<string, string>>;
  };
}

/** Schemas by name. */
export type Schemas = Readonly<Record<string, Schema>>;

/** Bodies by media type. */
export type Content = Readonly<Record<string, { readonly schema: Schema }>>;

/** An answer. */
export interface Answer {
  readonly description: string;
  readonly headers?: Readonly<Record<string, { readonly description: string; readonly schema: Schema }>>;
  readonly content?: Content;
}

/** The body of a request. */
export interface RequestBody {
  readonly description?: string;
  readonly required: boolean;
  readonly content: Content;
}

/** The description of a route; Nest knows its path, its operation id and its path parameters. */
export interface RouteDescription {
  readonly tag: string;
  readonly summary: string;
  readonly description?: string;
  /** Whether the route is open to all clients, even with a key or guards. */
  readonly isOpen?: boolean;
  readonly query?: z.ZodObject;
  readonly requestBody?: RequestBody;
  /** By status, or `default`. */
  readonly answers: Readonly<Record<string, Answer>>;
}

/** Descriptions by method and path, such as `GET agents/:id`. */
export type RouteDescriptions = Readonly<Record<string, RouteDescription>>;
