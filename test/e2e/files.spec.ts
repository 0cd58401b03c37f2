import { once } from 'node:events';
import type { Server } from 'node:http';
import type { Socket } from 'node:net';

import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import type { NestInterceptor } from '@nestjs/common';
import {
  Agent,
  InputCheckError,
  Team,
  Workflow,
  defineGuardrail,
  defineHook,
  type AgentOsHttpOptions,
  type PostHookContext,
  type PreHookContext,
} from 'nestjs-agentos';
import { textOfFile } from 'nestjs-agentos/engine';
import type { EngineRequest } from 'nestjs-agentos/engine';
import { createGate } from 'nestjs-agentos/testing';
import { finalize } from 'rxjs';

import { inBackground } from '../support/background-hook.js';
import { parseFrames, postBody, runJson, type JsonAnswer, type RunBody } from '../support/http-client.js';
import { readUploads, type ParserStyle, type ReadFile } from '../support/host-uploads.js';
import { readAnswer, sendRaw } from '../support/raw-client.js';
import { ADAPTERS, closeApps, startApp, type TestApp } from '../support/test-app.js';
import { recordUnhandledRejections } from '../support/unhandled-rejections.js';
import { uploadOf, type UploadedFile } from '../support/upload-form.js';

type RunFile = EngineRequest['files'][number];

let requests: EngineRequest[];
beforeEach(() => {
  requests = [];
});
afterEach(closeApps);

const echo = new Agent({
  id: 'echo',
  engine: (request) => {
    requests.push(request);
    return request.input;
  },
});

async function send(url: string, body: RunBody, path = '/agents/echo'): Promise<JsonAnswer> {
  const response = await postBody(url, path, body);
  return { status: response.status, body: (await response.json()) as JsonAnswer['body'] };
}

/** What the engine got, with the content as text. */
function received(): object[] {
  return (requests.at(-1)?.files ?? []).map(({ id: _id, content, ...file }) => ({
    ...file,
    content: content === undefined ? undefined : Buffer.from(content, 'base64').toString(),
  }));
}

const bytes = (count: number): Uint8Array<ArrayBuffer> => new Uint8Array(count).fill(65);

