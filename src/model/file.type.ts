import { looksLikeText, typeBySignature } from './file.signature.js';
import type { RunFileKind } from './run-input.js';

/*
 * The tables are our own: `mime-types` gives TypeScript files the type of a video and does not know `.tsx`, `.py`, `.go`
 * and `.jsonl`. Decision 0032 compares the libraries.
 */

/** The type of a file. */
export interface FileType {
  readonly kind: RunFileKind;
  /** Such as `image/png`. */
  readonly mediaType: string;
}

/** Media types of senders that do not know the type of a file, or only how it is stored. */
const UNKNOWN = new Set(
  `application/octet-stream application/x-octet-stream binary/octet-stream application/binary application/x-binary
   application/x-download application/x-downloads application/download application/force-download
   application/x-force-download application/save application/x-save application/file application/x-file
   application/unknown application/x-unknown unknown/unknown unknown/application application/x-trash
   application/x-ole-storage application/vnd.ms-office application/cdfv2 application/x-wine-extension-ini`.split(
    /\s+/,
  ),
);

const ARCHIVED = 'docx xlsx pptx odt ods odp epub';
const SHEETS = 'csv tsv txt xlsx ods';
const TYPESCRIPT = 'ts tsx mts cts';
const BATCHES = 'bat cmd';
const CERTIFICATES = 'pem crt cer key';

/**
 * Types that systems and browsers are known to assign wrongly, with the extensions of the affected files. Windows
 * gives CSV files the type of Excel, and TypeScript files that of MPEG transport streams.
 */
const MISTAKEN: ReadonlyMap<string, readonly string[]> = new Map(
  Object.entries({
    'application/vnd.ms-excel': SHEETS,
    'application/vnd.openxmlformats-officedocument.spreadsheetml.sheet': SHEETS,
    'application/vnd.oasis.opendocument.spreadsheet': SHEETS,
    'application/msword': 'docx rtf odt txt',
    'application/vnd.openxmlformats-officedocument.wordprocessingml.document': 'doc rtf odt txt md',
    'application/vnd.ms-powerpoint': 'pptx odp',
    'video/mp2t': TYPESCRIPT,
    'video/vnd.dlna.mpeg-tts': TYPESCRIPT,
    'model/vnd.mts': TYPESCRIPT,
    'application/zip': ARCHIVED,
    'application/x-zip': ARCHIVED,
    'application/x-zip-compressed': ARCHIVED,
    'application/x-compressed': ARCHIVED,
    'application/x-genesis-rom': 'md',
    'audio/x-mod': 'mod',
    'application/x-msdownload': BATCHES,
    'application/x-msdos-program': BATCHES,
    'application/x-x509-ca-cert': CERTIFICATES,
    'application/x-x509-user-cert': CERTIFICATES,
    'application/pkix-cert': CERTIFICATES,
  }).map(([mediaType, extensions]) => [mediaType, extensions.split(' ')]),
);

/** Aliases of media types, with the name that models know. */
const ALIASES: ReadonlyMap<string, string> = new Map(
  Object.entries({
    'image/jpeg': 'image/jpg image/pjpeg image/jfif',
    'image/png': 'image/x-png image/apng',
    'image/tiff': 'image/tif image/x-tiff',
    'image/bmp': 'image/x-bmp image/x-ms-bmp',
    'audio/wav': 'audio/x-wav audio/wave audio/vnd.wave audio/x-pn-wav',
    'audio/mpeg': 'audio/mp3 audio/x-mp3 audio/mpeg3 audio/x-mpeg audio/x-mpeg-3',
    'audio/mp4': 'audio/x-m4a audio/m4a',
    'audio/flac': 'audio/x-flac',
    'audio/aac': 'audio/x-aac audio/x-hx-aac-adts',
    'audio/ogg': 'application/ogg',
    'video/mpeg': 'video/mpg video/mpgs video/mpegs video/x-mpeg',
    'video/x-ms-wmv': 'video/wmv',
    'application/pdf': 'application/x-pdf application/acrobat text/pdf text/x-pdf',
    'application/vnd.ms-excel':
      'application/msexcel application/x-excel application/x-msexcel application/x-ms-excel application/excel',
    'application/vnd.ms-powerpoint':
      'application/mspowerpoint application/powerpoint application/x-mspowerpoint',
    'application/vnd.ms-outlook': 'application/x-msg application/msoutlook',
    'application/msword': 'application/doc application/x-msword',
    'application/rtf': 'application/x-rtf',
    'text/csv':
      'application/csv application/x-csv text/x-csv text/comma-separated-values text/x-comma-separated-values',
    'text/markdown': 'application/markdown application/x-markdown',
    'message/rfc822': 'application/eml application/x-eml application/x-mimearchive',
    'application/mbox': 'application/x-mbox',
    'application/x-ipynb+json': 'application/ipynb application/x-jupyter-notebook',
  }).flatMap(([mediaType, names]) => names.split(' ').map((name): [string, string] => [name, mediaType])),
);

