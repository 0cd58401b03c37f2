import type { z } from 'zod';

import { isBlank } from '../../model/blank.js';
import { RequestProblems, type Fields, type Place } from '../../protocol/read.js';
import { FieldLimits } from './field.limits.js';
import { sizeOfBase64 } from './media.content.js';
import { parseRunForm, type RunForm, type RunFormOptions } from './run-form.js';
import { UploadedFiles, type Upload } from './uploaded.file.js';

/** A file that is given by its address, as run requests describe it. */
interface Link {
  readonly url: string;
  readonly mime_type: unknown;
  readonly filename: unknown;
}

/** The place of a value in a question. */
export type Path = readonly (string | number)[];

const NO_QUESTION = 'Input should have a text that is not blank, or a file';

/** The question of a chat client: a message whose parts are texts and files. Collects these parts, and the errors in them. */
export class Question {
  readonly #place: Place;
  readonly #options: RunFormOptions;
  readonly #problems = new RequestProblems();
  readonly #texts: string[] = [];
  readonly #links: Link[] = [];
  readonly #uploads: UploadedFiles;

  constructor(place: Place, options: RunFormOptions) {
    this.#place = place;
    this.#options = options;
    this.#uploads = new UploadedFiles(options);
  }

  /** Whether there is neither a file nor a text that is not blank. */
  get isEmpty(): boolean {
    return isBlank(this.#text) && this.#uploads.all.length + this.#links.length === 0;
  }

  /** Reads the fields of the message; undefined if one of them is wrong. */
  read<S extends z.ZodObject>(schema: S, fields: Fields): z.output<S> | undefined {
    return this.#problems.read(schema, fields, this.#place);
  }

  addText(text: unknown, path: Path): void {
    if (typeof text !== 'string') this.refuse(path, 'string_type', 'Input should be a valid string', text);
    else if (text !== '') this.#texts.push(text);
  }

  /**
   * Adds a file by its content.
   *
   * @throws BadRequestException if it is empty or of an unsupported type
   * @throws PayloadTooLargeException if it is too large, or there are too many files
   */
  addContent(base64: string, upload: Upload, path: Path): void {
    if (base64 !== '' && sizeOfBase64(base64) === undefined)
      return this.refuse(path, 'value_error', 'Input should be base64', base64.slice(0, 40));
    this.#uploads.announce(upload);
    this.#uploads.checkSize(sizeOfBase64(base64) ?? 0, upload);
    this.#uploads.add(upload, Buffer.from(base64, 'base64'));
  }

  /**
   * Adds a file by its address, or by a `data:` URL with its content.
   *
   * @throws BadRequestException if it is empty or of an unsupported type
   * @throws PayloadTooLargeException if it is too large, or there are too many files
   */
  addUrl(url: unknown, { name, mediaType }: { name: unknown; mediaType: unknown }, path: Path): void {
    if (typeof url !== 'string')
      return this.refuse(path, 'string_type', 'Input should be a valid string', url);
    if (!/^data:/i.test(url)) {
      this.#links.push({ url, mime_type: mediaType, filename: name });
      return;
    }
    const { type, content } = contentOf(url);
    if (content === undefined)
      return this.refuse(path, 'url_parsing', 'Input should be a data URL in base64', url.slice(0, 40));
    this.addContent(content, { name: textOr(name, undefined), mediaType: textOr(mediaType, type) }, path);
  }

  /** @param input - the value, as it was sent */
  refuse(path: Path, type: string, msg: string, input: unknown): void {
    this.#problems.add({ type, loc: [...this.#place, ...path], msg, input: input ?? null });
  }

  /** The question is read, with parts at this path. It must have something to answer. */
  refuseEmpty(path: Path, parts: unknown): void {
    if (this.isEmpty) this.refuse(path, 'value_error', NO_QUESTION, parts);
  }

  /** @throws UnprocessableEntityException if anything is wrong */
  finish(): void {
    this.#problems.finish();
  }

  /**
   * The run request whose message is the question.
   *
   * @throws UnprocessableEntityException with one error for each field that is wrong
   * @throws PayloadTooLargeException if a text is too large, or there are too many files
   */
  toForm(others: Fields): RunForm {
    const fields: Fields = new Map<string, unknown>([
      ...others,
      ['message', this.#text],
      ...(this.#links.length > 0 ? [['input_files', this.#links] as const] : []),
    ]);
    new FieldLimits(this.#options).check(fields);
    return parseRunForm({ fields, files: this.#uploads.all }, this.#options);
  }

  get #text(): string {
    return this.#texts.join('\n');
  }
}

/** @returns no content if the URL is not in base64 */
function contentOf(url: string): { readonly type: string; readonly content: string | undefined } {
  const comma = url.indexOf(',');
  const [type = '', ...parameters] = url.slice('data:'.length, comma).split(';');
  const content = url.slice(comma + 1);
  const isBase64 = comma > 0 && parameters.at(-1)?.toLowerCase() === 'base64';
  return { type, content: isBase64 && (content === '' || sizeOfBase64(content)) ? content : undefined };
}

/** A text that is not empty, or the other value. */
export function textOr<T>(value: unknown, otherwise: T): string | T {
  return typeof value === 'string' && value !== '' ? value : otherwise;
}
