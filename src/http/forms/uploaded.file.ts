import { BadRequestException } from '@nestjs/common';

import type { RunFile } from '../../model/run-input.js';
import { checkFileCount, checkFileSize, labelOf, type FileLimits } from './file.limits.js';
import { safeFileName } from './file.name.js';
import { withCharset } from '../../model/file.text.js';
import { fileTypeOf, isTypeUnknown, type FileType } from '../../model/file.type.js';
import { newId } from '../../model/ids.js';

/** What the sender says of a file. */
export interface Upload {
  readonly name?: string | undefined;
  readonly mediaType?: string | undefined;
}

/** Collects the files of a form, as far as they are within limits and something that a model may read. */
export class UploadedFiles {
  readonly #files: RunFile[] = [];
  readonly #limits: FileLimits;
  #announced = 0;

  constructor(limits: FileLimits) {
    this.#limits = limits;
  }

  get all(): readonly RunFile[] {
    return this.#files;
  }

  /** Forgets them: the form that they belong to is refused. */
  clear(): void {
    this.#files.length = 0;
  }

  /**
   * To be called before a file is read: what will be refused needs no memory.
   *
   * @param isReadable - whether its bytes will be there, which may show what the sender does not know
   * @throws PayloadTooLargeException if there are too many files
   * @throws BadRequestException if it is of a type that nobody could read
   */
  announce(upload: Upload, isReadable = true): void {
    checkFileCount(++this.#announced, this.#limits);
    if (!isReadable || !isTypeUnknown(upload.mediaType)) typeOf(upload);
  }

  /**
   * To be called while a file is read, with the bytes so far.
   *
   * @throws PayloadTooLargeException if there are too many
   */
  checkSize(size: number, { name }: Upload): void {
    checkFileSize(size, name && safeFileName(name), this.#limits);
  }

  /**
   * Takes a file that was announced.
   *
   * @throws BadRequestException if it is empty, or of a type that nobody could read
   * @throws PayloadTooLargeException if it is too large
   */
  add(upload: Upload, content: Buffer): void {
    const safeName = upload.name === undefined ? undefined : safeFileName(upload.name);
    this.checkSize(content.length, upload);
    if (content.length === 0) throw new BadRequestException(`${labelOf(safeName)} is empty.`);
    this.#files.push({
      id: newId(),
      ...typeOf(upload, content),
      ...(safeName === undefined ? {} : { name: safeName }),
      content: content.toString('base64'),
    });
  }
}

function typeOf({ name, mediaType }: Upload, content?: Buffer): FileType {
  const type = fileTypeOf(mediaType, name, content);
  if (!type) throw new BadRequestException('Unsupported file type');
  return withCharset(type, mediaType);
}

/** Browsers send a nameless file without content for an input in which nobody has chosen one. */
export function isNoFile({ name }: Upload, size: number): boolean {
  return (name === undefined || name === '') && size === 0;
}
