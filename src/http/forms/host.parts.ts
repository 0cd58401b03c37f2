import { BadRequestException, PayloadTooLargeException } from '@nestjs/common';

import { labelOf, type FileLimits } from './file.limits.js';
import { safeFileName } from './file.name.js';
import type { Form, FormRequest } from './form.js';
import { hasFields } from '../../protocol/json.values.js';
import { isNoFile, UploadedFiles, type Upload } from './uploaded.file.js';

/**
 * Reads the result of the host's multipart parser. Texts are in the body, as they are or in objects that describe
 * them; files are in the body too, or in fields of the request. Supported are multer, `@fastify/multipart` and
 * express-fileupload, if they keep files in memory.
 */
export class HostParts {
  readonly #request: FormRequest;
  readonly #uploads: UploadedFiles;
  readonly #fields = new Map<string, unknown>();

  constructor(request: FormRequest, limits: FileLimits) {
    this.#request = request;
    this.#uploads = new UploadedFiles(limits);
  }

  /**
   * @throws BadRequestException if a file is empty, of an unsupported type, or not kept in memory
   * @throws PayloadTooLargeException if a file is too large or there are too many
   */
  async read(): Promise<Form> {
    const files = filesBeside(this.#request);
    for (const [name, part] of Object.entries(this.#request.body as object)) {
      const parts: readonly unknown[] = Array.isArray(part) ? part : [part];
      files.push(...parts.filter(isFile));
      const values = parts.filter((item) => !isFile(item)).map(valueOf);
      if (values.length > 0) this.#fields.set(name, Array.isArray(part) ? values : values[0]);
    }
    for (const file of files) await this.#take(file);
    return { fields: this.#fields, files: this.#uploads.all };
  }

  async #take(file: unknown): Promise<void> {
    const upload = describe(file);
    const label = labelOf(upload.name && safeFileName(upload.name));
    const content = await contentOf(file, label);
    if (content && isNoFile(upload, content.length)) return;
    this.#uploads.announce(upload, content !== undefined);
    if (!content)
      throw new BadRequestException(`${label} cannot be read: the server has not kept it in memory.`);
    if (isCut(file)) throw new PayloadTooLargeException(`${label} is larger than the server takes.`);
    this.#uploads.add(upload, content);
  }
}

function filesBeside({ file, files }: FormRequest): unknown[] {
  const listed = Array.isArray(files) ? files : hasFields(files) ? Object.values(files).flat() : [];
  return [...(hasFields(file) ? [file] : []), ...(listed as readonly unknown[])];
}

function isFile(part: unknown): boolean {
  return Buffer.isBuffer(part) || (hasFields(part) && (part['type'] === 'file' || 'originalname' in part));
}

function valueOf(part: unknown): unknown {
  return hasFields(part) ? part['value'] : part;
}

function describe(file: unknown): Upload {
  if (!hasFields(file)) return {};
  const { originalname, filename, name, mimetype } = file;
  return { name: textOf(originalname ?? filename ?? name), mediaType: textOf(mimetype) };
}

function textOf(value: unknown): string | undefined {
  return typeof value === 'string' ? value : undefined;
}

/** @returns undefined if the parser has written the file elsewhere, or discarded it */
async function contentOf(file: unknown, label: string): Promise<Buffer | undefined> {
  if (!hasFields(file)) return file as Buffer;
  const { buffer, data, size } = file;
  const kept = [buffer, data].find((value) => Buffer.isBuffer(value));
  if (kept) return kept.length === 0 && Number(size) > 0 ? undefined : kept;
  if (typeof file['toBuffer'] !== 'function') return undefined;
  try {
    return await (file as { toBuffer(): Promise<Buffer> }).toBuffer();
  } catch (cause) {
    throw new BadRequestException(`${label} cannot be read.`, { cause });
  }
}

/** Whether the parser has cut the file at a limit of its own. */
function isCut(file: unknown): boolean {
  const isTruncated = (value: unknown): boolean => hasFields(value) && value['truncated'] === true;
  return isTruncated(file) || (hasFields(file) && isTruncated(file['file']));
}
