import { describe, expect, it } from '@jest/globals';

import { fileTypeOf } from '../../../src/model/file.type.js';

const SHEET = 'application/vnd.openxmlformats-officedocument.spreadsheetml.sheet';

const PNG = Buffer.from('\x89PNG\r\n\x1a\n\0\0\0\rIHDR', 'latin1');
const PDF = '%PDF-1.7\n';
const OLE = Buffer.from('d0cf11e0a1b11ae10000', 'hex');
const EXE = Buffer.from('MZ\x90\0\x03\0\0\0\x04', 'latin1');
const ZIP = Buffer.from('PK\x03\x04\x14\0\x06\0', 'latin1');
const TRANSPORT_STREAM = Buffer.concat(
  Array.from({ length: 3 }, () => Buffer.alloc(188, 'G\0\x11', 'latin1')),
);
const TEXT = 'all: build\n';

/** What agno's server takes, by their media types and by their extensions. */
const AGNO_TYPES = (
  'image/png image/jpeg image/jpg image/gif image/webp image/bmp image/tiff image/tif image/avif image/heic image/heif ' +
  'audio/wav audio/wave audio/mp3 audio/mpeg audio/ogg audio/mp4 audio/m4a audio/aac audio/flac ' +
  'video/x-flv video/quicktime video/mpeg video/mpegs video/mpgs video/mpg video/mp4 video/webm video/wmv video/3gpp ' +
  'application/pdf application/json application/x-javascript application/msword application/vnd.ms-powerpoint ' +
  'application/vnd.ms-excel application/vnd.ms-outlook application/x-python text/javascript text/x-python text/plain ' +
  'text/html text/css text/markdown text/csv text/xml text/rtf ' +
  `${SHEET} application/vnd.openxmlformats-officedocument.wordprocessingml.document ` +
  'application/vnd.openxmlformats-officedocument.presentationml.presentation'
).split(' ');
const AGNO_EXTENSIONS = (
  'pdf json js docx doc pptx ppt xlsx xls msg py txt html htm css md markdown csv xml rtf ' +
  'png jpg jpeg gif webp bmp tiff tif avif heic heif wav mp3 ogg m4a aac flac flv mov mpeg mpg mp4 webm wmv 3gp'
).split(' ');

function kindOf(type: string): string {
  const [top = ''] = type.split('/');
  return ['image', 'audio', 'video'].includes(top) ? top : 'file';
}

