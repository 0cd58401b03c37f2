import type { IncomingMessage } from 'node:http';

import { NO_FILES, type FileLimits } from './file.limits.js';
import { isRecord, type Form, type FormRequest } from './form.js';
import { HostParts } from './host.parts.js';
import { MultipartReader } from './multipart.reader.js';

export type { Form, FormRequest } from './form.js';

/**
 * Reads a JSON, urlencoded or multipart body. The host's adapter has parsed the first two, and perhaps the last.
 *
 * @param limits - of uploaded files; by default there may be none
 * @throws BadRequestException if the body is malformed, or brings a file that is empty or of no use
 * @throws PayloadTooLargeException if a field or a file is too large or there are too many
 */
export async function readForm(request: FormRequest, limits: FileLimits = NO_FILES): Promise<Form> {
  const isMultipart = /^multipart\/form-data/i.test(request.headers['content-type'] ?? '');
  if (isMultipart && isRecord(request.body)) return new HostParts(request, limits).read();
  if (isMultipart) {
    const raw = request.raw ?? (request as unknown as IncomingMessage);
    return new MultipartReader(raw, limits).read();
  }
  return { fields: new Map(isRecord(request.body) ? Object.entries(request.body) : []), files: [] };
}
