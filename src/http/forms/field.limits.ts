import { constants } from 'node:buffer';

import { PayloadTooLargeException } from '@nestjs/common';

import type { FileLimits } from './file.limits.js';
import { isMediaField } from './media.fields.js';

const MAX_FIELD_SIZE = 1024 * 1024;
/** Of all fields that hold no files together. */
const MAX_TOTAL_SIZE = 4 * MAX_FIELD_SIZE;

/** How large the texts of a form may be. Those that hold files may together be as large as all files that may come. */
export class FieldLimits {
  /** Bytes that a field may have before anybody has seen its name. */
  readonly largest: number;
  #media = 0;
  #others = 0;

  constructor({ maxFileSize, maxFiles }: FileLimits) {
    // Base64 makes four characters of three bytes; names, types and quotes stand around them.
    const media = Math.ceil((maxFileSize * maxFiles * 4) / 3) + MAX_FIELD_SIZE;
    this.largest = Math.min(media, constants.MAX_STRING_LENGTH);
  }

  /** @throws PayloadTooLargeException if a field is larger than it may be, or the fields with files are together */
  check(name: string, value: string): void {
    const size = Buffer.byteLength(value);
    const isMedia = isMediaField(name);
    if (isMedia) this.#media += size;
    else this.#others += size;
    const isTooLarge = isMedia
      ? this.#media > this.largest
      : size > MAX_FIELD_SIZE || this.#others > MAX_TOTAL_SIZE;
    if (isTooLarge) throw tooLarge(name);
  }
}

/** The refusal of a field. */
export function tooLarge(name: string): PayloadTooLargeException {
  return new PayloadTooLargeException(`The form field "${name}" is too large.`);
}