describe.each(ADAPTERS)('Files that are uploaded with a run on %s', (adapter) => {
  const start = (http: AgentOsHttpOptions = {}): Promise<TestApp> =>
    startApp({ adapter, agentOs: { agents: [echo], http } });

  it('keep the character set that their sender names, so that their texts are readable', async () => {
    const { url } = await start();
    const [cyrillic, japanese] = [Buffer.from([0xcf, 0xf0]), Buffer.from([0x82, 0xb1, 0x82, 0xf1])];
    const form = uploadOf([
      { name: 'a.txt', type: 'text/plain; charset=windows-1251', content: Uint8Array.from(cyrillic) },
      { name: 'b.csv', type: 'text/csv; Charset="Shift_JIS"', content: Uint8Array.from(japanese) },
      { name: 'c.txt', type: 'text/plain; charset=UTF-8', content: Uint8Array.from(Buffer.from('é')) },
    ]);
    await send(url, form);
    const read = (): unknown => requests.at(-1)?.files.map((file) => [file.mediaType, textOfFile(file)]);
    expect(read()).toEqual([
      ['text/plain; charset=windows-1251', 'Пр'],
      ['text/csv; charset=shift_jis', 'こん'],
      ['text/plain', 'é'],
    ]);

    const type = 'text/plain; charset=windows-1251';
    const base64 = Buffer.from('\xcf\xf0\xe8\xe2\xe5\xf2!', 'latin1').toString('base64');
    const files = [
      { mime_type: type, content: base64 },
      { mime_type: type, content: 'Привет!' },
    ];
    await runJson(url, '/agents/echo', 'hi', { input_files: JSON.stringify(files) });
    expect(read()).toEqual([
      [type, 'Привет!'],
      ['text/plain', 'Привет!'],
    ]);
  });

  it('reach the engine, in order and byte for byte, whatever their field is called', async () => {
    const { url } = await start();
    const everyByte = Uint8Array.from({ length: 256 }, (_none, index) => index);
    const form = uploadOf([
      { name: 'photo.png', type: 'image/png', content: everyByte },
      { name: 'voice.mp3', type: 'audio/mpeg' },
      { name: 'clip.mp4', type: 'video/mp4' },
      { name: 'table.csv', type: 'text/csv', field: 'attachment' },
    ]);
    expect(await send(url, form)).toMatchObject({ status: 200, body: { content: 'hi' } });
    expect(received().slice(1)).toEqual([
      { kind: 'audio', name: 'voice.mp3', mediaType: 'audio/mpeg', content: 'voice.mp3' },
      { kind: 'video', name: 'clip.mp4', mediaType: 'video/mp4', content: 'clip.mp4' },
      { kind: 'file', name: 'table.csv', mediaType: 'text/csv', content: 'table.csv' },
    ]);
    expect(requests[0]?.files[0]).toEqual({
      id: expect.stringMatching(/^[0-9a-f-]{36}$/),
      kind: 'image',
      name: 'photo.png',
      mediaType: 'image/png',
      content: Buffer.from(everyByte).toString('base64'),
    });
  });

  it('arrive as agent-ui sends them: with an empty session, in a stream', async () => {
    const { url } = await start();
    const form = uploadOf([{ name: 'photo.png', type: 'image/png' }], { stream: 'true', session_id: '' });
    const response = await postBody(url, '/agents/echo', form);
    expect(parseFrames(await response.text()).at(-1)?.data).toMatchObject({ event: 'RunCompleted' });
    expect(received()).toEqual([
      { kind: 'image', name: 'photo.png', mediaType: 'image/png', content: 'photo.png' },
    ]);
  });

  it('get their type from their names if the client does not know it', async () => {
    const { url } = await start();
    await send(url, uploadOf([{ name: 'scan.pdf', type: 'application/octet-stream' }, { name: 'a.webp' }]));
    expect(received()).toMatchObject([
      { kind: 'file', mediaType: 'application/pdf' },
      { kind: 'image', mediaType: 'image/webp' },
    ]);
  });

  it('get their type from names and bytes where Windows and browsers send another one', async () => {
    const { url } = await start();
    const form = uploadOf([
      { name: 'prices.csv', type: 'application/vnd.ms-excel', content: 'Ann,5' },
      { name: 'app.ts', type: 'video/mp2t', content: 'export {};' },
      { name: 'r.pdf', type: 'application/x-download', content: '%PDF-1.7' },
      { name: 'table.xlsx', type: 'application/x-zip-compressed', content: 'PK\x03\x04' },
      { name: 'scan', content: '%PDF-1.7' },
      { name: 'Dockerfile', content: 'FROM node' },
      { name: 'mail.eml', type: 'message/rfc822', content: 'From: a@example.com' },
      { name: 'mail.msg', type: 'application/vnd.ms-outlook' },
      { name: 'notes.ipynb', type: 'application/x-ipynb+json', content: '{}' },
    ]);
    expect((await send(url, form)).status).toBe(200);
    expect(requests[0]?.files.map(({ mediaType }) => mediaType)).toEqual([
      'text/csv',
      'text/plain',
      'application/pdf',
      'application/vnd.openxmlformats-officedocument.spreadsheetml.sheet',
      'application/pdf',
      'text/plain',
      'message/rfc822',
      'application/vnd.ms-outlook',
      'application/x-ipynb+json',
    ]);
  });

  it('keep names of any script, and lose the folders before them', async () => {
    const { url } = await start();
    await send(
      url,
      uploadOf([
        { name: 'Übersicht 概要 👋.txt' },
        { name: '../../etc/passwd.txt' },
        { name: 'C:\\x\\a.txt' },
      ]),
    );
    expect(received()).toMatchObject([
      { name: 'Übersicht 概要 👋.txt' },
      { name: 'passwd.txt' },
      { name: 'a.txt' },
    ]);
  });

  it('may be absent, as when no file is chosen in a browser', async () => {
    const { url } = await start({ maxFiles: 0 });
    const form = uploadOf([{ name: '', type: 'application/octet-stream', content: '' }]);
    expect((await send(url, form)).status).toBe(200);
    expect(received()).toEqual([]);
  });

  it('may be larger than the limit of the host for other bodies', async () => {
    const { url } = await start();
    expect((await send(url, uploadOf([{ name: 'a.png', content: bytes(3_000_000) }]))).status).toBe(200);
    expect(requests[0]?.files[0]?.content).toHaveLength(4_000_000);
  });

  it.each<[string, readonly UploadedFile[], number, string]>([
    ['of a type that no model reads', [{ name: 'setup.exe' }], 400, 'Unsupported file type'],
    ['that only claim to be texts', [{ name: 'a.txt', content: 'MZ\0\x03' }], 400, 'Unsupported file type'],
    [
      'of a type that its name hides',
      [{ name: 'a.png', type: 'application/zip' }],
      400,
      'Unsupported file type',
    ],
    ['that are empty', [{ name: '../a.txt', content: '' }], 400, 'The file "a.txt" is empty.'],
    [
      'one of which is too large',
      [{ name: 'a.txt' }, { name: 'b.png', content: bytes(1_001) }],
      413,
      'The file "b.png" is larger than 1000 bytes.',
    ],
    [
      'that are too large by far',
      [{ name: 'b.png', content: bytes(20_000_000) }],
      413,
      'The file "b.png" is larger than 1000 bytes.',
    ],
    [
      'that are too many',
      [{ name: 'a.txt' }, { name: 'b.txt' }, { name: 'c.txt' }],
      413,
      'The request has more than 2 files.',
    ],
  ])('are refused %s, before anything runs', async (_what, files, status, detail) => {
    const { url } = await start({ maxFileSize: 1_000, maxFiles: 2 });
    expect(await send(url, uploadOf(files))).toEqual({ status, body: { detail } });
    expect(requests).toEqual([]);
    // The connection is still good, and so is the server.
    expect(await send(url, uploadOf([{ name: 'b.png', content: bytes(1_000) }]))).toMatchObject({
      status: 200,
    });
  });

  it('are refused if the host has turned uploads off', async () => {
    const { url } = await start({ maxFiles: 0 });
    expect(await send(url, uploadOf([{ name: 'a.txt' }]))).toEqual({
      status: 413,
      body: { detail: 'Files are not accepted here.' },
    });
  });

  it('are refused without a name or a type, except an empty one', async () => {
    const { port } = await start();
    const body =
      '--b\r\nContent-Disposition: form-data; name="message"\r\n\r\nhi\r\n' +
      '--b\r\nContent-Disposition: form-data; name="files"\r\n' +
      'Content-Type: application/octet-stream\r\n\r\nbytes\r\n--b--\r\n';
    const headers = { 'content-type': 'multipart/form-data; boundary=b' };
    const answer = await readAnswer(await sendRaw(port, '/agents/echo/runs', headers, body));
    expect([answer.statusLine, JSON.parse(answer.body)]).toEqual([
      'HTTP/1.1 400 Bad Request',
      { detail: 'Unsupported file type' },
    ]);
  });

  it('leave nothing behind if their client leaves in the middle of one', async () => {
    const rejections = recordUnhandledRejections();
    const { port, url, log, agentOs } = await start();
    const headers = { 'content-type': 'multipart/form-data; boundary=b', 'content-length': '100000' };
    const body =
      '--b\r\nContent-Disposition: form-data; name="message"\r\n\r\nhi\r\n' +
      '--b\r\nContent-Disposition: form-data; name="files"; filename="a.txt"\r\n\r\nthe first half';
    const socket = await sendRaw(port, '/agents/echo/runs', headers, body);
    // The server has seen the request once it answers another one that came later.
    await runJson(url, '/agents/echo', 'later');
    socket.destroy();
    await once(socket, 'close');
    await runJson(url, '/agents/echo', 'last');
    expect(requests.map(({ input }) => input)).toEqual(['later', 'last']);
    await agentOs.drain();
    expect(log.messages('error')).toEqual([]);
    expect(await rejections.stop()).toEqual([]);
  });

  it('are discarded if their client has left before a handler reads them', async () => {
    const [arrived, left, ended] = [createGate(), createGate(), createGate()];
    const hold: NestInterceptor = {
      async intercept(_context, next) {
        arrived.open();
        await left.opened;
        return next.handle().pipe(finalize(ended.open));
      },
    };
    const { app, port } = await startApp({
      adapter,
      agentOs: { agents: [echo] },
      beforeListen: (starting) => starting.useGlobalInterceptors(hold),
    });
    const disconnected = new Promise<void>((resolve) => {
      const server = app.getHttpServer() as Server;
      server.once('connection', (connection: Socket) => connection.once('close', () => resolve()));
    });
    const headers = { 'content-type': 'multipart/form-data; boundary=b', 'content-length': '100000' };
    const socket = await sendRaw(port, '/agents/echo/runs', headers, '--b\r\n');
    await arrived.opened;
    socket.destroy();
    await disconnected;
    left.open();
    await ended.opened;
    expect(requests).toEqual([]);
  });
});

