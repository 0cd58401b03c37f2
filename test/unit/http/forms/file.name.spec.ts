import { describe, expect, it } from '@jest/globals';

import { safeFileName } from '../../../../src/http/forms/file.name.js';

describe('safeFileName()', () => {
  it.each([
    ['report.pdf', 'report.pdf'],
    ['Übersicht für 2026 – 概要.pdf', 'Übersicht für 2026 – 概要.pdf'],
    ['👩‍🚀.png', '👩‍🚀.png'],
    ['../../etc/passwd', 'passwd'],
    ['/etc/passwd', 'passwd'],
    ['C:\\Users\\ann\\notes.txt', 'notes.txt'],
    ['..\\..\\boot.ini', 'boot.ini'],
    ['a\0b\r\nc\u2028d.txt', 'abcd.txt'],
    ['.\0./x/.\n.', undefined],
    ['invoice\u202egnp.exe', 'invoicegnp.exe'],
    ['half \ud83d character.txt', 'half  character.txt'],
    [' padded.txt ', 'padded.txt'],
    ['.env', '.env'],
    ['..', undefined],
    ['folder/', undefined],
    ['', undefined],
  ])('turns %j into %j', (name, expected) => {
    expect(safeFileName(name)).toBe(expected);
  });

  it('shortens a long name and keeps its end', () => {
    const name = safeFileName(`${'x'.repeat(5_000)}.jpeg`);
    expect([name?.length, name?.endsWith('x.jpeg')]).toEqual([255, true]);
    expect(safeFileName(`${'x'.repeat(254)}👋${'y'.repeat(50)}`)).toBe('x'.repeat(254));
  });

  it('reads only the end of a path, which may have millions of segments', () => {
    expect(safeFileName(`${'/'.repeat(5_000_000)}a.txt`)).toBe('a.txt');
    expect(safeFileName(`a.txt${'\0'.repeat(4_096)}`)).toBeUndefined();
  });
});
