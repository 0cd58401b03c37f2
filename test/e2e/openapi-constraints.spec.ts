import { afterEach, describe, expect, it } from '@jest/globals';
import { DocumentBuilder, type OpenAPIObject } from '@nestjs/swagger';
import { createAgentOsDocument } from 'nestjs-agentos/openapi';

import { readBody } from '../support/json-client.js';
import { OpenApiValidator } from '../support/openapi-validator.js';
import { JSON_TYPE, startSessionApp } from '../support/session-app.js';
import { closeApps } from '../support/test-app.js';

afterEach(closeApps);

interface Constraints {
  readonly format?: string;
  readonly type?: string;
  readonly description?: string;
  readonly enum?: readonly string[];
  readonly minLength?: number;
  readonly maxLength?: number;
  readonly minimum?: number;
  readonly maximum?: number;
}

/** A place where a client may write something. */
interface Field {
  readonly method: string;
  readonly path: string;
  readonly place: 'query' | 'body';
  readonly name: string;
  readonly schema: Constraints;
}

interface Described {
  readonly parameters?: readonly { name: string; in: string; schema: Constraints }[];
  readonly requestBody?: { content: Record<string, { schema: { $ref: string } } | undefined> };
}

const SERVED: Readonly<Record<string, string>> = { agents: 'helper', teams: 'desk', workflows: 'flow' };

/** Every field of every query and of every JSON body, with something in the place of what is in its path. */
function fieldsOf(document: OpenAPIObject): Field[] {
  return new OpenApiValidator(document).operations().flatMap(({ method, path: template }) => {
    const item = document.paths[template] as Record<string, Described> | undefined;
    const { parameters = [], requestBody } = item?.[method.toLowerCase()] ?? {};
    const path = template
      .replace('{id}', SERVED[template.split('/')[1] ?? ''] ?? 'x')
      .replace(/\{\w+\}/g, 'x');
    const query = parameters.filter((parameter) => parameter.in === 'query');
    // Bodies that are described as forms are taken as JSON too.
    const { 'application/json': json, 'multipart/form-data': form } = requestBody?.content ?? {};
    const reference = (json ?? form)?.schema.$ref.split('/').at(-1) ?? '';
    const { properties = {} } = (document.components?.schemas?.[reference] ?? {}) as {
      properties?: Record<string, Constraints>;
    };
    return [
      ...query.map(({ name, schema }) => ({ method, path, place: 'query' as const, name, schema })),
      ...Object.entries(properties).map(([name, schema]) => ({
        ...{ method, path, place: 'body' as const, name, schema },
      })),
    ];
  });
}

/** Values at the edges of what is described, and whether they are within. */
function valuesOf({ name, place, schema }: Field): (readonly [value: unknown, isTaken: boolean])[] {
  const { type, minLength, maxLength, minimum, maximum } = schema;
  if (type === 'integer') {
    return [
      [minimum ?? Number.MIN_SAFE_INTEGER, true],
      ...(minimum === undefined ? [] : [[minimum - 1, false] as const]),
      [maximum ?? Number.MAX_SAFE_INTEGER, true],
      ...(maximum === undefined ? [] : [[maximum + 1, false] as const]),
    ];
  }
  if (schema.format === 'date')
    return [
      ['2026-11-28', true],
      ['2026-13-01', false],
    ];
  if (schema.format === 'date-time')
    return [
      ['2026-11-28T23:35:54.000Z', true],
      ['x', false],
    ];
  // A text that holds JSON is refused for what it holds.
  if (type !== 'string' || schema.enum || /\bJSON\b.* as text/.test(schema.description ?? '')) return [];
  // What continues a run answers a missing session in words of its own.
  // A message may be empty if files come with it, which a schema of one field cannot say.
  const isEmptyOpen = place === 'body' && (name === 'session_id' || name === 'message');
  return [
    ['x'.repeat(255), true],
    ['x'.repeat(256), maxLength === undefined],
    ...(isEmptyOpen ? [] : ([['', minLength === undefined]] as const)),
  ];
}

describe('The constraints of the document for ids, names and numbers', () => {
  it('are the checks of the server', async () => {
    const { app, url } = await startSessionApp('express');
    const document = createAgentOsDocument(app, new DocumentBuilder().build());
    const isRefused = async ({ method, path, place, name }: Field, value: unknown): Promise<boolean> => {
      const query = place === 'query' ? `?${new URLSearchParams({ [name]: String(value) }).toString()}` : '';
      // What must be in a body is there where it is the query that is looked at.
      const body = place === 'query' ? { session_name: 'x', name: 'x' } : { [name]: value };
      const init = method === 'GET' ? {} : { headers: JSON_TYPE, body: JSON.stringify(body) };
      const response = await fetch(`${url}${path}${query}`, { method, ...init });
      const text = await readBody(response);
      if (response.status !== 422) return false;
      const { detail } = JSON.parse(text) as { detail: { loc: unknown[] }[] };
      return detail.some(({ loc }) => loc[0] === place && loc[1] === name);
    };

    const wrong: string[] = [];
    let asked = 0;
    for (const field of fieldsOf(document)) {
      for (const [value, isTaken] of valuesOf(field)) {
        asked += 1;
        if ((await isRefused(field, value)) === isTaken)
          wrong.push(
            `${field.method} ${field.path} ${field.name}=${String(value)} ${isTaken ? 'is' : 'is not'} refused`,
          );
      }
    }
    expect(wrong).toEqual([]);
    expect(asked).toBeGreaterThan(200);
  });
});