describe.each(ADAPTERS)('Files that a run on %s describes', (adapter) => {
  const start = (http: AgentOsHttpOptions = {}): Promise<TestApp> =>
    startApp({ adapter, agentOs: { agents: [echo], http } });
  const image = { content: Buffer.from('a picture').toString('base64'), mime_type: 'image/png' };
  const images = JSON.stringify([image]);
  const expected = [{ kind: 'image', mediaType: 'image/png', content: 'a picture' }];

  it.each<[string, RunBody]>([
    ['urlencoded', new URLSearchParams({ message: 'hi', stream: 'false', images })],
    ['as multipart', uploadOf([], { images })],
    ['as JSON', JSON.stringify({ message: 'hi', stream: false, images: [image] })],
  ])('arrive %s', async (_how, body) => {
    const { url } = await start();
    expect(await send(url, body)).toMatchObject({ status: 200 });
    expect(received()).toEqual(expected);
  });

  const large = JSON.stringify([{ content: 'A'.repeat(4_000_000), mime_type: 'image/png' }]);

  it('may be as large as those that are uploaded, in a multipart form', async () => {
    const { url } = await start({ maxFileSize: 3_000_000, maxFiles: 1 });
    expect(await send(url, uploadOf([], { images: large }))).toMatchObject({ status: 200 });
    expect(requests[0]?.files[0]?.content).toHaveLength(4_000_000);
    const larger = JSON.stringify([{ content: 'A'.repeat(4_000_004), filename: 'a.png' }]);
    expect(await send(url, uploadOf([], { input_files: larger }))).toEqual({
      status: 413,
      body: { detail: 'The file "a.png" is larger than 3000000 bytes.' },
    });
  });

  it.each(['urlencoded', 'as JSON'])('may be as large %s, if the host takes such bodies', async (how) => {
    const fields = { message: 'hi', stream: 'false', images: large };
    const body = how === 'as JSON' ? JSON.stringify(fields) : new URLSearchParams(fields);
    const agentOs = { agents: [echo] };
    const { url } = await startApp({ adapter, agentOs, bodyLimit: 5_000_000 });
    expect(await send(url, body)).toMatchObject({ status: 200 });
    expect(requests[0]?.files[0]?.content).toHaveLength(4_000_000);
    const { url: unprepared } = await start();
    expect((await postBody(unprepared, '/agents/echo', body)).status).toBe(413);
  });

  it('are refused if their fields are larger than all files may be, alone or together', async () => {
    const { url } = await start({ maxFileSize: 1_000, maxFiles: 2 });
    const padded = (size: number): string => ' '.repeat(size - 2) + '[]';
    const refusal = (field: string): object => ({
      status: 413,
      body: { detail: `The form field "${field}" is too large.` },
    });
    const room = 1024 * 1024 + Math.ceil((2_000 * 4) / 3);
    expect(await send(url, uploadOf([], { images: padded(room + 1) }))).toEqual(refusal('images'));
    const half = padded(600_000);
    expect(await send(url, uploadOf([], { images: half }))).toMatchObject({ status: 200 });
    expect(await send(url, uploadOf([], { images: half, audio: half }))).toEqual(refusal('audio'));
    expect(await send(url, uploadOf([], { images: half, dependencies: half }))).toMatchObject({
      status: 200,
    });
    const other = padded(1024 * 1024 + 1);
    expect(await send(url, uploadOf([], { dependencies: other }))).toEqual(refusal('dependencies'));
  });

  it('arrive after those that are uploaded, and count with them', async () => {
    const { url } = await start({ maxFiles: 2 });
    const one = uploadOf([{ name: 'a.txt' }], { images });
    expect((await send(url, one)).status).toBe(200);
    expect(received()).toMatchObject([{ name: 'a.txt' }, ...expected]);
    const two = uploadOf([{ name: 'a.txt' }, { name: 'b.txt' }], { images });
    expect(await send(url, two)).toEqual({
      status: 413,
      body: { detail: 'The request has more than 2 files.' },
    });
  });

  it.each<[string, (images: string) => RunBody]>([
    ['as multipart', (described) => uploadOf([], { images: described })],
    ['as JSON', (described) => `{"message":"hi","stream":false,"images":${described}}`],
  ])('are counted before any of them is checked: %s', async (_how, bodyOf) => {
    const { url } = await start();
    // Each has something wrong with it that could be said.
    expect(await send(url, bodyOf(`[${'{},'.repeat(10)}{}]`))).toEqual({
      status: 413,
      body: { detail: 'The request has more than 10 files.' },
    });
    expect(await send(url, bodyOf(`[${'{},'.repeat(9)}{}]`))).toMatchObject({ status: 422 });
  });

  it.each([
    ['objects', `[${'{},'.repeat(300_000)}{}]`],
    ['objects in an object', `[{"name":[${'{},'.repeat(300_000)}{}]}]`],
    ['texts', `["${'","'.repeat(300_000)}"]`],
    ['arrays', '['.repeat(300_000)],
  ])(
    'are refused without being parsed if they have more %s than files can need',
    async (_what, described) => {
      const { url } = await start();
      expect(await send(url, uploadOf([], { images: described }))).toEqual({
        status: 422,
        body: {
          detail: [
            {
              type: 'json_invalid',
              loc: ['body', 'images'],
              msg: 'Input should be a JSON array of objects',
              input: `${described.slice(0, 1_000)}…`,
            },
          ],
        },
      });
    },
  );

  it('are refused with a hundred problems at most', async () => {
    const { url } = await start({ maxFiles: 150 });
    const { status, body } = await send(url, uploadOf([], { images: `[${'{},'.repeat(149)}{}]` }));
    expect([status, body['detail']]).toEqual([
      422,
      Array.from({ length: 100 }, (_, index) =>
        expect.objectContaining({ type: 'missing', loc: ['body', 'images', index, 'content'] }),
      ),
    ]);
  });

  it('must have short texts, except for their content', async () => {
    const { url } = await start();
    for (const name of ['id', 'mime_type', 'format']) {
      const described = [{ filename: 'a.png', content: image.content, [name]: 'x'.repeat(1_000_000) }];
      expect(await send(url, uploadOf([], { images: JSON.stringify(described) }))).toEqual({
        status: 422,
        body: {
          detail: [
            {
              type: 'string_too_long',
              loc: ['body', 'images', 0, name],
              msg: 'Input should be text of up to 255 characters without zero bytes',
              input: `${'x'.repeat(1_000)}…`,
            },
          ],
        },
      });
    }
  });

  it('may hold any characters in their texts', async () => {
    const { url } = await start({ maxFiles: 1 });
    const text = '[{,}]"\\'.repeat(1_000);
    const described = JSON.stringify([{ content: text, filename: 'a.txt' }]);
    expect(await send(url, uploadOf([], { input_files: described }))).toMatchObject({ status: 200 });
    expect(received()).toMatchObject([{ name: 'a.txt', content: text }]);
  });

  it.each([false, true])('may be URLs only if acceptClientContext (%p) says so', async (accepted) => {
    const { url } = await start({ acceptClientContext: accepted });
    const elsewhere = JSON.stringify([{ url: 'http://169.254.169.254/latest.png' }]);
    const { status, body } = await send(url, uploadOf([], { images: elsewhere }));
    expect([status, requests[0]?.files[0]?.url]).toEqual(
      accepted ? [200, 'http://169.254.169.254/latest.png'] : [422, undefined],
    );
    expect(body['detail']).toEqual(
      accepted ? undefined : [expect.objectContaining({ loc: ['body', 'images', 0, 'url'] })],
    );
  });

  it('are refused if the field comes twice', async () => {
    const { url } = await start();
    for (const form of [new URLSearchParams({ message: 'hi' }), uploadOf([])]) {
      form.append('images', images);
      form.append('images', images);
      expect(await send(url, form)).toMatchObject({
        status: 422,
        body: { detail: [{ type: 'json_invalid', input: [images, images] }] },
      });
    }
  });
});

