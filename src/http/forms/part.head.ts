/** The contents of the headers of a part of a multipart body. */
export interface PartHead {
  readonly name: string;
  /** Undefined for a field. */
  readonly fileName: string | undefined;
  readonly mediaType: string;
  readonly charset: string | undefined;
}

/** Headers by their names in lower case; each character stands for a byte. */
export type PartHeaders = Readonly<Record<string, readonly string[] | undefined>>;

const PARAMETER = /;\s*([^\s;=]+)\s*=\s*(?:"((?:\\"|[^"])*)"|([^\s;]*))/g;

/** @returns undefined if the headers name no form field */
export function readPartHead(headers: PartHeaders): PartHead | undefined {
  const disposition = readHeader(headers['content-disposition']?.[0]);
  const type = readHeader(headers['content-type']?.[0]);
  const name = disposition.parameters.get('name');
  if (disposition.value !== 'form-data' || name === undefined) return undefined;
  return {
    name: toText(name),
    fileName: fileNameOf(disposition.parameters),
    mediaType: type.value === '' ? 'text/plain' : type.value,
    charset: type.parameters.get('charset'),
  };
}

/** Whether a part is a file: browsers send file names, and programs may send bytes without a name. */
export function isFilePart({ fileName, mediaType }: PartHead): boolean {
  return fileName !== undefined || mediaType === 'application/octet-stream';
}

/** The boundary of a multipart body, from its content type. */
export function boundaryOf(contentType: string | undefined): string | undefined {
  return readHeader(contentType).parameters.get('boundary');
}

interface Header {
  readonly value: string;
  readonly parameters: ReadonlyMap<string, string>;
}

/** A backslash escapes only a quote: browsers send paths with backslashes. */
function readHeader(header = ''): Header {
  const value = header.split(';', 1)[0]?.trim().toLowerCase() ?? '';
  const parameters = Array.from(
    header.matchAll(PARAMETER),
    ([, name = '', quoted, plain = '']): [string, string] => [
      name.toLowerCase(),
      quoted?.replaceAll('\\"', '"') ?? plain,
    ],
  );
  return { value, parameters: new Map(parameters) };
}

/** The name with a declared encoding takes precedence, if it can be decoded. */
function fileNameOf(parameters: Header['parameters']): string | undefined {
  const [, encoded] = /^utf-8'[^']*'(.*)$/i.exec(parameters.get('filename*') ?? '') ?? [];
  const plain = parameters.get('filename');
  return (encoded && decodePercents(encoded)) ?? (plain === undefined ? undefined : toText(plain));
}

function decodePercents(text: string): string | undefined {
  try {
    return decodeURIComponent(text);
  } catch {
    // Invalid UTF-8: the plain name is used.
    return undefined;
  }
}

/** Browsers write names as UTF-8. */
function toText(bytes: string): string {
  return Buffer.from(bytes, 'latin1').toString();
}
