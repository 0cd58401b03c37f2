import type { IncomingMessage } from 'node:http';
import type { Readable } from 'node:stream';

import { BadRequestException, PayloadTooLargeException, RequestTimeoutException } from '@nestjs/common';
import busboy from 'busboy';

import { toError } from '../../errors/to-error.js';
import type { BodyCount } from './body.memory.js';
import { FieldLimits, tooLarge } from './field.limits.js';
import type { FileLimits } from './file.limits.js';
import type { Form } from './form.js';
import { isNoFile, UploadedFiles, type Upload } from './uploaded.file.js';

const MAX_FIELDS = 100;
const LIMITS = { fields: MAX_FIELDS, fieldNameSize: 200 };

/** How much of a body may be held, and how long it may take. */
export interface ReadingLimits {
  /** Told of every byte before it is held. */
  readonly memory?: BodyCount;
  /** Milliseconds that the client may send nothing; 0 or undefined for ever. */
  readonly stallTimeout?: number;
}

/** Reads a multipart body from its bytes. What is refused is refused at once; the rest of it is drained. */
export class MultipartReader {
  readonly #body: Readable;
  readonly #headers: IncomingMessage['headers'];
  readonly #limits: FileLimits & ReadingLimits;
  readonly #fieldLimits: FieldLimits;
  readonly #uploads: UploadedFiles;
  readonly #fields = new Map<string, unknown>();

  constructor(body: Readable, headers: IncomingMessage['headers'], limits: FileLimits & ReadingLimits) {
    this.#body = body;
    this.#headers = headers;
    this.#limits = limits;
    this.#fieldLimits = new FieldLimits(limits);
    this.#uploads = new UploadedFiles(limits);
  }

  /**
   * @throws BadRequestException if the body is malformed, or brings a file that is empty or of no use
   * @throws PayloadTooLargeException if a field or a file is too large or there are too many
   */
  read(): Promise<Form> {
    const body = this.#body;
    // Of a client that has left already nothing would ever be heard.
    if (body.destroyed) throw malformed(new Error('There is nothing to read.'));
    const parser = this.#createParser();
    return new Promise((resolve, reject) => {
      const settled = new AbortController();
      const fail = (thrown: unknown): void => {
        settled.abort();
        this.#fields.clear();
        this.#uploads.clear();
        body.unpipe(parser);
        // A client reads the answer once it has sent all that it wanted to.
        body.resume();
        reject(toError(thrown));
      };
      this.#listen(parser, fail);
      parser.on('error', (cause) => fail(malformed(cause)));
      parser.on('close', () => {
        settled.abort();
        resolve({ fields: this.#fields, files: this.#uploads.all });
      });
      this.#watch(settled.signal, fail);
      body.pipe(parser);
    });
  }

  /** Counts what is held, and gives up on a client that leaves or sends nothing. */
  #watch(settled: AbortSignal, fail: Fail): void {
    const body = this.#body;
    const { memory, stallTimeout = 0 } = this.#limits;
    const timer = stallTimeout > 0 ? setTimeout(() => fail(stalled()), stallTimeout).unref() : undefined;
    const onData = (chunk: Buffer): void => {
      timer?.refresh();
      attempt(() => memory?.add(chunk.length), fail);
    };
    const onError = (cause: unknown): void => fail(malformed(cause));
    const onAborted = (): void => fail(malformed(new Error('The client left.')));
    body.on('data', onData).on('error', onError).on('aborted', onAborted);
    // The request may stay for long. What was read of it must not stay with it.
    settled.addEventListener('abort', () => {
      clearTimeout(timer);
      body.off('data', onData).off('error', onError).off('aborted', onAborted);
      body.on('error', ignore);
    });
  }

  #createParser(): busboy.Busboy {
    const headers = this.#headers;
    const parts = 2 * MAX_FIELDS + this.#limits.maxFiles;
    const limits = { ...LIMITS, fieldSize: this.#fieldLimits.largest, parts };
    try {
      return busboy({ headers, limits, defParamCharset: 'utf8' });
    } catch (cause) {
      throw malformed(cause);
    }
  }

  #listen(parser: busboy.Busboy, fail: Fail): void {
    parser.on('field', (name, value, { valueTruncated, nameTruncated }) => {
      if (valueTruncated || nameTruncated) fail(tooLarge(name));
      else attempt(() => this.#addField(name, value), fail);
    });
    parser.on('file', (_field, content, { filename: name, mimeType: mediaType }) =>
      this.#readFile({ name, mediaType }, content, fail),
    );
    for (const limit of ['fieldsLimit', 'partsLimit'] as const) {
      parser.on(limit, () => fail(new PayloadTooLargeException('The form has too many fields.')));
    }
  }

  /** A field that comes several times is a list, as in the other kinds of forms. */
  #addField(name: string, value: string): void {
    this.#fieldLimits.check(name, value);
    const earlier = this.#fields.get(name);
    if (Array.isArray(earlier)) earlier.push(value);
    else this.#fields.set(name, earlier === undefined ? value : [earlier, value]);
  }

  #readFile(upload: Upload, content: Readable, fail: Fail): void {
    const chunks: Buffer[] = [];
    let size = 0;
    const giveUp = (thrown: unknown): void => {
      chunks.length = 0;
      fail(thrown);
    };
    if (!isNoFile(upload, 0)) attempt(() => this.#uploads.announce(upload), giveUp);
    content.on('data', (chunk: Buffer) => {
      if (isNoFile(upload, size)) attempt(() => this.#uploads.announce(upload), giveUp);
      size += chunk.length;
      chunks.push(chunk);
      attempt(() => this.#uploads.checkSize(size, upload), giveUp);
    });
    content.on('end', () => {
      if (!isNoFile(upload, size)) attempt(() => this.#uploads.add(upload, Buffer.concat(chunks)), giveUp);
    });
    content.on('error', (cause) => fail(malformed(cause)));
  }
}

type Fail = (thrown: unknown) => void;

/** What a parser's event throws would reach nobody. */
function attempt(action: () => void, fail: Fail): void {
  try {
    action();
  } catch (thrown) {
    fail(thrown);
  }
}

function ignore(): void {
  // The form has been read, or refused.
}

function stalled(): RequestTimeoutException {
  return new RequestTimeoutException('Nothing more of the form has arrived.');
}

function malformed(cause: unknown): BadRequestException {
  return new BadRequestException('The multipart body is malformed.', { cause });
}
