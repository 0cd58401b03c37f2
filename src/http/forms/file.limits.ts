import { PayloadTooLargeException } from '@nestjs/common';

/** What a request may bring. */
export interface FileLimits {
  /** Bytes of one file. */
  readonly maxFileSize: number;
  readonly maxFiles: number;
}

/** For requests that have no use for files. */
export const NO_FILES: FileLimits = { maxFileSize: 0, maxFiles: 0 };

/** @throws PayloadTooLargeException if there are more files than a request may bring */
export function checkFileCount(count: number, { maxFiles }: FileLimits): void {
  if (count <= maxFiles) return;
  throw new PayloadTooLargeException(
    maxFiles === 0 ? 'Files are not accepted here.' : `The request has more than ${maxFiles} files.`,
  );
}

/** @throws PayloadTooLargeException if a file is larger than it may be */
export function checkFileSize(size: number, name: string | undefined, { maxFileSize }: FileLimits): void {
  if (size <= maxFileSize) return;
  throw new PayloadTooLargeException(`${labelOf(name)} is larger than ${maxFileSize} bytes.`);
}

/** How messages call a file. */
export function labelOf(name: string | undefined): string {
  return name === undefined ? 'A file' : `The file "${name}"`;
}