describe('fileTypeOf()', () => {
  it.each([
    ['image/png', undefined, 'image', 'image/png'],
    ['IMAGE/PNG; q=1', undefined, 'image', 'image/png'],
    ['image/x-unheard-of', undefined, 'image', 'image/x-unheard-of'],
    ['audio/x-wav', undefined, 'audio', 'audio/wav'],
    ['video/mp4', 'a.png', 'video', 'video/mp4'],
    ['application/pdf', 'a.exe', 'file', 'application/pdf'],
    ['application/vnd.openxmlformats-officedocument.wordprocessingml.document', undefined, 'file', undefined],
    ['application/vnd.openxmlformats-officedocument.spreadsheetml.sheet', undefined, 'file', undefined],
    [
      'application/vnd.openxmlformats-officedocument.presentationml.presentation',
      undefined,
      'file',
      undefined,
    ],
    ['application/json', undefined, 'file', undefined],
    ['application/x-yaml', undefined, 'file', undefined],
    ['text/csv;charset=utf-8', undefined, 'file', 'text/csv'],
    ['text/x-rust', undefined, 'file', 'text/x-rust'],
  ])('recognizes %s (%s) as %s by its media type', (mediaType, name, kind, expected) => {
    expect(fileTypeOf(mediaType, name)).toEqual({ kind, mediaType: expected ?? mediaType });
  });

  it.each([
    [undefined, 'photo.JPG', 'image', 'image/jpeg'],
    ['', 'voice.mp3', 'audio', 'audio/mpeg'],
    ['no type', 'clip.mov', 'video', 'video/quicktime'],
    ['application/octet-stream', 'report.v2.pdf', 'file', 'application/pdf'],
    ['application/octet-stream', 'table.xlsx', 'file', undefined],
    ['text/plain', 'photo.png', 'image', 'image/png'],
    ['text/plain', 'notes.md', 'file', 'text/markdown'],
    ['text/plain', 'notes.unheard', 'file', 'text/plain'],
  ])('recognizes a file of type %p called %s by its name, as %s', (mediaType, name, kind, expected) => {
    const known = fileTypeOf(mediaType, name);
    expect(known).toEqual({ kind, mediaType: expected ?? expect.stringMatching(/sheet$/) });
  });

  it.each([
    ['application/zip', 'a.png'],
    ['application/x-msdownload', undefined],
    ['font/woff', 'a.txt'],
    ['image/', undefined],
    ['multipart/form-data', undefined],
    ['application/octet-stream', undefined],
    ['application/octet-stream', 'setup.exe'],
    [undefined, 'png'],
    [undefined, 'file.constructor'],
    [undefined, undefined],
    ['application/zip', 'archive.zip'],
    ['application/x-zip-compressed', undefined],
    ['application/x-download', 'setup.exe'],
  ])('returns nothing for a file of type %p called %p', (mediaType, name) => {
    expect(fileTypeOf(mediaType, name)).toBeUndefined();
  });

  // What Windows, browsers and servers say of files that they do not know, or take for others.
  it.each([
    ['application/vnd.ms-excel', 'prices.csv', 'text/csv'],
    ['application/vnd.ms-excel', 'prices.TSV', 'text/tab-separated-values'],
    ['application/x-msexcel', 'prices.csv', 'text/csv'],
    ['application/vnd.ms-excel', 'prices.xls', 'application/vnd.ms-excel'],
    ['application/vnd.ms-excel', 'table.xlsx', SHEET],
    ['application/msword', 'letter.rtf', 'application/rtf'],
    ['video/mp2t', 'app.ts', 'text/plain'],
    ['video/mp2t', 'app.tsx', 'text/plain'],
    ['model/vnd.mts', 'app.mts', 'text/plain'],
    ['video/vnd.dlna.mpeg-tts', 'app.ts', 'text/plain'],
    ['application/x-zip-compressed', 'table.xlsx', SHEET],
    ['application/zip', 'book.epub', 'application/epub+zip'],
    ['application/x-download', 'r.pdf', 'application/pdf'],
    ['application/force-download', 'r.pdf', 'application/pdf'],
    ['application/unknown', 'r.pdf', 'application/pdf'],
    ['', 'notes.ipynb', 'application/x-ipynb+json'],
    ['text/plain', 'notes.ipynb', 'application/x-ipynb+json'],
    ['application/x-ipynb+json', 'notes.ipynb', 'application/x-ipynb+json'],
    ['message/rfc822', 'mail.eml', 'message/rfc822'],
    ['application/octet-stream', 'mail.eml', 'message/rfc822'],
    ['application/vnd.ms-outlook', 'mail.msg', 'application/vnd.ms-outlook'],
    ['application/octet-stream', 'mail.msg', 'application/vnd.ms-outlook'],
    ['application/x-perl', 'a.pl', 'application/x-perl'],
    ['application/vnd.api+json', 'a.json', 'application/vnd.api+json'],
    ['application/x-genesis-rom', 'README.md', 'text/markdown'],
  ])('corrects %s of a file called %s to %s', (mediaType, name, expected) => {
    expect(fileTypeOf(mediaType, name)).toEqual({ kind: 'file', mediaType: expected });
  });

  it('accepts every type and every extension that agno accepts', () => {
    for (const type of AGNO_TYPES)
      expect([type, fileTypeOf(type, undefined)?.kind]).toEqual([type, kindOf(type)]);
    for (const extension of AGNO_EXTENSIONS)
      expect([extension, fileTypeOf('', `a.${extension}`)]).not.toEqual([extension, undefined]);
  });

  it.each([
    ['application/octet-stream', undefined, PNG, 'image/png'],
    ['application/octet-stream', 'scan', PDF, 'application/pdf'],
    ['application/octet-stream', 'scan.bin', PDF, 'application/pdf'],
    ['text/plain', undefined, PDF, 'application/pdf'],
    ['application/octet-stream', 'Dockerfile', TEXT, 'text/plain'],
    ['application/octet-stream', '.gitignore', TEXT, 'text/plain'],
    ['application/octet-stream', '.env.local', TEXT, 'text/plain'],
    ['application/octet-stream', 'Dockerfile.dev', TEXT, 'text/plain'],
    ['application/octet-stream', 'notes.xyz', TEXT, 'text/plain'],
    [undefined, 'notes.xyz', TEXT, 'text/plain'],
    ['application/vnd.dart', 'main.dart', TEXT, 'application/vnd.dart'],
    ['application/x-msdownload', 'run.bat', TEXT, 'text/plain'],
    ['application/x-msdos-program', 'run.bat', TEXT, 'text/plain'],
    ['application/x-x509-ca-cert', 'key.pem', TEXT, 'text/plain'],
    [SHEET, 'prices.csv', TEXT, 'text/csv'],
    [SHEET, 'prices.csv', ZIP, SHEET],
    [SHEET, 'prices.xlsx', ZIP, SHEET],
    ['', 'Makefile', Buffer.from(`\ufeff${TEXT}`, 'utf16le'), 'text/plain'],
    ['text/plain', undefined, TEXT, 'text/plain'],
    ['application/vnd.ms-excel', 'export.xls', '<table><tr><td>1</td></tr></table>', 'text/plain'],
    ['application/vnd.ms-excel', undefined, 'a;b\n1;2\n', 'text/plain'],
    ['application/vnd.ms-excel', 'export.xls', OLE, 'application/vnd.ms-excel'],
    ['application/vnd.ms-excel', 'prices.csv', OLE, 'application/vnd.ms-excel'],
    ['application/msword', 'letter.doc', '{\\rtf1 Hi}', 'application/rtf'],
    ['video/mp2t', 'app.ts', 'export const a = 1;', 'text/plain'],
    ['video/mp2t', undefined, 'export const a = 1;', 'text/plain'],
    ['video/mp2t', 'film.ts', TRANSPORT_STREAM, 'video/mp2t'],
    ['application/octet-stream', 'film.ts', TRANSPORT_STREAM, 'video/mp2t'],
    ['image/jpeg', 'photo.jpg', PNG, 'image/png'],
    ['image/png', 'photo.png', Buffer.from('RIFF\x01\x02\x03\x04WEBPVP8 ', 'latin1'), 'image/webp'],
    ['image/png', 'photo.png', TEXT, 'image/png'],
  ])('reads %p of a file called %p that begins with %p as %s', (mediaType, name, bytes, expected) => {
    expect(fileTypeOf(mediaType, name, Buffer.from(bytes as string))?.mediaType).toBe(expected);
  });

  it.each([
    ['application/octet-stream', undefined, TEXT],
    ['application/octet-stream', undefined, EXE],
    ['application/octet-stream', 'notes.xyz', EXE],
    ['application/octet-stream', 'setup.exe', TEXT],
    ['application/x-msdownload', 'run.bat', EXE],
    ['application/x-x509-ca-cert', 'key.pem', EXE],
    ['application/octet-stream', 'setup.exe', EXE],
    ['text/plain', 'setup.exe', EXE],
    ['text/plain', undefined, EXE],
    ['application/octet-stream', 'setup', EXE],
    ['application/octet-stream', 'notes.txt', EXE],
    ['application/zip', 'a.png', PNG],
    ['application/x-msdownload', 'a.csv', TEXT],
  ])('returns nothing for a file of type %p called %p that begins with %p', (mediaType, name, bytes) => {
    expect(fileTypeOf(mediaType, name, Buffer.from(bytes as string))).toBeUndefined();
  });
});
