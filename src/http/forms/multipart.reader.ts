import type { IncomingMessage } from 'node:http';
import type { Readable } from 'node:stream';

import { Dicer } from '@fastify/busboy';
import {
  BadRequestException,
  PayloadTooLargeException,
  RequestTimeoutException,
  UnsupportedMediaTypeException,
} from '@nestjs/common';

import { toError } from '../../data/to-error.js';
import { decodeText } from '../../model/text.decoding.js';
import type { BodyCount } from './body.memory.js';
import { FieldLimits } from './field.limits.js';
import type { FileLimits } from './file.limits.js';
import type { Form } from './form.js';
import { boundaryOf, isFilePart, readPartHead, type PartHead, type PartHeaders } from './part.head.js';
import { isNoFile, UploadedFiles } from './uploaded.file.js';

const MAX_FIELDS = 100;

/** The limits of memory and time for reading a body. */
export interface ReadingLimits {
  /** Counts every byte before it is kept. */
  readonly memory?: BodyCount;
  /** Milliseconds without data from the client; 0 or undefined for no limit. */
  readonly stallTimeout?: number;
}

/** A part of a body that is being read. Its methods throw the exception that refuses the form. */
interface Part {
  /** Called with each piece of the value. */
  take(chunk: Buffer): void;
  /** Called when the value is complete; calls after the first do nothing. */
  end(): void;
}

/**
 * Reads a multipart body from its bytes. A form is refused as soon as it breaks a rule; the rest of its body is
 * drained.
 */
export class MultipartReader {
  readonly #body: Readable;
  readonly #headers: IncomingMessage['headers'];
  readonly #limits: FileLimits & ReadingLimits;
  readonly #fieldLimits: FieldLimits;
  readonly #uploads: UploadedFiles;
  readonly #fields = new Map<string, unknown>();
  readonly #parts: Part[] = [];
  #partCount = 0;
  #fieldCount = 0;

  constructor(body: Readable, headers: IncomingMessage['headers'], limits: FileLimits & ReadingLimits) {
    this.#body = body;
    this.#headers = headers;
    this.#limits = limits;
    this.#fieldLimits = new FieldLimits(limits);
    this.#uploads = new UploadedFiles(limits);
  }

