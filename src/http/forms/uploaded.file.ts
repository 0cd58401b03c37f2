import { BadRequestException } from '@nestjs/common';

import type { RunFile } from '../../model/run-input.js';
import { checkFileCount, checkFileSize, labelOf, type FileLimits } from './file.limits.js';
import { safeFileName } from './file.name.js';
import { withCharset } from '../../model/file.text.js';
import { fileTypeOf, isTypeUnknown, type FileType } from '../../model/file.type.js';
import { newId } from '../../model/ids.js';

/** The name and the media type of a file, as its sender declares them. */
export interface Upload {
  readonly name?: string | undefined;
  readonly mediaType?: string | undefined;
}

/** Collects the files of a form that are within the limits and of a type that models can read. */
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

  /** Drops the files: their form is refused. */
  clear(): void {
    this.#files.length = 0;
  }

  /**
   * To be called before a file is read: a refused file then takes no memory.
   *
   * @param isReadable - whether its bytes will be available; they may reveal a type that the sender does not know
   * @throws PayloadTooLargeException if there are too many files
   * @throws BadRequestException if no model could read its type
   */
  announce(upload: Upload, isReadable = true): void {
    checkFileCount(++this.#announced, this.#limits);
    if (!isReadable || !isTypeUnknown(upload.mediaType)) typeOf(upload);
  }

  /**
   * To be called while a file is read, with the number of bytes so far.
   *
   * @throws PayloadTooLargeException if there are too many bytes
   */
  checkSize(size: number, { name }: Upload): void {
    checkFileSize(size, name && safeFileName(name), this.#limits);
  }

  /**
   * Adds a file that was announced.
   *
   * @throws BadRequestException if it is empty, or no model could read its type
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

/** Browsers send a nameless file without content for a file input that is left empty. */
export function isNoFile({ name }: Upload, size: number): boolean {
  return (name === undefined || name === '') && size === 0;
}
