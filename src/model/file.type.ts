import type { RunFileKind } from './run-input.js';

/** What a file is. */
export interface FileType {
  readonly kind: RunFileKind;
  /** Such as `image/png`. */
  readonly mediaType: string;
}

/** What senders say that do not know what a file is. */
const UNKNOWN = new Set(['application/octet-stream', 'binary/octet-stream']);

/** Other names of types that models know under one. */
const ALIASES: ReadonlyMap<string, string> = new Map([
  ['image/jpg', 'image/jpeg'],
  ['audio/x-wav', 'audio/wav'],
  ['audio/wave', 'audio/wav'],
  ['audio/mp3', 'audio/mpeg'],
  ['audio/x-m4a', 'audio/mp4'],
  ['application/x-pdf', 'application/pdf'],
  ['application/csv', 'text/csv'],
]);

const BY_EXTENSION: ReadonlyMap<string, string> = new Map(
  Object.entries({
    'image/png': 'png',
    'image/jpeg': 'jpg jpeg',
    'image/gif': 'gif',
    'image/webp': 'webp',
    'image/bmp': 'bmp',
    'image/tiff': 'tif tiff',
    'image/avif': 'avif',
    'image/heic': 'heic',
    'image/svg+xml': 'svg',
    'audio/mpeg': 'mp3',
    'audio/wav': 'wav',
    'audio/ogg': 'ogg oga opus',
    'audio/mp4': 'm4a',
    'audio/flac': 'flac',
    'audio/aac': 'aac',
    'video/mp4': 'mp4 m4v',
    'video/quicktime': 'mov',
    'video/webm': 'webm',
    'video/x-matroska': 'mkv',
    'video/x-msvideo': 'avi',
    'video/mpeg': 'mpeg mpg',
    'video/3gpp': '3gp',
    'application/pdf': 'pdf',
    'application/json': 'json',
    'application/x-ndjson': 'jsonl ndjson',
    'application/xml': 'xml',
    'application/yaml': 'yaml yml',
    'application/rtf': 'rtf',
    'application/msword': 'doc',
    'application/vnd.ms-excel': 'xls',
    'application/vnd.ms-powerpoint': 'ppt',
    'application/vnd.openxmlformats-officedocument.wordprocessingml.document': 'docx',
    'application/vnd.openxmlformats-officedocument.spreadsheetml.sheet': 'xlsx',
    'application/vnd.openxmlformats-officedocument.presentationml.presentation': 'pptx',
    'application/vnd.oasis.opendocument.text': 'odt',
    'application/vnd.oasis.opendocument.spreadsheet': 'ods',
    'application/vnd.oasis.opendocument.presentation': 'odp',
    'application/epub+zip': 'epub',
    'text/csv': 'csv',
    'text/tab-separated-values': 'tsv',
    'text/markdown': 'md markdown',
    'text/html': 'html htm',
    'text/css': 'css',
    'text/javascript': 'js mjs cjs',
    'text/plain': 'txt text log ini toml sql py ts tsx jsx java c h cpp cs go rs rb php sh tex rst',
  }).flatMap(([mediaType, extensions]) =>
    extensions.split(' ').map((extension): [string, string] => [extension, mediaType]),
  ),
);

const DOCUMENTS = new Set(BY_EXTENSION.values());

/** Types of text besides `text/…` and those that end with `+json` or `+xml`. */
const TEXT =
  /^message\/rfc822$|^application\/(?:(?:x-)?(?:json|jsonl|ndjson|xml|yaml|toml|sql|sh|javascript|typescript|python)|mbox)$/;

/** Whether files of this type, given without parameters, are texts that a model can read. */
export function isTextType(mediaType: string): boolean {
  return mediaType.startsWith('text/') || /\+(?:json|xml)$/.test(mediaType) || TEXT.test(mediaType);
}

/**
 * What a file is by its media type; by its name if the sender does not know the type.
 *
 * @returns undefined if no model could do anything with it, as far as one can tell
 */
export function fileTypeOf(mediaType: string | undefined, name: string | undefined): FileType | undefined {
  const given = essenceOf(mediaType);
  const byName = BY_EXTENSION.get(extensionOf(name));
  const isUnknown = given === undefined || UNKNOWN.has(given);
  // Parsers of forms say text/plain of a file whose sender said nothing.
  const type = isUnknown || given === 'text/plain' ? (byName ?? given) : given;
  const kind = type && kindOf(type);
  return type && kind ? { kind, mediaType: type } : undefined;
}

/** The type alone, without parameters such as the character set. */
function essenceOf(mediaType = ''): string | undefined {
  const [essence = ''] = mediaType.toLowerCase().split(';');
  const type = essence.trim();
  return /^[\w.+-]+\/[\w.+-]+$/.test(type) ? (ALIASES.get(type) ?? type) : undefined;
}

/** Names may be as long as bodies; no extension that is known is longer than this. */
const MAX_EXTENSION_LENGTH = 20;

function extensionOf(name = ''): string {
  return /\.([^.]+)$/.exec(name.slice(-MAX_EXTENSION_LENGTH))?.[1]?.toLowerCase() ?? '';
}

function kindOf(mediaType: string): RunFileKind | undefined {
  const [, top] = /^(image|audio|video)\/./.exec(mediaType) ?? [];
  if (top) return top as RunFileKind;
  return isTextType(mediaType) || DOCUMENTS.has(mediaType) ? 'file' : undefined;
}