const BY_EXTENSION: ReadonlyMap<string, string> = new Map(
  Object.entries({
    'image/png': 'png',
    'image/jpeg': 'jpg jpeg jfif',
    'image/gif': 'gif',
    'image/webp': 'webp',
    'image/bmp': 'bmp',
    'image/tiff': 'tif tiff',
    'image/avif': 'avif',
    'image/heic': 'heic',
    'image/heif': 'heif',
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
    'video/x-flv': 'flv',
    'video/x-ms-wmv': 'wmv',
    'application/pdf': 'pdf',
    'application/json': 'json',
    'application/x-ipynb+json': 'ipynb',
    'application/x-ndjson': 'jsonl ndjson',
    'application/xml': 'xml',
    'application/yaml': 'yaml yml',
    'application/rtf': 'rtf',
    'application/msword': 'doc',
    'application/vnd.ms-excel': 'xls',
    'application/vnd.ms-powerpoint': 'ppt',
    'application/vnd.ms-outlook': 'msg',
    'application/vnd.openxmlformats-officedocument.wordprocessingml.document': 'docx',
    'application/vnd.openxmlformats-officedocument.spreadsheetml.sheet': 'xlsx',
    'application/vnd.openxmlformats-officedocument.presentationml.presentation': 'pptx',
    'application/vnd.oasis.opendocument.text': 'odt',
    'application/vnd.oasis.opendocument.spreadsheet': 'ods',
    'application/vnd.oasis.opendocument.presentation': 'odp',
    'application/epub+zip': 'epub',
    'message/rfc822': 'eml mht mhtml',
    'application/mbox': 'mbox',
    'text/csv': 'csv',
    'text/tab-separated-values': 'tsv tab',
    'text/markdown': 'md markdown',
    'text/html': 'html htm',
    'text/calendar': 'ics',
    'text/vcard': 'vcf',
    'text/vtt': 'vtt',
    'text/css': 'css',
    'text/javascript': 'js mjs cjs',
    'text/plain':
      'txt text log ini conf cfg properties env toml sql srt tex bib rst adoc org diff patch ts tsx mts cts jsx vue ' +
      'svelte py java kt kts scala groovy gradle c h cc cpp hpp cs go mod rs rb php pl lua r jl swift dart zig ex exs ' +
      'erl hs clj ml sh bash zsh fish bat cmd ps1 scss less graphql gql proto tf lock pem crt cer key',
  }).flatMap(([mediaType, extensions]) =>
    extensions.split(' ').map((extension): [string, string] => [extension, mediaType]),
  ),
);

const DOCUMENTS = new Set(BY_EXTENSION.values());

/** Types of text besides `text/…` and those that end with `+json` or `+xml`. */
const TEXT = new Set(
  `message/rfc822 message/global application/mbox application/json application/jsonl application/jsonlines
   application/ndjson application/json5 application/xml application/xml-dtd application/yaml application/toml application/sql
   application/graphql application/javascript application/ecmascript application/typescript application/python
   application/python-code application/ruby application/perl application/php application/httpd-php application/sh
   application/csh application/shellscript application/powershell application/bat application/tex application/latex
   application/tcl application/lua application/subrip application/desktop application/ldif application/diff
   application/patch application/vnd.dart application/dart application/pem-file application/pem-certificate-chain`.split(
    /\s+/,
  ),
);

/** Whether files of this type, given without parameters, are texts that a model can read. */
export function isTextType(mediaType: string): boolean {
  const isText = mediaType.startsWith('text/') || /\+(?:json|xml|yaml)$/.test(mediaType);
  return isText || TEXT.has(mediaType.replace('application/x-', 'application/'));
}

