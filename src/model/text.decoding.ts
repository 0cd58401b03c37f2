import { isUtf8 } from 'node:buffer';

/** Encodings by byte order mark. UTF-32 comes before UTF-16, since their marks begin alike. */
const MARKS: readonly (readonly [mark: readonly number[], decode: Decode])[] = [
  [[0xef, 0xbb, 0xbf], (bytes) => new TextDecoder().decode(bytes)],
  [[0xff, 0xfe, 0x00, 0x00], (bytes) => decodeUtf32(bytes, true)],
  [[0x00, 0x00, 0xfe, 0xff], (bytes) => decodeUtf32(bytes, false)],
  [[0xff, 0xfe], (bytes) => new TextDecoder('utf-16le').decode(bytes)],
  [[0xfe, 0xff], (bytes) => new TextDecoder('utf-16be').decode(bytes)],
];

/** The characters of Windows-1252 from 0x80 to 0x9f, where Latin-1 has control characters. */
const WINDOWS_1252 = '€\x81‚ƒ„…†‡ˆ‰Š‹Œ\x8dŽ\x8f\x90‘’“”•–—˜™š›œ\x9džŸ';

/** Encodings that the web treats as Windows-1252. */
const LATIN = /^(?:iso-?8859-1|latin-?1|l1|(?:us-)?ascii|windows-1252|cp-?1252)$/i;

/** Bytes at the start of a file that are searched for the name of an encoding, or for an encoding without a mark. */
const HEAD = 1_024;

const DECLARED =
  /^\s*<\?xml[^>]*\sencoding\s*=\s*["']([\w.:-]+)["']|<meta[^>]*\scharset\s*=\s*["']?([\w.:-]+)/i;

type Decode = (bytes: Buffer) => string;

/**
 * Decodes the bytes of a text. A byte order mark determines the encoding. Without one it is the given character set,
 * then UTF-16 or UTF-8 if the bytes look like it, then the encoding that XML or HTML declares, then Windows-1252.
 *
 * @param charset - from the media type, if it has one
 */
export function decodeText(bytes: Buffer, charset?: string): string {
  const [, decodeMarked] = MARKS.find(([mark]) => mark.every((byte, index) => bytes[index] === byte)) ?? [];
  if (decodeMarked) return decodeMarked(bytes);
  return (
    decodeAs(charset, bytes) ??
    decodeUnmarkedUtf16(bytes) ??
    (isUtf8(bytes) ? bytes.toString() : undefined) ??
    decodeAs(declaredIn(bytes), bytes) ??
    decodeWindows1252(bytes)
  );
}

/** @returns undefined if the encoding is unknown, or if the bytes are not valid in it */
function decodeAs(charset: string | undefined, bytes: Buffer): string | undefined {
  if (charset === undefined) return undefined;
  if (LATIN.test(charset)) return decodeWindows1252(bytes);
  try {
    return new TextDecoder(charset, { fatal: true }).decode(bytes);
  } catch {
    return undefined;
  }
}

/** Not `TextDecoder`: that of Node 20 decodes Windows-1252 as Latin-1, which has neither the euro sign nor dashes. */
function decodeWindows1252(bytes: Buffer): string {
  const text = Buffer.from(bytes.toString('latin1'), 'utf16le');
  for (let at = 0; at < bytes.length; at++) {
    const special = WINDOWS_1252.charCodeAt((bytes[at] as number) - 0x80);
    if (!Number.isNaN(special)) text.writeUInt16LE(special, at * 2);
  }
  return text.toString('utf16le');
}

/** `TextDecoder` does not support UTF-32. */
function decodeUtf32(bytes: Buffer, isLittleEndian: boolean): string {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const characters: string[] = [];
  for (let at = 4; at + 4 <= bytes.length; at += 4) {
    const point = view.getUint32(at, isLittleEndian);
    characters.push(point <= 0x10ffff ? String.fromCodePoint(point) : '\ufffd');
  }
  return characters.join('');
}

/** Western text in UTF-16 has a zero in every other byte; text in other encodings has none at all. */
function decodeUnmarkedUtf16(bytes: Buffer): string | undefined {
  const head = bytes.subarray(0, HEAD);
  const zeros = { even: 0, odd: 0 };
  head.forEach((byte, index) => {
    if (byte === 0) zeros[index % 2 === 0 ? 'even' : 'odd'] += 1;
  });
  const isMost = (count: number): boolean => count > head.length / 4;
  if (isMost(zeros.odd) && zeros.even === 0) return new TextDecoder('utf-16le').decode(bytes);
  if (isMost(zeros.even) && zeros.odd === 0) return new TextDecoder('utf-16be').decode(bytes);
  return undefined;
}

function declaredIn(bytes: Buffer): string | undefined {
  const [, xml, html] = DECLARED.exec(bytes.toString('latin1', 0, HEAD)) ?? [];
  return xml ?? html;
}