describe.each(ADAPTERS)('The files of a run on %s', (adapter) => {
  const report = uploadOf([
    { name: 'report.pdf', content: '%PDF' },
    { name: 'secret.txt', content: 'x' },
  ]);
  const names = (files: readonly RunFile[] = []): (string | undefined)[] => files.map(({ name }) => name);

  it('are seen by inline pre-hooks, which may take some away', async () => {
    const keepPdf = defineHook(
      ({ runInput }: PreHookContext) => {
        runInput.files = runInput.files?.filter(({ mediaType }) => mediaType === 'application/pdf') ?? [];
      },
      { name: 'keepPdf', runInBackground: false },
    );
    const reader = new Agent({
      id: 'reader',
      engine: ({ files }) => names(files).join(),
      preHooks: [keepPdf],
    });
    const { url } = await startApp({ adapter, agentOs: { agents: [reader] } });
    expect(await send(url, report, '/agents/reader')).toMatchObject({ body: { content: 'report.pdf' } });
  });

  it('are seen by guardrails, which may refuse them', async () => {
    const noTexts = defineGuardrail(function noTexts({ runInput }: PreHookContext) {
      if (runInput.files?.some(({ mediaType }) => mediaType === 'text/plain'))
        throw new InputCheckError('No texts.');
    });
    const reader = new Agent({ id: 'reader', engine: () => 'read', preHooks: [noTexts] });
    const { url } = await startApp({ adapter, agentOs: { agents: [reader] } });
    expect(await send(url, report, '/agents/reader')).toMatchObject({
      status: 400,
      body: { detail: 'No texts.' },
    });
  });

  it('are seen by background hooks, with their content', async () => {
    const called = createGate();
    const seen: (string | undefined)[] = [];
    const watch = inBackground('watch', ({ runInput }: PostHookContext) => {
      seen.push(...(runInput.files ?? []).map(({ content }) => content));
      called.open();
    });
    const reader = new Agent({ id: 'reader', engine: () => 'read', postHooks: [watch] });
    const { url } = await startApp({ adapter, agentOs: { agents: [reader] } });
    await send(url, report, '/agents/reader');
    await called.opened;
    expect(seen.map((content) => Buffer.from(content ?? '', 'base64').toString())).toEqual(['%PDF', 'x']);
  });

  it('reach the members of a team and the steps of a workflow', async () => {
    const desk = new Team({
      id: 'desk',
      members: [echo],
      engine: ({ input, delegate }) => delegate('echo', input),
    });
    const flow = new Workflow({ id: 'flow', steps: [echo] });
    const { url } = await startApp({
      adapter,
      agentOs: { agents: [echo], teams: [desk], workflows: [flow] },
    });
    for (const path of ['/teams/desk', '/workflows/flow']) await send(url, report, path);
    expect(requests.map(({ files }) => names(files))).toEqual([
      ['report.pdf', 'secret.txt'],
      ['report.pdf', 'secret.txt'],
    ]);
  });
});