/**
 * The type of a file: by its media type, or by its name and first bytes if the sender does not know the type or gives
 * one that senders are known to get wrong.
 *
 * @param bytes - all bytes of the file or the first ones; omitted while they are not known
 * @returns undefined if the file appears to be of no use to any model
 */
export function fileTypeOf(
  mediaType: string | undefined,
  name: string | undefined,
  bytes?: Buffer,
): FileType | undefined {
  const given = essenceOf(mediaType);
  const extension = extensionOf(name);
  const byName = BY_EXTENSION.get(extension);
  const isTrusted = isTypeKnown(given) && !MISTAKEN.get(given)?.includes(extension);
  const said = isTrusted ? given : (byName ?? given);
  const type = bytes ? typeOfBytes(bytes, said, { given, byName, isTrusted, name }) : said;
  const kind = type && kindOf(type);
  return type && kind ? { kind, mediaType: type } : undefined;
}

/** The sender's statements about a file. */
interface Sayings {
  readonly given: string | undefined;
  readonly byName: string | undefined;
  /** Whether the given type takes precedence over the name. */
  readonly isTrusted: boolean;
  readonly name: string | undefined;
}

/** The type that the sender states, unless the first bytes show a better one. */
function typeOfBytes(bytes: Buffer, said: string | undefined, sayings: Sayings): string | undefined {
  const { given, byName, isTrusted, name } = sayings;
  const shown = typeBySignature(bytes);
  // Such as .env.local or notes.xyz: text counts as text under any extension except those of programs.
  if (!isTypeKnown(given) && byName === undefined) {
    const isTaken = given === 'text/plain' || isNamedAsText(name);
    return shown ?? (isTaken && looksLikeText(bytes) ? 'text/plain' : undefined);
  }
  if (said === undefined || kindOf(said) === undefined) return undefined;
  // Chat applications keep a picture's name when they convert its format; providers refuse the mismatched type.
  if (said.startsWith('image/')) return shown?.startsWith('image/') ? shown : said;
  // Exports of web applications named .xls are often tables in text form.
  if (MISTAKEN.has(said)) return shown ?? (looksLikeText(bytes) ? 'text/plain' : said);
  if (isTrusted || !isTextType(said) || looksLikeText(bytes)) return said;
  return shown ?? (isTypeKnown(given) ? given : undefined);
}

/** Whether the sender does not know the type of a file, so that its bytes may show one. */
export function isTypeUnknown(mediaType: string | undefined): boolean {
  return !isTypeKnown(essenceOf(mediaType));
}

/** Form parsers default to `text/plain` if the sender states no type. */
function isTypeKnown(given: string | undefined): given is string {
  return given !== undefined && given !== 'text/plain' && !UNKNOWN.has(given);
}

/** The type without parameters such as the character set. */
function essenceOf(mediaType = ''): string | undefined {
  const [essence = ''] = mediaType.toLowerCase().split(';');
  const type = essence.trim();
  return /^[\w.+-]+\/[\w.+-]+$/.test(type) ? (ALIASES.get(type) ?? type) : undefined;
}

/** Names may be as long as bodies; no known extension is longer than this. */
const MAX_EXTENSION_LENGTH = 20;

function extensionOf(name = ''): string {
  return /\.([^.]+)$/.exec(name.slice(-MAX_EXTENSION_LENGTH))?.[1]?.toLowerCase() ?? '';
}

const PROGRAMS: readonly string[] = ['exe', 'dll', 'com', 'msi'];

/** Whether a file of this name may be a text. Without a name nothing suggests that it is one. */
function isNamedAsText(name = ''): boolean {
  return name !== '' && !PROGRAMS.includes(extensionOf(name));
}

/** The kind of a file of this type, whether or not a model can read it. */
export function fileKindOf(mediaType: string): RunFileKind {
  const [, top = 'file'] = /^(image|audio|video)\/./.exec(mediaType) ?? [];
  return top as RunFileKind;
}

function kindOf(mediaType: string): RunFileKind | undefined {
  const kind = fileKindOf(mediaType);
  return kind !== 'file' || isTextType(mediaType) || DOCUMENTS.has(mediaType) ? kind : undefined;
}
