import type { HttpException } from '@nestjs/common';

import { toJsonValue } from '../data/to-json-value.js';

/** The message in the body of an exception, in any form. */
export function saidBy(exception: HttpException): unknown {
  const body = exception.getResponse();
  if (typeof body === 'string') return body;
  const { detail, message } = body as Body;
  return detail ?? message ?? exception.message;
}

/** The message as one text, for people: Nest's validation gives a list. */
export function textOf(exception: HttpException): string {
  return toText(saidBy(exception));
}

/** The fields in the body of an exception besides its message; undefined if there are none. */
export function fieldsBesideText(exception: HttpException): Readonly<Record<string, unknown>> | undefined {
  const body = exception.getResponse();
  if (typeof body === 'string') return undefined;
  const { detail: _detail, message: _message, statusCode: _status, error: _error, ...fields } = body as Body;
  return Object.keys(fields).length > 0 ? fields : undefined;
}

type Body = Readonly<Record<string, unknown>>;

function toText(said: unknown): string {
  if (typeof said === 'string') return said;
  return Array.isArray(said) ? said.map(toText).join(', ') : JSON.stringify(toJsonValue(said));
}
