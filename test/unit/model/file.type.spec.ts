import { describe, expect, it } from '@jest/globals';

import { fileTypeOf } from '../../../src/model/file.type.js';

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
  ])('knows %s (%s) as %s by its media type', (mediaType, name, kind, expected) => {
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
  ])('knows a file of type %p called %s by its name, as %s', (mediaType, name, kind, expected) => {
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
  ])('does not know a file of type %p called %p', (mediaType, name) => {
    expect(fileTypeOf(mediaType, name)).toBeUndefined();
  });
});
