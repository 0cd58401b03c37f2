import { constants } from 'node:buffer';

import { PayloadTooLargeException } from '@nestjs/common';

import type { FileLimits } from './file.limits.js';
import type { Fields } from '../../protocol/read.js';
import { sizeOfJson } from '../../protocol/json.values.js';
import { isMediaField } from './media.fields.js';

const MAX_FIELD_SIZE = 1024 * 1024;
/** The limit of all fields without files together. */
const MAX_TOTAL_SIZE = 4 * MAX_FIELD_SIZE;

/** The size limits of the fields of a form. Fields with files may together be as large as all allowed files. */
export class FieldLimits {
  readonly #maxMedia: number;
  #media = 0;
  #others = 0;

  constructor({ maxFileSize, maxFiles }: FileLimits) {
    // Base64 encodes three bytes as four characters; names, types and quotes surround them.
    const media = Math.ceil((maxFileSize * maxFiles * 4) / 3) + MAX_FIELD_SIZE;
    this.#maxMedia = Math.min(media, constants.MAX_STRING_LENGTH);
  }

  /**
   * Starts to count the bytes of a field that is about to be read.
   *
   * @returns to be called with the size of each piece, before the piece is kept. It throws a
   * PayloadTooLargeException if the field, or all fields together, exceed their limit.
   */
  open(name: string): (bytes: number) => void {
    const isMedia = isMediaField(name);
    let size = 0;
    return (bytes) => {
      size += bytes;
      if (isMedia) this.#media += bytes;
      else this.#others += bytes;
      const isTooLarge = isMedia
        ? this.#media > this.#maxMedia
        : size > MAX_FIELD_SIZE || this.#others > MAX_TOTAL_SIZE;
      if (isTooLarge) throw new PayloadTooLargeException(`The form field "${name}" is too large.`);
    };
  }

  /**
   * Counts fields that the host has already read.
   *
   * @throws PayloadTooLargeException if a field, or all fields together, exceed their limit
   */
  check(fields: Fields): void {
    for (const [name, value] of fields) {
      // Files are counted and measured one by one when they are taken from their fields.
      if (!isMediaField(name)) this.open(name)(sizeOfJson(value, MAX_FIELD_SIZE));
    }
  }
}
