import type { RunFile, RunFileKind } from '../../model/run-input.js';
import type { FieldReader } from './field.reader.js';
import { checkFileCount, checkFileSize, type FileLimits } from './file.limits.js';
import { safeFileName } from './file.name.js';
import { headOf } from '../../model/file.signature.js';
import { withCharset } from '../../model/file.text.js';
import { fileTypeOf, isTextType } from '../../model/file.type.js';
import { newId } from '../../model/ids.js';
import { sizeOfBase64, textToBase64 } from './media.content.js';
import { shortText } from './request.fields.js';

/** The options for files that clients describe in place of uploading them. */
export interface MediaOptions extends FileLimits {
  readonly acceptClientContext?: boolean;
}

/** The fields that describe files, with the kind of their files; `file` allows any kind. */
const MEDIA_FIELDS = {
  images: 'image',
  audio: 'audio',
  videos: 'video',
  input_files: 'file',
} as const satisfies Record<string, RunFileKind>;

/** Whether a field describes files. */
export function isMediaField(name: string): boolean {
  return Object.hasOwn(MEDIA_FIELDS, name);
}

const MAX_URL_LENGTH = 2_048;

/** Objects, arrays, texts and commas in the description of a file: several times those of all protocol fields. */
const MAX_PARTS = 100;

/**
 * Reads the files that a client has described in place of uploading them.
 *
 * @param uploads - the number of files that the client has uploaded
 * @throws PayloadTooLargeException if a file is too large, or if there are too many, uploads included
 */
export function readMedia(reader: FieldReader, uploads: number, options: MediaOptions): RunFile[] {
  const maxParts = MAX_PARTS * (options.maxFiles + 1);
  const described = Object.entries(MEDIA_FIELDS).flatMap(([field, kind]) =>
    reader.records(field, maxParts).map((item, index) => ({ field, kind, item, index })),
  );
  // Before any file is read: each could have errors, and all of them would be reported.
  checkFileCount(uploads + described.length, options);
  return described.flatMap(
    ({ field, kind, item, index }) => readItem(reader.within(field, index, item), kind, options) ?? [],
  );
}

function readItem(reader: FieldReader, kind: RunFileKind, options: MediaOptions): RunFile | undefined {
  if (isOnServer(reader)) return undefined;
  const id = shortText(reader, 'id') ?? newId();
  const given = reader.text('filename') ?? reader.text('name');
  const url = readUrl(reader, options);
  const said = readSayings(reader, given ?? pathOf(url));
  const name = given === undefined ? undefined : safeFileName(given);
  const content = readContent(reader, said, name, options);
  const type = checkType(reader, kind, said, content);
  if (!type) return undefined;
  refuseWrongSource(reader, content !== undefined, url !== undefined);
  return {
    id,
    ...type,
    ...(name === undefined ? {} : { name }),
    ...(content === undefined ? {} : { content }),
    ...(url === undefined ? {} : { url }),
  };
}

/** The name and the type of a file, as the client declares them. */
interface Sayings {
  readonly mediaType: string | undefined;
  readonly name: string | undefined;
}

function readSayings(reader: FieldReader, name: string | undefined): Sayings {
  const mediaType = shortText(reader, 'mime_type');
  const format = shortText(reader, 'format');
  return { mediaType, name: format === undefined ? name : `.${format}` };
}

type MediaType = Pick<RunFile, 'kind' | 'mediaType'>;

/** @returns no media type for an image whose type is unknown */
function checkType(
  reader: FieldReader,
  kind: RunFileKind,
  { mediaType, name }: Sayings,
  content: string | undefined,
): MediaType | undefined {
  const type = fileTypeOf(mediaType, name, content === undefined ? undefined : headOf(content));
  // Plain text was encoded here, as UTF-8.
  const isEncodedHere = content !== reader.text('content');
  if (type && (kind === 'file' || kind === type.kind))
    return isEncodedHere ? type : withCharset(type, mediaType);
  // Models detect the type of an image themselves.
  if (!type && kind === 'image' && mediaType === undefined) return { kind };
  const expected = kind === 'file' ? 'a supported file type' : `a type of ${kind}`;
  const msg = `Input should say ${expected}, by mime_type, format or filename`;
  reader.refuse('mime_type', 'value_error', msg, mediaType ?? null);
  return undefined;
}

function readContent(
  reader: FieldReader,
  said: Sayings,
  name: string | undefined,
  limits: FileLimits,
): string | undefined {
  const given = reader.text('content');
  if (given === undefined) return undefined;
  const type = fileTypeOf(said.mediaType, said.name)?.mediaType;
  // The protocol's clients send texts without base64.
  const content = type !== undefined && isTextType(type) ? textToBase64(given) : given;
  const size = sizeOfBase64(content);
  if (size === undefined)
    reader.refuse('content', 'value_error', 'Input should be base64', `${given.slice(0, 20)}…`);
  else checkFileSize(size, name, limits);
  return content;
}

function readUrl(reader: FieldReader, { acceptClientContext = false }: MediaOptions): string | undefined {
  const given = reader.text('url');
  if (given === undefined) return undefined;
  if (!acceptClientContext) {
    const msg = 'URLs are only accepted with the option http.acceptClientContext: send the content';
    reader.refuse('url', 'value_error', msg, given);
  } else if (!isReadable(given) || !isHttp(new URL(given))) {
    const msg = `Input should be an http or https URL of up to ${MAX_URL_LENGTH} characters`;
    reader.refuse('url', 'url_parsing', msg, given);
  }
  return given;
}

/** The path without the query, so that its extension can tell the file type. */
function pathOf(url: string | undefined): string | undefined {
  return isReadable(url) ? new URL(url).pathname : undefined;
}

function isReadable(url: string | undefined): url is string {
  return url !== undefined && url.length <= MAX_URL_LENGTH && URL.canParse(url);
}

function isHttp({ protocol }: URL): boolean {
  return protocol === 'http:' || protocol === 'https:';
}

function isOnServer(reader: FieldReader): boolean {
  const path = reader.text('filepath');
  if (path === undefined) return false;
  reader.refuse('filepath', 'value_error', "The server's own files are not read: send the content", path);
  return true;
}

function refuseWrongSource(reader: FieldReader, hasContent: boolean, hasUrl: boolean): void {
  if (hasContent && hasUrl) {
    reader.refuse('url', 'value_error', 'Input should have content or a url, not both', null);
  } else if (!hasContent && !hasUrl) {
    reader.refuse('content', 'missing', 'Field required', null);
  }
}
