import type { IncomingMessage } from 'node:http';
import { Readable } from 'node:stream';

import { FieldLimits } from './field.limits.js';
import { NO_FILES, type FileLimits } from './file.limits.js';
import type { Form, FormRequest } from './form.js';
import { HostParts } from './host.parts.js';
import { MultipartReader, type ReadingLimits } from './multipart.reader.js';
import { contentTypeOf, fieldsOfBody, parsedFieldsOf, rawBytesOf } from './request.body.js';

export type { Form, FormRequest } from './form.js';

/** The limits of the files, the memory and the reading time of a request. */
export type FormLimits = FileLimits & ReadingLimits;

/** Forms by request: a body can be read only once, but interceptors of the host may call a handler again. */
const forms = new WeakMap<FormRequest, Promise<Form> | Form>();

/**
 * Reads a JSON, urlencoded or multipart body. The host may have parsed it, or kept its bytes. Returns the same form
 * for the same request.
 *
 * @param limits - of uploaded files; by default none are allowed
 * @throws BadRequestException if the body is malformed, or a file is empty or of an unsupported type
 * @throws UnprocessableEntityException if it is JSON but not an object
 * @throws PayloadTooLargeException if a field or a file is too large or there are too many
 * @throws ServiceUnavailableException if there is not enough memory for it
 * @throws RequestTimeoutException if the client stops sending for too long
 */
export function readForm(request: FormRequest, limits: FormLimits = NO_FILES): Promise<Form> | Form {
  const form = forms.get(request) ?? readBody(request, limits);
  forms.set(request, form);
  return form;
}

function readBody(request: FormRequest, limits: FormLimits): Promise<Form> | Form {
  const raw = request.raw ?? (request as unknown as IncomingMessage);
  const isMultipart = /^multipart\/form-data/i.test(contentTypeOf(request));
  if (!isMultipart) return checked({ fields: fieldsOfBody(request) ?? new Map(), files: [] }, limits);
  const bytes = rawBytesOf(request);
  // Some parsers set an empty object for bodies that they have not read.
  const parsed = parsedFieldsOf(request);
  const isParsed = parsed !== undefined && (Object.keys(parsed).length > 0 || raw.readableDidRead);
  if (!bytes && isParsed) return readHostParts(request, limits);
  const body = bytes ? Readable.from([bytes]) : raw;
  return new MultipartReader(body, request.headers, limits).read();
}

async function readHostParts(request: FormRequest, limits: FormLimits): Promise<Form> {
  return checked(await new HostParts(request, limits).read(), limits);
}

function checked(form: Form, limits: FormLimits): Form {
  new FieldLimits(limits).check(form.fields);
  return form;
}
