import type { IncomingMessage } from 'node:http';

import type { RunFile } from '../../model/run-input.js';
import type { Fields } from './field.reader.js';
import type { BodyRequest } from './request.body.js';

/** What a request brings. */
export interface Form {
  /** Texts if they came as a form, any JSON values if they came as JSON. */
  readonly fields: Fields;
  /** Files that were uploaded, whatever their field is called. */
  readonly files: readonly RunFile[];
}

/** A request of Express or Fastify. */
export interface FormRequest extends BodyRequest {
  readonly headers: IncomingMessage['headers'];
  /** A file that a parser of the host has left here; a function if it is Fastify's way to ask for one. */
  readonly file?: unknown;
  /** Files that a parser of the host has left here, listed or by field. */
  readonly files?: unknown;
  /** Node's own request, under Fastify. */
  readonly raw?: IncomingMessage;
}
