import type { OpenAPIObject } from '@nestjs/swagger';

import { WireError } from '../protocol/errors.js';
import {
  answerOf,
  bodyOf,
  pathParametersOf,
  queryParametersOf,
  type Parameter,
} from '../protocol/openapi.js';
import type { Answer, Route } from '../protocol/routes.js';
import type { RouteAccess } from './route.access.js';

/** An operation of a document, as `@nestjs/swagger` created it. */
export type Operation = NonNullable<OpenAPIObject['paths'][string]['get']>;

/**
 * Adds the description of a route to its operation. The operation's id stays, and so do parameters and answers that
 * the host defines for all operations.
 */
export function describeOperation(
  { operationId, ...operation }: Operation,
  path: string,
  route: Route,
  access: RouteAccess,
): Operation {
  const { tag, summary, description, query, body, isOpen = false } = route;
  const security = isOpen ? [] : access.security;
  const described = {
    ...operation,
    tags: [tag],
    summary,
    ...(description === undefined ? {} : { description }),
    ...(operationId === undefined ? {} : { operationId }),
    ...(security === undefined ? {} : { security }),
    parameters: mergeParameters(operation.parameters ?? [], [
      ...pathParametersOf(path),
      ...(query ? queryParametersOf(query) : []),
    ]),
    ...(body === undefined ? {} : { requestBody: bodyOf(body) }),
    responses: { ...hostAnswers(operation), ...answersOf(route, access) },
  };
  // A copy: our constants are read-only and shared, and the host may change its document.
  return structuredClone(described) as unknown as Operation;
}

type Parameters = NonNullable<Operation['parameters']>;

function mergeParameters(given: Parameters, ours: readonly Parameter[]): readonly unknown[] {
  const isOurs = (parameter: Parameters[number]): boolean =>
    'name' in parameter &&
    ours.some(({ name, in: place }) => name === parameter.name && place === parameter.in);
  return [...ours, ...given.filter((parameter) => !isOurs(parameter))];
}

/** Nest adds an answer 200 or 201 without a description if it knows nothing else. */
function hostAnswers({ responses }: Operation): Record<string, unknown> {
  return Object.fromEntries(
    Object.entries(responses).filter(
      ([, answer]) => answer && ('$ref' in answer || answer.description !== '' || answer.content),
    ),
  );
}

/** Every answer of a route, those of guards and filters included. */
function answersOf(
  { answers, isOpen = false }: Route,
  { hasKey, hasGuards }: RouteAccess,
): Record<string, object> {
  const other = answers['default'] ?? { description: 'An unexpected error.', json: WireError };
  const refused = (description: string): Answer => ({ description, json: other.json });
  const all: Record<string, Answer> = {
    ...(!isOpen && (hasKey || hasGuards) ? { 401: refused('The request is not authenticated.') } : {}),
    ...(!isOpen && hasGuards ? { 403: refused('The client may not do this.') } : {}),
    ...answers,
    default: other,
  };
  return Object.fromEntries(Object.entries(all).map(([status, answer]) => [status, answerOf(answer)]));
}
