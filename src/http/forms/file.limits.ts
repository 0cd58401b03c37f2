import { PayloadTooLargeException } from '@nestjs/common';

/** The limits of the files of a request. */
export interface FileLimits {
  /** Maximum bytes of one file. */
  readonly maxFileSize: number;
  readonly maxFiles: number;
}

/** For requests that accept no files. */
export const NO_FILES: FileLimits = { maxFileSize: 0, maxFiles: 0 };

/** @throws PayloadTooLargeException if there are more files than allowed */
export function checkFileCount(count: number, { maxFiles }: FileLimits): void {
  if (count <= maxFiles) return;
  throw new PayloadTooLargeException(
    maxFiles === 0 ? 'Files are not accepted here.' : `The request has more than ${maxFiles} files.`,
  );
}

/** @throws PayloadTooLargeException if a file is larger than allowed */
export function checkFileSize(size: number, name: string | undefined, { maxFileSize }: FileLimits): void {
  if (size <= maxFileSize) return;
  throw new PayloadTooLargeException(`${labelOf(name)} is larger than ${maxFileSize} bytes.`);
}

/** The name of a file in messages. */
export function labelOf(name: string | undefined): string {
  return name === undefined ? 'A file' : `The file "${name}"`;
}
