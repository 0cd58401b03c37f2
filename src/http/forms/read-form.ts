import type { IncomingMessage } from 'node:http';
import { Readable } from 'node:stream';

import { FieldLimits } from './field.limits.js';
import { NO_FILES, type FileLimits } from './file.limits.js';
import type { Form, FormRequest } from './form.js';
import { HostParts } from './host.parts.js';
import { MultipartReader, type ReadingLimits } from './multipart.reader.js';
import { contentTypeOf, fieldsOfBody, parsedFieldsOf, rawBytesOf } from './request.body.js';

export type { Form, FormRequest } from './form.js';

/** What a request may bring, how much of it may be held, and how long it may take. */
export type FormLimits = FileLimits & ReadingLimits;

/** Forms by their requests: a body can be read once, and interceptors of the host may call a handler again. */
const forms = new WeakMap<FormRequest, Promise<Form>>();

/**
 * Reads a JSON, urlencoded or multipart body. The host may have parsed it, or read it as it came. Gives the same form
 * for the same request.
 *
 * @param limits - of uploaded files; by default there may be none
 * @throws BadRequestException if the body is malformed, or brings a file that is empty or of no use
 * @throws UnprocessableEntityException if it is JSON and no object
 * @throws PayloadTooLargeException if a field or a file is too large or there are too many
 * @throws ServiceUnavailableException if there is no memory for it
 * @throws RequestTimeoutException if its client sends nothing of it for too long
 */
export function readForm(request: FormRequest, limits: FormLimits = NO_FILES): Promise<Form> {
  const form = forms.get(request) ?? readBody(request, limits);
  forms.set(request, form);
  return form;
}

async function readBody(request: FormRequest, limits: FormLimits): Promise<Form> {
  const raw = request.raw ?? (request as unknown as IncomingMessage);
  const isMultipart = /^multipart\/form-data/i.test(contentTypeOf(request));
  const bytes = rawBytesOf(request);
  // Some parsers leave an empty object behind of bodies that they have not touched.
  const parsed = parsedFieldsOf(request);
  const isParsed = parsed !== undefined && (Object.keys(parsed).length > 0 || raw.readableDidRead);
  if (isMultipart && (bytes || !isParsed)) {
    const body = bytes ? Readable.from([bytes]) : raw;
    return new MultipartReader(body, request.headers, limits).read();
  }
  const form = isMultipart
    ? await new HostParts(request, limits).read()
    : { fields: fieldsOfBody(request) ?? new Map<string, unknown>(), files: [] };
  new FieldLimits(limits).check(form.fields);
  return form;
}
