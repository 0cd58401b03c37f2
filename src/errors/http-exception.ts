import type { HttpException } from '@nestjs/common';

/** What an exception says to a client, as one text: Nest's validation says it as a list. */
export function textOf(exception: HttpException): string {
  const said = saidBy(exception);
  const texts = Array.isArray(said) ? said : [said];
  return texts.every((text) => typeof text === 'string') ? texts.join(', ') : exception.message;
}

/** What the body of an exception has beside its text; undefined if there is nothing. */
export function fieldsBesideText(exception: HttpException): Readonly<Record<string, unknown>> | undefined {
  const body = exception.getResponse();
  if (typeof body === 'string') return undefined;
  const { detail: _detail, message: _message, statusCode: _status, error: _error, ...fields } = body as Body;
  return Object.keys(fields).length > 0 ? fields : undefined;
}

type Body = Readonly<Record<string, unknown>>;

/** What the body of an exception says, in whatever form. */
export function saidBy(exception: HttpException): unknown {
  const body = exception.getResponse();
  if (typeof body === 'string') return body;
  const { detail, message } = body as Body;
  return detail ?? message;
}
