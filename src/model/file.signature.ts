import { decodeText } from './text.decoding.js';

/** Bytes at the start of a file that are inspected. */
const HEAD_SIZE = 4_098;

/* eslint-disable no-control-regex -- files begin with such characters */

/** Signatures of file types, as Latin-1. Of types with the same prefix the more specific one comes first. */
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

/** The first bytes of a file whose content is given as base64. */
export function headOf(content: string): Buffer {
  return Buffer.from(content.slice(0, (HEAD_SIZE / 3) * 4 + 4), 'base64');
}

/** The type that the first bytes of a file identify; undefined if no signature matches. */
export function typeBySignature(bytes: Buffer): string | undefined {
  const head = bytes.toString('latin1', 0, HEAD_SIZE);
  return SIGNATURES.find(([, beginning]) => beginning.test(head))?.[0];
}

/** Whether the first bytes of a file could be text: text has no control characters. */
export function looksLikeText(bytes: Buffer): boolean {
  return !/[\0-\x08\x0e-\x19\x1c-\x1f]/.test(decodeText(bytes.subarray(0, HEAD_SIZE)));
}
