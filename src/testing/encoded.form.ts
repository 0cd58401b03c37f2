import { randomUUID } from 'node:crypto';

/** A file that is sent with a run. */
export interface TestFile {
  /** `report.csv`. */
  readonly name: string;
  /** `text/csv`. */
  readonly type: string;
  readonly content: string | Uint8Array;
}

/** A body with its content type. */
export interface EncodedBody {
  readonly type: string;
  readonly body: Uint8Array;
}

/** A form as browsers send it: multipart if there are files. */
export function encodeForm(
  fields: Readonly<Record<string, string>>,
  files: readonly TestFile[] = [],
): EncodedBody {
  if (files.length === 0) {
    const body = Buffer.from(new URLSearchParams(fields).toString());
    return { type: 'application/x-www-form-urlencoded', body };
  }
  const boundary = `----form-${randomUUID()}`;
  const part = (disposition: string, content: string | Uint8Array): Buffer =>
    Buffer.concat([
      Buffer.from(`--${boundary}\r\nContent-Disposition: form-data; ${disposition}\r\n\r\n`),
      Buffer.from(content as string),
      Buffer.from('\r\n'),
    ]);
  const parts = [
    ...Object.entries(fields).map(([name, value]) => part(`name="${name}"`, value)),
    ...files.map(({ name, type, content }) =>
      part(`name="files"; filename="${encodeName(name)}"\r\nContent-Type: ${type}`, content),
    ),
    Buffer.from(`--${boundary}--\r\n`),
  ];
  return { type: `multipart/form-data; boundary=${boundary}`, body: Buffer.concat(parts) };
}

/** Percent-encodes characters that would end the name, as browsers do. */
function encodeName(name: string): string {
  return name.replaceAll('"', '%22').replaceAll('\r', '%0D').replaceAll('\n', '%0A');
}
