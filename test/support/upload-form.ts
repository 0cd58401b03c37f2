/** A file, as a browser uploads it. */
export interface UploadedFile {
  readonly name: string;
  readonly type?: string;
  readonly content?: string | Uint8Array<ArrayBuffer>;
  /** The name of the field. */
  readonly field?: string;
}

/** The multipart form of a run that is answered with JSON, with files. */
export function uploadOf(
  files: readonly UploadedFile[],
  fields: Readonly<Record<string, string>> = {},
): FormData {
  const form = new FormData();
  const texts = Object.entries({ message: 'hi', stream: 'false', ...fields });
  for (const [name, value] of texts) form.set(name, value);
  for (const { name, type = '', content = name, field = 'files' } of files)
    form.append(field, new Blob([content], { type }), name);
  return form;
}
