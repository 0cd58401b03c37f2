import { decodeText } from './text.decoding.js';

/** Bytes at the start of a file that are looked at. */
const HEAD_SIZE = 4_098;

/* eslint-disable no-control-regex -- files begin with such characters */

/** How files of a type begin, as Latin-1. Types of the same beginning stand with the more special one first. */
const SIGNATURES: readonly (readonly [mediaType: string, beginning: RegExp])[] = [
  ['image/png', /^\x89PNG\r\n/],
  ['image/jpeg', /^\xff\xd8\xff/],
  ['image/gif', /^GIF8[79]a/],
  ['image/webp', /^RIFF[^]{4}WEBP/],
  ['image/bmp', /^BM[^]{4}\0{4}/],
  ['image/tiff', /^(?:II\*\0|MM\0\*)/],
  ['image/avif', /^[^]{4}ftypavi[fs]/],
  ['image/heic', /^[^]{4}ftyp(?:hei[cxms]|hev[cx]|mif1|msf1)/],
  ['audio/mp4', /^[^]{4}ftypM4[AB] /],
  ['video/quicktime', /^[^]{4}ftypqt {2}/],
  ['video/3gpp', /^[^]{4}ftyp3g/],
  ['video/mp4', /^[^]{4}ftyp/],
  ['video/mp2t', /^G[^]{187}G[^]{187}G/],
  ['video/webm', /^\x1a\x45\xdf\xa3[^]{0,40}webm/],
  ['video/x-matroska', /^\x1a\x45\xdf\xa3/],
  ['video/x-msvideo', /^RIFF[^]{4}AVI /],
  ['audio/wav', /^RIFF[^]{4}WAVE/],
  ['audio/mpeg', /^ID3[\x02-\x04]\0/],
  ['audio/flac', /^fLaC/],
  ['audio/ogg', /^OggS/],
  ['application/pdf', /^(?:\xef\xbb\xbf)?\s{0,8}%PDF-/],
  ['application/rtf', /^\{\\rtf/],
];

/** The bytes at the start of a file, of which the content is given as base64. */
export function headOf(content: string): Buffer {
  return Buffer.from(content.slice(0, (HEAD_SIZE / 3) * 4 + 4), 'base64');
}

/** The type that the first bytes of a file show, if it is one that they can show. */
export function typeBySignature(bytes: Buffer): string | undefined {
  const head = bytes.toString('latin1', 0, HEAD_SIZE);
  return SIGNATURES.find(([, beginning]) => beginning.test(head))?.[0];
}

/** Whether the first bytes of a file could be text: control characters stand in none. */
export function looksLikeText(bytes: Buffer): boolean {
  return !/[\0-\x08\x0e-\x19\x1c-\x1f]/.test(decodeText(bytes.subarray(0, HEAD_SIZE)));
}
