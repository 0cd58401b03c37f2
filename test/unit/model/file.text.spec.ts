import { describe, expect, it } from '@jest/globals';

import { textOfFile } from '../../../src/model/file.text.js';
import type { RunFile } from '../../../src/model/run-input.js';

const TEXT = 'Größe: „5 €“ – Ω\n';
const WESTERN = 'Größe: „5 €“ – ž\n';

function fileOf(bytes: Buffer | readonly number[], rest: Partial<RunFile> = {}): RunFile {
  const content = Buffer.from(bytes as readonly number[]).toString('base64');
  return { id: '1', kind: 'file', mediaType: 'text/csv', content, ...rest };
}

const utf16le = Buffer.from(TEXT, 'utf16le');
const utf16be = Buffer.from(utf16le).swap16();
const utf32le = Buffer.concat(
  [...TEXT].map((c) => Buffer.from(Uint32Array.of(c.codePointAt(0) ?? 0).buffer)),
);
const utf32be = Buffer.from(utf32le).swap32();
const marked = (mark: readonly number[], text: Buffer): Buffer => Buffer.concat([Buffer.from(mark), text]);

describe('textOfFile()', () => {
  it.each([
    ['UTF-8', Buffer.from(TEXT)],
    ['UTF-8 with a byte order mark', Buffer.from(`\ufeff${TEXT}`)],
    ['UTF-16 with a byte order mark, little endian', marked([0xff, 0xfe], utf16le)],
    ['UTF-16 with a byte order mark, big endian', marked([0xfe, 0xff], utf16be)],
    ['UTF-16 without a mark, little endian', utf16le],
    ['UTF-16 without a mark, big endian', utf16be],
    ['UTF-32 with a byte order mark, little endian', marked([0xff, 0xfe, 0, 0], utf32le)],
    ['UTF-32 with a byte order mark, big endian', marked([0, 0, 0xfe, 0xff], utf32be)],
  ])('decodes a text in %s', (_encoding, bytes) => {
    expect(textOfFile(fileOf(bytes))).toBe(TEXT);
  });

  it('decodes Windows-1252 with the characters that Latin-1 lacks', () => {
    const bytes = Buffer.from('Gr\xf6\xdfe: \x845 \x80\x93 \x96 \x9e\n', 'latin1');
    expect(textOfFile(fileOf(bytes))).toBe(WESTERN);
    expect(textOfFile(fileOf(bytes, { mediaType: 'text/csv; charset=iso-8859-1' }))).toBe(WESTERN);
  });

  it.each([
    ['the media type', 'text/plain; charset="windows-1251"', ''],
    ['an XML declaration', 'application/xml', '<?xml version="1.0" encoding="windows-1251"?>'],
    ['an HTML file', 'text/html', '<html><head><meta charset=windows-1251>'],
    [
      'an old HTML file',
      'text/html',
      '<meta http-equiv="Content-Type" content="text/html; charset=windows-1251">',
    ],
  ])('decodes the character set that %s names', (_source, mediaType, head) => {
    const bytes = Buffer.concat([Buffer.from(head), Buffer.from([0xcf, 0xf0, 0xe8, 0xe2, 0xe5, 0xf2])]);
    expect(textOfFile(fileOf(bytes, { mediaType }))).toBe(`${head}Привет`);
  });

  it('detects the encoding from the bytes if the named character set cannot be right', () => {
    const bytes = Buffer.from('Größe');
    for (const charset of ['unheard-of', 'ucs-4'])
      expect(textOfFile(fileOf(bytes, { mediaType: `text/plain; charset=${charset}` }))).toBe('Größe');
    const western = Buffer.from('Größe', 'latin1');
    expect(textOfFile(fileOf(western, { mediaType: 'text/plain; charset=utf-8' }))).toBe('Größe');
  });

  it.each([
    ['text/markdown', undefined],
    ['TEXT/PLAIN', undefined],
    ['application/json', undefined],
    ['application/vnd.api+json', undefined],
    ['image/svg+xml', undefined],
    ['message/rfc822', undefined],
    ['application/octet-stream', 'prices.csv'],
    [undefined, 'prices.csv'],
  ])('reads a file of type %p called %p', (mediaType, name) => {
    const { mediaType: _type, ...file } = fileOf(Buffer.from('a,1'));
    const described = { ...file, ...(mediaType && { mediaType }), ...(name && { name }) };
    expect(textOfFile(described)).toBe('a,1');
  });

  it('reads an empty file as an empty text', () => {
    expect(textOfFile(fileOf([]))).toBe('');
  });

  it('returns no text for a file of another kind, or without its content', () => {
    expect(textOfFile(fileOf([0x25, 0x50], { mediaType: 'application/pdf' }))).toBeUndefined();
    expect(textOfFile(fileOf([0x25, 0x50], { mediaType: 'image/png', kind: 'image' }))).toBeUndefined();
    expect(textOfFile({ id: '1', kind: 'file' })).toBeUndefined();
    const url = 'https://example.com/prices.csv';
    expect(textOfFile({ id: '1', kind: 'file', mediaType: 'text/csv', url })).toBeUndefined();
  });
});
