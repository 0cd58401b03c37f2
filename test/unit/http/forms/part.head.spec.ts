import { describe, expect, it } from '@jest/globals';

import { boundaryOf, isFilePart, readPartHead } from '../../../../src/http/forms/part.head.js';

/** As the parser hands them over: a character for each byte. */
const bytes = (text: string): string => Buffer.from(text).toString('latin1');
const read = (disposition: string, type?: string): ReturnType<typeof readPartHead> =>
  readPartHead({ 'content-disposition': [bytes(disposition)], ...(type ? { 'content-type': [type] } : {}) });

describe('The headers of a part of a multipart body', () => {
  it.each([
    ['form-data; name="message"', 'message', undefined],
    ['form-data; name=message', 'message', undefined],
    ['Form-Data ; NAME = "message"', 'message', undefined],
    ['form-data; name="Übersicht 概要"', 'Übersicht 概要', undefined],
    ['form-data; name=""; filename=""', '', ''],
    ['form-data; name="files"; filename="a; name=b.txt"', 'files', 'a; name=b.txt'],
    ['form-data; filename="say \\"hi\\".txt"; name="files"', 'files', 'say "hi".txt'],
    ['form-data; name="files"; filename="C:\\x\\a.txt"', 'files', 'C:\\x\\a.txt'],
    [`form-data; name="files"; filename="_.txt"; filename*=UTF-8''%E6%A6%82.txt`, 'files', '概.txt'],
    [`form-data; name="files"; filename="_.txt"; filename*=UTF-8''%E6%.txt`, 'files', '_.txt'],
    [`form-data; name="files"; filename="_.txt"; filename*=koi8-r''%C1.txt`, 'files', '_.txt'],
  ])('name the field and the file: %s', (disposition, name, fileName) => {
    expect(read(disposition)).toEqual({ name, fileName, mediaType: 'text/plain', charset: undefined });
  });

  it.each(['form-data', 'form-data; filename="a.txt"', 'attachment; name="message"', '', '; name="message"'])(
    'are refused without the name of a field: %j',
    (disposition) => expect(read(disposition)).toBeUndefined(),
  );

  it('contain the type and the character set', () => {
    expect(read('form-data; name="a"', 'Text/Plain; Charset="ISO-8859-1"')).toMatchObject({
      mediaType: 'text/plain',
      charset: 'ISO-8859-1',
    });
    expect(readPartHead({})).toBeUndefined();
  });

  it('distinguish a file from a field', () => {
    const isFile = (...head: Parameters<typeof read>): boolean => {
      const known = read(...head);
      return known !== undefined && isFilePart(known);
    };
    expect(isFile('form-data; name="a"')).toBe(false);
    expect(isFile('form-data; name="a"; filename=""')).toBe(true);
    expect(isFile('form-data; name="a"', 'application/octet-stream')).toBe(true);
  });

  it('contain the boundary of the body', () => {
    expect(boundaryOf('multipart/form-data; boundary=--x')).toBe('--x');
    expect(boundaryOf('multipart/form-data; charset=utf-8; Boundary="a b"')).toBe('a b');
    expect(boundaryOf('multipart/form-data')).toBeUndefined();
    expect(boundaryOf(undefined)).toBeUndefined();
  });
});
