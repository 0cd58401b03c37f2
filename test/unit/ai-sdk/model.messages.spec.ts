import { describe, expect, it } from '@jest/globals';

import { toModelMessages } from '../../../src/ai-sdk/model.messages.js';
import type { Message } from '../../../src/model/message.js';
import type { RunFile } from '../../../src/model/run-input.js';

const messageOf = (role: Message['role'], content: string): Message => ({
  id: content,
  role,
  content,
  createdAt: 0,
});
const question = messageOf('user', 'And now?');

/** What the model gets besides the text of the question. */
function partsOf(...files: readonly RunFile[]): unknown {
  const [message] = toModelMessages([question], files);
  expect(message?.content[0]).toEqual({ type: 'text', text: 'And now?' });
  return message?.content.slice(1);
}

const base64 = (bytes: string | readonly number[]): string => Buffer.from(bytes as string).toString('base64');

describe('toModelMessages()', () => {
  it('puts files into the last question and leaves the other messages unchanged', () => {
    const messages = [
      messageOf('system', 'Be kind.'),
      messageOf('user', 'Hi'),
      messageOf('assistant', 'Hello'),
      question,
    ];
    const file: RunFile = { id: 'f', kind: 'image', mediaType: 'image/png', content: 'AAAA' };
    expect(toModelMessages(messages, [file])).toEqual([
      { role: 'system', content: 'Be kind.' },
      { role: 'user', content: 'Hi' },
      { role: 'assistant', content: 'Hello' },
      {
        role: 'user',
        content: [
          { type: 'text', text: 'And now?' },
          { type: 'file', data: 'AAAA', mediaType: 'image/png' },
        ],
      },
    ]);
    expect(toModelMessages(messages, []).at(-1)).toEqual({ role: 'user', content: 'And now?' });
  });

  it('asks with files alone if the question is blank', () => {
    const file: RunFile = { id: 'f', kind: 'image', mediaType: 'image/png', content: 'AAAA' };
    expect(toModelMessages([messageOf('user', ' \n')], [file])).toEqual([
      { role: 'user', content: [{ type: 'file', data: 'AAAA', mediaType: 'image/png' }] },
    ]);
  });

  it('passes files on with their names and types, or with the best type that can be inferred', () => {
    expect(
      partsOf(
        { id: '1', kind: 'file', mediaType: 'application/pdf', name: 'a.pdf', content: 'AAAA' },
        { id: '2', kind: 'image', content: 'AAAA' },
        { id: '3', kind: 'file', content: 'AAAA' },
      ),
    ).toEqual([
      { type: 'file', data: 'AAAA', mediaType: 'application/pdf', filename: 'a.pdf' },
      { type: 'file', data: 'AAAA', mediaType: 'image/*' },
      { type: 'file', data: 'AAAA', mediaType: 'application/octet-stream' },
    ]);
  });

  it('infers the type of files whose type is missing or wrong', () => {
    const [png, excel] = [base64([0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a]), 'application/vnd.ms-excel'];
    expect(
      partsOf(
        { id: '1', kind: 'image', mediaType: 'image/jpeg', content: png },
        { id: '2', kind: 'file', name: 'r.pdf', content: png },
        { id: '3', kind: 'file', name: 'a.csv', mediaType: excel, content: base64('a,1') },
      ),
    ).toMatchObject([
      { type: 'file', mediaType: 'image/png' },
      { type: 'file', mediaType: 'application/pdf', filename: 'r.pdf' },
      { type: 'text', text: 'The file "a.csv":\na,1' },
    ]);
  });

  it('passes the addresses of files on', () => {
    const url = 'https://example.com/a.png';
    expect(partsOf({ id: '1', kind: 'image', mediaType: 'image/png', url })).toEqual([
      { type: 'file', data: new URL(url), mediaType: 'image/png' },
    ]);
  });

  it.each([
    'text/csv',
    'application/json',
    'application/x-yaml',
    'application/ld+json',
    'application/xml',
    'image/svg+xml',
    'message/rfc822',
  ])('passes %s on as text', (mediaType) => {
    expect(partsOf({ id: '1', kind: 'file', mediaType, content: base64('a: 1') })).toEqual([
      { type: 'text', text: 'A file:\na: 1' },
    ]);
  });

  it.each([
    ['UTF-8', base64('täglich €'), 'täglich €'],
    ['UTF-8 with a mark', base64('\ufefftäglich'), 'täglich'],
    ['UTF-16, as Excel writes it', base64([0xff, 0xfe, 0xe4, 0x00, 0xac, 0x20]), 'ä€'],
    ['Windows-1252', base64([0x80, 0x35, 0x96]), '€5–'],
    ['Latin-1', base64([0x74, 0xe4, 0x67, 0x6c, 0x69, 0x63, 0x68]), 'täglich'],
  ])('reads texts in %s', (_encoding, content, text) => {
    expect(partsOf({ id: '1', kind: 'file', mediaType: 'text/csv', name: 'a.csv', content })).toEqual([
      { type: 'text', text: `The file "a.csv":\n${text}` },
    ]);
  });

  it('names a file whose content was removed', () => {
    expect(partsOf({ id: '1', kind: 'image', mediaType: 'image/png', name: 'a.png' })).toEqual([
      { type: 'text', text: 'The file "a.png" has no content.' },
    ]);
  });
});