/** As multer leaves it with its storage in memory. */
const inMulterStyle: ParserStyle = (texts, files) => ({
  body: Object.assign(Object.create(null) as object, texts),
  files: files.map(({ field, name, type, content }) => ({
    fieldname: field,
    originalname: name,
    mimetype: type,
    buffer: content,
    size: content.length,
  })),
});

/** As `@fastify/multipart` leaves it with `attachFieldsToBody: true`. */
const inPartStyle: ParserStyle = (texts, files) => {
  const body: Record<string, unknown> = {};
  for (const [name, value] of Object.entries(texts)) body[name] = { type: 'field', value, fields: body };
  const parts = files.map(({ name, type, content }) => ({
    type: 'file',
    filename: name,
    mimetype: type,
    file: { truncated: false },
    fields: body,
    _content: content,
    toBuffer(): Promise<Buffer> {
      return Promise.resolve(this._content);
    },
  }));
  return { body: Object.assign(body, parts.length === 1 ? { files: parts[0] } : { files: parts }) };
};

/** As express-fileupload leaves it. */
const inFileUploadStyle: ParserStyle = (texts, files) => {
  const describeFile = ({ name, type, content }: ReadFile): object => ({
    name,
    mimetype: type,
    data: content,
    size: content.length,
    truncated: false,
  });
  return { body: texts, files: { files: files.map(describeFile) } };
};

