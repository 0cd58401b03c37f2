import { describe, it, jest } from '@jest/globals';

import { forLog, quoted, reasonOf } from '../../src/errors/log.text.js';
import { readPartHead } from '../../src/http/forms/part.head.js';
import { sizeOfBase64 } from '../../src/http/forms/media.content.js';
import { isBlank } from '../../src/model/blank.js';
import { textOfFile } from '../../src/model/file.text.js';
import { fileTypeOf } from '../../src/model/file.type.js';
import { jsonInAnswer, jsonInText } from '../../src/model/json-in-text.js';
import { decodeText } from '../../src/model/text.decoding.js';
import { expectCheap, expectLinear, fill } from '../support/cost.js';

// Tries are repeated while other processes disturb them.
jest.setTimeout(60_000);

const NAMED: Readonly<Record<string, string>> = {
  ' ': 'blanks',
  '\n': 'ends of lines',
  '\u3000': 'wide blanks',
};

const nameOf = (piece: string): readonly [string, string] => [NAMED[piece] ?? piece, piece];

describe("The search for JSON in a model's text", () => {
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
    await expectLinear(piece, jsonInAnswer);
    await expectLinear(piece, (text) => jsonInAnswer(`Well: ${text}`));
  });

  it.each(['{"', '{"a":[', '[{"a":', '[1,', '`', 'a\n```json\n1\n```\n', '{"a":1}', '{"\\', '"[{'])(
    'costs little on a text of %j',
    async (piece) => {
      const text = fill(piece, 1024 * 1024);
      await expectCheap(50, () => [jsonInText(text), jsonInAnswer(text)]);
    },
  );
});

describe('The check for a blank text', () => {
  it.each([' ', '\u3000', '\n'].map(nameOf))('takes linear time on a text of %s', (_, piece) =>
    expectLinear(piece, (text) => isBlank(`${text}x`)),
  );
});

describe('The reader of files', () => {
  it.each([0x80, 0x20, 0xff])('decodes bytes %i in linear time', (byte) =>
    expectLinear('x', (text) => decodeText(Buffer.alloc(text.length, byte))),
  );

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

describe('The writer of log texts', () => {
  it.each(['\n', '\u2028', '\n at ', ' '].map(nameOf))('is linear on a text with %s', async (_, piece) => {
    await expectLinear(piece, quoted);
    await expectLinear(piece, (text) => reasonOf(new Error(text)));
    await expectLinear(piece, (text) => forLog(Object.assign(new Error('x'), { stack: `Error: x${text}` })));
  });
});

describe('The reader of the head of a part of a multipart body', () => {
  it.each(['; ', '; a', '; a="', '; a="\\"', '; a=\\"'])('costs little with parameters of %s', (piece) => {
    const header = `form-data${fill(piece, 1024 * 1024)}`;
    return expectCheap(50, () => readPartHead({ 'content-disposition': [header] }));
  });
});
