import { withoutUndefined } from '../../data/without-undefined.js';
import { headOf } from '../../model/file.signature.js';
import { withCharset } from '../../model/file.text.js';
import { fileTypeOf, isTextType } from '../../model/file.type.js';
import { newId } from '../../model/ids.js';
import type { RunFile, RunFileKind } from '../../model/run-input.js';
import { isSimple } from '../../protocol/json.values.js';
import { MISSING, type Fields, type Place, type RequestProblems } from '../../protocol/read.js';
import { NOT_OBJECTS } from '../../protocol/request.fields.js';
import { mediaDescription, mediaLists, type MediaDescription } from '../../protocol/requests.js';
import { checkFileCount, checkFileSize, type FileLimits } from './file.limits.js';
import { safeFileName } from './file.name.js';
import { sizeOfBase64, textToBase64 } from './media.content.js';

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
} as const satisfies Record<keyof typeof mediaLists.shape, RunFileKind>;

const FIELDS = Object.keys(MEDIA_FIELDS) as (keyof typeof MEDIA_FIELDS)[];

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
 * @param problems - gets the errors of all fields and files
 * @throws PayloadTooLargeException if a file is too large, or if there are too many, uploads included
 */
export function readMedia(
  fields: Fields,
  uploads: number,
  options: MediaOptions,
  problems: RequestProblems,
): RunFile[] {
  const given = simpleLists(fields, options, problems);
  const lists = given.size === 0 ? undefined : problems.read(mediaLists, given, ['body']);
  if (!lists) return [];
  const described = FIELDS.flatMap((field) =>
    (lists[field] ?? []).map((item, index) => ({ field, item: new Map(Object.entries(item)), index })),
  );
  // Before any file is read: each could have errors, and all of them would be reported.
  checkFileCount(uploads + described.length, options);
  return described.flatMap(({ field, item, index }) => {
    const place: Place = ['body', field, index];
    const file = problems.read(mediaDescription, item, place);
    return (file && new MediaItem(file, MEDIA_FIELDS[field], place, options, problems).read()) ?? [];
  });
}

/** The fields with lists, but for texts that would take long to parse. */
function simpleLists(fields: Fields, { maxFiles }: FileLimits, problems: RequestProblems): Fields {
  const maxParts = MAX_PARTS * (maxFiles + 1);
  const lists = new Map<string, unknown>();
  for (const field of FIELDS) {
    const input = fields.get(field);
    if (input === undefined) continue;
    if (typeof input !== 'string' || isSimple(input, maxParts)) lists.set(field, input);
    else problems.add({ type: 'json_invalid', loc: ['body', field], msg: NOT_OBJECTS, input });
  }
  return lists;
}

type MediaType = Pick<RunFile, 'kind' | 'mediaType'>;

/** Makes a file of its description. Checks the rules that the schema cannot express. */
class MediaItem {
  readonly #given: MediaDescription;
  readonly #kind: RunFileKind;
  readonly #place: Place;
  readonly #options: MediaOptions;
  readonly #problems: RequestProblems;

  constructor(
    given: MediaDescription,
    kind: RunFileKind,
    place: Place,
    options: MediaOptions,
    problems: RequestProblems,
  ) {
    this.#given = given;
    this.#kind = kind;
    this.#place = place;
    this.#options = options;
    this.#problems = problems;
  }

  /** @returns undefined if the description is wrong */
  read(): RunFile | undefined {
    const { id = newId(), filepath, url } = this.#given;
    if (filepath !== undefined) {
      this.#refuse('filepath', "The server's own files are not read: send the content", filepath);
      return undefined;
    }
    const given = this.#given.filename ?? this.#given.name;
    const name = given === undefined ? undefined : safeFileName(given);
    this.#checkUrl();
    const typeName = this.#typeName(given ?? pathOf(url));
    const content = this.#content(typeName, name);
    const type = this.#type(typeName, content);
    if (!type) return undefined;
    this.#checkSource();
    return { id, ...type, ...withoutUndefined({ name, content, url }) };
  }

  /** A file name with the extension of the file's type. */
  #typeName(name: string | undefined): string | undefined {
    const { format } = this.#given;
    return format === undefined ? name : `.${format}`;
  }

  /** @returns no media type for an image whose type is unknown */
  #type(name: string | undefined, content: string | undefined): MediaType | undefined {
    const kind = this.#kind;
    const { mime_type: mediaType } = this.#given;
    const type = fileTypeOf(mediaType, name, content === undefined ? undefined : headOf(content));
    // Plain text was encoded here, as UTF-8.
    const isEncodedHere = content !== this.#given.content;
    if (type && (kind === 'file' || kind === type.kind))
      return isEncodedHere ? type : withCharset(type, mediaType);
    // Models detect the type of an image themselves.
    if (!type && kind === 'image' && mediaType === undefined) return { kind };
    const expected = kind === 'file' ? 'a supported file type' : `a type of ${kind}`;
    const msg = `Input should say ${expected}, by mime_type, format or filename`;
    this.#refuse('mime_type', msg, mediaType ?? null);
    return undefined;
  }

  #content(typeName: string | undefined, name: string | undefined): string | undefined {
    const { content: given, mime_type: mediaType } = this.#given;
    if (given === undefined) return undefined;
    const type = fileTypeOf(mediaType, typeName)?.mediaType;
    // The protocol's clients send texts without base64.
    const content = type !== undefined && isTextType(type) ? textToBase64(given) : given;
    const size = sizeOfBase64(content);
    if (size === undefined) this.#refuse('content', 'Input should be base64', `${given.slice(0, 20)}…`);
    else checkFileSize(size, name, this.#options);
    return content;
  }

  #checkUrl(): void {
    const { url } = this.#given;
    if (url === undefined) return;
    if (!this.#options.acceptClientContext) {
      const msg = 'URLs are only accepted with the option http.acceptClientContext: send the content';
      this.#refuse('url', msg, url);
    } else if (!isReadable(url) || !isHttp(new URL(url))) {
      const msg = `Input should be an http or https URL of up to ${MAX_URL_LENGTH} characters`;
      this.#refuse('url', msg, url, 'url_parsing');
    }
  }

  #checkSource(): void {
    const { content, url } = this.#given;
    if (content !== undefined && url !== undefined)
      this.#refuse('url', 'Input should have content or a url, not both', null);
    else if (content === undefined && url === undefined)
      this.#refuse('content', MISSING.msg, null, MISSING.type);
  }

  #refuse(field: keyof MediaDescription, msg: string, input: unknown, type = 'value_error'): void {
    this.#problems.add({ type, loc: [...this.#place, field], msg, input });
  }
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