describe.each(ADAPTERS)('Files that a body parser of the host has read on %s', (adapter) => {
  const start = (style: ParserStyle, http: AgentOsHttpOptions = {}): Promise<TestApp> =>
    startApp({
      adapter,
      agentOs: { agents: [echo], http },
      beforeListen: (app) => readUploads(app, adapter, style),
    });
  const STYLES: [string, ParserStyle][] = [
    ['multer', inMulterStyle],
    ['@fastify/multipart', inPartStyle],
    ['express-fileupload', inFileUploadStyle],
  ];

  it.each(STYLES)('reach the engine, as %s leaves them', async (_parser, style) => {
    const { url } = await start(style);
    const form = uploadOf([{ name: '../photo.png', type: 'image/png' }, { name: 'notes.txt' }]);
    expect(await send(url, form)).toMatchObject({ status: 200, body: { content: 'hi' } });
    expect(received()).toEqual([
      { kind: 'image', name: 'photo.png', mediaType: 'image/png', content: '../photo.png' },
      { kind: 'file', name: 'notes.txt', mediaType: 'text/plain', content: 'notes.txt' },
    ]);
    await send(url, uploadOf([{ name: 'one.txt' }]));
    expect(received()).toMatchObject([{ name: 'one.txt' }]);
  });

  it.each(STYLES)('are refused under the same rules, as %s leaves them', async (_parser, style) => {
    const { url } = await start(style, { maxFileSize: 10, maxFiles: 1 });
    const refusalOf = async (...files: UploadedFile[]): Promise<unknown> => {
      const { status, body } = await send(url, uploadOf(files));
      return [status, body['detail']];
    };
    expect(await refusalOf({ name: 'a.exe' })).toEqual([400, 'Unsupported file type']);
    expect(await refusalOf({ name: 'a.txt', content: '' })).toEqual([400, 'The file "a.txt" is empty.']);
    expect(await refusalOf({ name: 'a.txt', content: 'x'.repeat(11) })).toEqual([
      413,
      'The file "a.txt" is larger than 10 bytes.',
    ]);
    expect(await refusalOf({ name: 'a.txt' }, { name: 'b.txt' })).toEqual([
      413,
      'The request has more than 1 files.',
    ]);
    expect(requests).toEqual([]);
  });

  const single =
    (describeFile: (file: ReadFile) => unknown): ParserStyle =>
    (body, [file]) => ({ body, file: file && describeFile(file) });

  it.each<[string, ParserStyle, number, string]>([
    [
      'on disk',
      single(({ name, type }) => ({ originalname: name, mimetype: type, path: '/tmp/x', size: 5 })),
      400,
      'The file "a.txt" cannot be read: the server has not kept it in memory.',
    ],
    [
      'on disk, with an empty buffer in memory',
      single(({ name, type }) => ({ name, mimetype: type, data: Buffer.alloc(0), size: 5 })),
      400,
      'The file "a.txt" cannot be read: the server has not kept it in memory.',
    ],
    [
      'only up to a limit of its own',
      single(({ name, type, content }) => ({ name, mimetype: type, data: content, truncated: true })),
      413,
      'The file "a.txt" is larger than the server takes.',
    ],
    [
      'so that reading them fails',
      single(({ name, type }) => ({
        filename: name,
        mimetype: type,
        toBuffer: () => Promise.reject(new Error('gone')),
      })),
      400,
      'The file "a.txt" cannot be read.',
    ],
    [
      'as nothing but bytes',
      (texts, [file]) => ({ body: { ...texts, files: file?.content } }),
      400,
      'Unsupported file type',
    ],
  ])('are refused if the parser keeps them %s', async (_how, style, status, detail) => {
    const { url } = await start(style);
    expect(await send(url, uploadOf([{ name: 'a.txt' }]))).toEqual({ status, body: { detail } });
    expect(requests).toEqual([]);
  });

  it('are not awaited if the parser has read the body and kept nothing', async () => {
    const { url } = await start(() => ({ body: [] }));
    expect(await send(url, uploadOf([{ name: 'a.txt' }]))).toEqual({
      status: 400,
      body: { detail: 'The multipart body is malformed.' },
    });
  });
});
