import { isUtf8 } from 'node:buffer';

import { fileTypeOf, isTextType } from './file.type.js';
import type { RunFile } from './run-input.js';

/** Encodings that a byte order mark at the start of a file tells. UTF-32 stands before UTF-16: their marks begin alike. */
const MARKS: readonly (readonly [mark: readonly number[], decode: Decode])[] = [
  [[0xef, 0xbb, 0xbf], (bytes) => new TextDecoder().decode(bytes)],
  [[0xff, 0xfe, 0x00, 0x00], (bytes) => decodeUtf32(bytes, true)],
  [[0x00, 0x00, 0xfe, 0xff], (bytes) => decodeUtf32(bytes, false)],
  [[0xff, 0xfe], (bytes) => new TextDecoder('utf-16le').decode(bytes)],
  [[0xfe, 0xff], (bytes) => new TextDecoder('utf-16be').decode(bytes)],
];

/** What Windows-1252 has in place of the control characters 0x80 to 0x9f of Latin-1. */
const WINDOWS_1252 = '€\x81‚ƒ„…†‡ˆ‰Š‹Œ\x8dŽ\x8f\x90‘’“”•–—˜™š›œ\x9džŸ';

/** Encodings that the web takes for Windows-1252. */
const LATIN = /^(?:iso-?8859-1|latin-?1|l1|(?:us-)?ascii|windows-1252|cp-?1252)$/i;

/** Bytes at the start of a file that are searched for the name of an encoding, or for an encoding without a mark. */
const HEAD = 1_024;

const DECLARED =
  /^\s*<\?xml[^>]*\sencoding\s*=\s*["']([\w.:-]+)["']|<meta[^>]*\scharset\s*=\s*["']?([\w.:-]+)/i;

type Decode = (bytes: Buffer) => string;

/**
 * The text of a file that came with the input of a run, for guardrails and other hooks that look into it. It is the
 * text that a model gets of the file from the engine on the AI SDK.
 *
 * A byte order mark tells the encoding (UTF-8, UTF-16, UTF-32); without one it is the `charset` of the media type, then
 * UTF-8 if the bytes are valid, then what an XML or HTML file says of itself, then Windows-1252.
 *
 * @returns undefined if the file is no text by its media type (or, where the sender does not know it, by its name), or
 * if it came as a URL or without its content
 *
 * @example
 * ```ts
 * const texts = (runInput.files ?? []).map((file) => textOfFile(file) ?? '');
 * if (texts.some(leaks)) throw new InputCheckError('Secrets in a file');
 * ```
 */
export function textOfFile({ content, mediaType, name }: RunFile): string | undefined {
  const type = fileTypeOf(mediaType, name)?.mediaType;
  if (content === undefined || type === undefined || !isTextType(type)) return undefined;
  return decode(Buffer.from(content, 'base64'), charsetOf(mediaType));
}

function decode(bytes: Buffer, charset: string | undefined): string {
  const [, decodeMarked] = MARKS.find(([mark]) => mark.every((byte, index) => bytes[index] === byte)) ?? [];
  if (decodeMarked) return decodeMarked(bytes);
  const head = bytes.subarray(0, HEAD);
  return (
    decodeAs(charset, bytes) ??
    decodeAs(unmarkedUtf16(head), bytes) ??
    (isUtf8(bytes) ? bytes.toString() : undefined) ??
    decodeAs(declaredIn(head), bytes) ??
    decodeWindows1252(bytes)
  );
}

/** @returns undefined if there is no such encoding, or if it cannot be the one of the file */
function decodeAs(charset: string | undefined, bytes: Buffer): string | undefined {
  if (charset === undefined) return undefined;
  if (LATIN.test(charset)) return decodeWindows1252(bytes);
  try {
    return new TextDecoder(charset, { fatal: true }).decode(bytes);
  } catch {
    return undefined;
  }
}

/** By hand: `TextDecoder` of Node 20 takes Windows-1252 for Latin-1, which has neither the euro sign nor dashes. */
function decodeWindows1252(bytes: Buffer): string {
  const offset = 0x80;
  return bytes
    .toString('latin1')
    .replace(/[\x80-\x9f]/g, (control) => WINDOWS_1252[control.charCodeAt(0) - offset] ?? control);
}

/** By hand: `TextDecoder` does not know it. */
function decodeUtf32(bytes: Buffer, isLittleEndian: boolean): string {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const characters: string[] = [];
  for (let at = 4; at + 4 <= bytes.length; at += 4) {
    const point = view.getUint32(at, isLittleEndian);
    characters.push(point <= 0x10ffff ? String.fromCodePoint(point) : '\ufffd');
  }
  return characters.join('');
}

/** Western text in UTF-16 has a zero in every other byte, and text in other encodings has none at all. */
function unmarkedUtf16(head: Buffer): string | undefined {
  const pairs = Math.floor(head.length / 2);
  const zeros = [0, 0];
  head.forEach((byte, index) => {
    if (byte === 0) zeros[index % 2] = (zeros[index % 2] ?? 0) + 1;
  });
  const [even = 0, odd = 0] = zeros;
  if (odd > pairs / 2 && even === 0) return 'utf-16le';
  return even > pairs / 2 && odd === 0 ? 'utf-16be' : undefined;
}

function declaredIn(head: Buffer): string | undefined {
  const [, xml, html] = DECLARED.exec(head.toString('latin1')) ?? [];
  return xml ?? html;
}

function charsetOf(mediaType = ''): string | undefined {
  return /;\s*charset\s*=\s*"?([\w.:-]+)/i.exec(mediaType)?.[1];
}
