import { describe, expect, it, jest } from '@jest/globals';

import { forLog, quoted, reasonOf } from '../../../src/errors/log.text.js';
import { sizeOfBase64 } from '../../../src/http/forms/media.content.js';
import { isBlank } from '../../../src/model/blank.js';
import { textOfFile } from '../../../src/model/file.text.js';
import { fileTypeOf } from '../../../src/model/file.type.js';
import { jsonInAnswer, jsonInText, lastObjectInText } from '../../../src/model/json-in-text.js';
import { decodeText } from '../../../src/model/text.decoding.js';
import { expectLinear } from '../../support/linear.js';

// Tries are repeated while other processes disturb them.
jest.setTimeout(60_000);

const NAMED: Readonly<Record<string, string>> = {
  ' ': 'blanks',
  '\n': 'ends of lines',
  '\u3000': 'wide blanks',
};

const nameOf = (piece: string): readonly [string, string] => [NAMED[piece] ?? piece, piece];

describe('Looking for JSON in what a model has written', () => {
  const PIECES = [
    ...[
      '[t]',
      '[true x]',
      '[',
      '[[1,',
      '[\n',
      '["]',
      '[1]',
      '{}',
      '{',
      '{ ',
      '{"":}',
      '{"a":',
      '{"a":"',
      '\\"',
      ' ',
    ],
    ...['<think></think>', '<think>', '</think>', '```json\n{}\n```\n', '```json\n', '```'],
  ];

  it.each(PIECES.map(nameOf))('is linear and quick on a text of %s', async (_, piece) => {
    await expectLinear(piece, jsonInText);
    await expectLinear(piece, (text) => jsonInAnswer(`Well: ${text}`));
  });

  it('reads nothing behind a thousand values, as if the text could not be read', () => {
    const [many, tooMany] = [999, 1_000].map((count) => `${'[1] '.repeat(count)}{"passed":true}`);
    expect(lastObjectInText(many as string)).toEqual({ passed: true });
    expect(lastObjectInText(tooMany as string)).toBeUndefined();
  });
});

describe('Whether a text is blank', () => {
  it.each([' ', '\u3000', '\n'].map(nameOf))('is told in linear time of a text of %s', (_, piece) =>
    expectLinear(piece, (text) => isBlank(`${text}x`)),
  );

  it('is told of a text of any length', () => {
    const wide = '\u3000'.repeat(20 * 1024 * 1024);
    expect(isBlank(wide)).toBe(true);
    expect(isBlank('\u2800 \u200b\u2800')).toBe(true);
    expect(isBlank(`${wide}x`)).toBe(false);
  });
});

describe('Reading a file', () => {
  it.each([0x80, 0x20, 0xff])('decodes bytes %i in linear time', (byte) =>
    expectLinear('x', (text) => decodeText(Buffer.alloc(text.length, byte))),
  );

  it('reads each byte of Windows-1252', () => {
    const bytes = Buffer.from([0x41, 0x80, 0x81, 0x9f, 0xa0, 0xe4]);
    expect(decodeText(bytes)).toBe('A€\x81Ÿ\u00a0ä');
  });

  it.each(['.', 'a.', '; charset = ', '<meta charset = ', '<?xml ', '+json'])(
    'is linear with names, types and heads of %s',
    async (piece) => {
      await expectLinear(piece, (text) => fileTypeOf(text, text, Buffer.from(text)));
      await expectLinear(piece, (text) =>
        textOfFile({
          id: 'file',
          kind: 'file',
          mediaType: `text/plain${text}`,
          name: text,
          content: Buffer.from(text).toString('base64'),
        }),
      );
    },
  );

  it.each(['A', '=', 'A='])('measures base64 of %s in linear time', (piece) =>
    expectLinear(piece, sizeOfBase64),
  );
});

describe('Writing for the log', () => {
  it.each(['\n', '\u2028', '\n at ', ' '].map(nameOf))('is linear with %s', async (_, piece) => {
    await expectLinear(piece, quoted);
    await expectLinear(piece, (text) => reasonOf(new Error(text)));
    await expectLinear(piece, (text) => forLog(Object.assign(new Error('x'), { stack: `Error: x${text}` })));
  });
});
