import type { IncomingMessage } from 'node:http';

import type { RunFile } from '../../model/run-input.js';
import type { Fields } from '../../protocol/read.js';
import type { BodyRequest } from './request.body.js';

/** The contents of a request. */
export interface Form {
  /** Texts if they came as a form, any JSON values if they came as JSON. */
  readonly fields: Fields;
  /** The uploaded files, whatever their field is called. */
  readonly files: readonly RunFile[];
}

/** A request of Express or Fastify. */
export interface FormRequest extends BodyRequest {
  readonly headers: IncomingMessage['headers'];
  /** A file from a parser of the host; on Fastify, a function that returns one. */
  readonly file?: unknown;
  /** Files from a parser of the host, as a list or by field. */
  readonly files?: unknown;
  /** Node's own request, under Fastify. */
  readonly raw?: IncomingMessage;
}