  /**
   * @throws BadRequestException if the body is malformed, or a file is empty or of an unsupported type
   * @throws UnsupportedMediaTypeException if the body is compressed
   * @throws PayloadTooLargeException if a field or a file is too large or there are too many
   */
  read(): Promise<Form> {
    const body = this.#body;
    const encoding = this.#headers['content-encoding'] ?? 'identity';
    if (encoding !== 'identity') throw compressed();
    // No event would follow if the client has already left.
    if (body.destroyed) throw malformed(new Error('There is nothing to read.'));
    const parser = this.#createParser();
    return new Promise((resolve, reject) => {
      const settled = new AbortController();
      const fail = (thrown: unknown): void => {
        settled.abort();
        this.#fields.clear();
        this.#uploads.clear();
        this.#parts.length = 0;
        body.unpipe(parser);
        // A client reads the answer only once it has sent its whole request.
        body.resume();
        reject(toError(thrown));
      };
      parser.on('part', (stream) => this.#readPart(stream, settled.signal, fail));
      parser.on('error', (cause) => fail(malformed(cause)));
      parser.on('finish', () => {
        if (settled.signal.aborted) return;
        attempt(() => {
          // The end of an empty part may not have been reported yet.
          for (const part of this.#parts) part.end();
          settled.abort();
          resolve({ fields: this.#fields, files: this.#uploads.all });
        }, fail);
      });
      this.#watch(settled.signal, fail);
      body.pipe(parser);
    });
  }

  /** Counts the received bytes, and gives up on a client that leaves or sends nothing. */
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
    // The request may stay in memory for long. The data that was read from it must not.
    settled.addEventListener('abort', () => {
      clearTimeout(timer);
      body.off('data', onData).off('error', onError).off('aborted', onAborted);
      body.on('error', ignore);
    });
  }

  #createParser(): Dicer {
    const boundary = boundaryOf(this.#headers['content-type']);
    if (!boundary) throw malformed(new Error('The content type names no boundary.'));
    try {
      return new Dicer({ boundary });
    } catch (cause) {
      throw malformed(cause);
    }
  }

  /** The name of a part is known before its value, so a field is refused at its own limit. */
  #readPart(stream: Readable, settled: AbortSignal, fail: Fail): void {
    let part: Part | undefined;
    stream.on('header', (headers: PartHeaders) => {
      if (!settled.aborted) attempt(() => (part = this.#openPart(headers)), fail);
    });
    stream.on('data', (chunk: Buffer) => {
      if (!settled.aborted) attempt(() => part?.take(chunk), fail);
    });
    stream.on('end', () => {
      if (!settled.aborted) attempt(() => part?.end(), fail);
    });
    stream.on('error', (cause: unknown) => fail(malformed(cause)));
  }

  #openPart(headers: PartHeaders): Part {
    const head = readPartHead(headers);
    if (!head) throw malformed(new Error('A part of the body names no field.'));
    const isFile = isFilePart(head);
    this.#partCount++;
    if (!isFile) this.#fieldCount++;
    if (this.#fieldCount > MAX_FIELDS || this.#partCount > 2 * MAX_FIELDS + this.#limits.maxFiles)
      throw new PayloadTooLargeException('The form has too many fields.');
    const part = isFile ? this.#openFile(head) : this.#openField(head);
    this.#parts.push(part);
    return part;
  }

  #openField({ name, charset }: PartHead): Part {
    const count = this.#fieldLimits.open(name);
    return collect(count, (bytes) => {
      this.#addField(name, charset === undefined ? bytes.toString() : decodeText(bytes, charset));
    });
  }

  /** A repeated field becomes a list, as in the other kinds of forms. */
  #addField(name: string, value: string): void {
    const earlier = this.#fields.get(name);
    if (Array.isArray(earlier)) earlier.push(value);
    else this.#fields.set(name, earlier === undefined ? value : [earlier, value]);
  }

  #openFile({ fileName: name, mediaType: type, charset }: PartHead): Part {
    const mediaType = charset === undefined ? type : `${type}; charset=${charset}`;
    const upload = { name, mediaType };
    let size = 0;
    if (!isNoFile(upload, size)) this.#uploads.announce(upload);
    const count = (bytes: number): void => {
      if (isNoFile(upload, size)) this.#uploads.announce(upload);
      size += bytes;
      this.#uploads.checkSize(size, upload);
    };
    return collect(count, (bytes) => {
      if (!isNoFile(upload, size)) this.#uploads.add(upload, bytes);
    });
  }
}

type Fail = (thrown: unknown) => void;

/** Collects the value of a part, and passes it on once. */
function collect(count: (bytes: number) => void, complete: (value: Buffer) => void): Part {
  const chunks: Buffer[] = [];
  let isComplete = false;
  return {
    take(chunk) {
      count(chunk.length);
      chunks.push(chunk);
    },
    end() {
      if (isComplete) return;
      isComplete = true;
      complete(Buffer.concat(chunks.splice(0)));
    },
  };
}

/** Passes on errors of event listeners, which the parser would lose. */
function attempt(action: () => void, fail: Fail): void {
  try {
    action();
  } catch (thrown) {
    fail(thrown);
  }
}

function ignore(): void {
  // The form has already been read or refused.
}

function stalled(): RequestTimeoutException {
  return new RequestTimeoutException('Nothing more of the form has arrived.');
}

function compressed(): UnsupportedMediaTypeException {
  return new UnsupportedMediaTypeException(
    'Multipart bodies are taken as they are: send it without a Content-Encoding.',
  );
}

function malformed(cause: unknown): BadRequestException {
  return new BadRequestException('The multipart body is malformed.', { cause });
}
