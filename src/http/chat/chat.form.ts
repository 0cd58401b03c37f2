import type { z } from 'zod';

import { isRecord } from '../../data/is-record.js';
import { isBlank } from '../../model/blank.js';
import { MISSING, RequestProblems, type Fields, type Place } from '../../protocol/read.js';
import { chatMessage, type chatRequest } from '../../protocol/ui-messages.js';
import { FieldLimits } from '../forms/field.limits.js';
import { sizeOfBase64 } from '../forms/media.content.js';
import { parseRunForm, type RunForm, type RunFormOptions } from '../forms/run-form.js';
import { UploadedFiles } from '../forms/uploaded.file.js';

type ChatRequest = z.output<typeof chatRequest>;

/**
 * Reads a chat request as a run request: its last message is the question, and its chat is the session.
 *
 * @throws UnprocessableEntityException with one error for each field that is wrong
 * @throws BadRequestException if a file is empty or of an unsupported type
 * @throws PayloadTooLargeException if a text or a file is too large, or there are too many files
 */
export function parseChatForm(
  { id, messages, trigger: _, messageId: __, ...others }: ChatRequest,
  options: RunFormOptions,
): RunForm {
  const last = messages.length - 1;
  const question = new Question(['body', 'messages', last], options);
  question.read(messages[last]);
  const fields: Fields = new Map<string, unknown>([
    ...Object.entries(others),
    ['session_id', id],
    ['message', question.text],
    ...(question.links.length > 0 ? [['input_files', question.links] as const] : []),
  ]);
  new FieldLimits(options).check(fields);
  return parseRunForm({ fields, files: question.files }, options);
}

/** A file that is given by its address, as run requests describe it. */
interface Link {
  readonly url: string;
  readonly mime_type: unknown;
  readonly filename: unknown;
}

/** The last message of a chat request. */
class Question {
  readonly links: Link[] = [];
  readonly #place: Place;
  readonly #problems = new RequestProblems();
  readonly #texts: string[] = [];
  readonly #uploads: UploadedFiles;

  constructor(place: Place, options: RunFormOptions) {
    this.#place = place;
    this.#uploads = new UploadedFiles(options);
  }

  get text(): string {
    return this.#texts.join('\n');
  }

  get files(): UploadedFiles['all'] {
    return this.#uploads.all;
  }

  read(given: unknown): void {
    if (!isRecord(given)) this.#refuse([], 'model_attributes_type', 'Input should be a message', given);
    else {
      const fields = new Map(Object.entries(given));
      const message = this.#problems.read(chatMessage, fields, this.#place);
      message?.parts.forEach((part, index) => this.#readPart(part, ['parts', index]));
      const isEmpty = isBlank(this.text) && this.files.length + this.links.length === 0;
      if (message && isEmpty) this.#refuse(['parts'], 'value_error', NO_QUESTION, message.parts);
    }
    this.#problems.finish();
  }

  /** Parts of other types are ignored: they are about earlier answers, or of the application's own. */
  #readPart(part: unknown, path: readonly (string | number)[]): void {
    if (!isRecord(part)) return this.#refuse(path, 'model_attributes_type', 'Input should be a part', part);
    if (part['type'] === 'text') return this.#readText(part['text'], [...path, 'text']);
    if (part['type'] === 'file') return this.#readFile(part, [...path, 'url']);
  }

  #readText(text: unknown, path: readonly (string | number)[]): void {
    if (typeof text !== 'string') this.#refuse(path, 'string_type', 'Input should be a valid string', text);
    else if (text !== '') this.#texts.push(text);
  }

  #readFile(part: Readonly<Record<string, unknown>>, path: readonly (string | number)[]): void {
    const { url, mediaType, filename } = part;
    if (url === undefined) return this.#refuse(path, MISSING.type, MISSING.msg, null);
    if (typeof url !== 'string')
      return this.#refuse(path, 'string_type', 'Input should be a valid string', url);
    if (!/^data:/i.test(url)) {
      this.links.push({ url, mime_type: mediaType, filename });
      return;
    }
    const { type, content } = contentOf(url);
    if (content === undefined)
      return this.#refuse(path, 'url_parsing', 'Input should be a data URL in base64', url.slice(0, 40));
    const upload = { name: textOr(filename, undefined), mediaType: textOr(mediaType, type) };
    this.#uploads.announce(upload);
    this.#uploads.checkSize(sizeOfBase64(content) ?? 0, upload);
    this.#uploads.add(upload, Buffer.from(content, 'base64'));
  }

  #refuse(path: readonly (string | number)[], type: string, msg: string, input: unknown): void {
    this.#problems.add({ type, loc: [...this.#place, ...path], msg, input: input ?? null });
  }
}

const NO_QUESTION = 'Input should have a text that is not blank, or a file';

/** @returns no content if the URL is not in base64 */
function contentOf(url: string): { readonly type: string; readonly content: string | undefined } {
  const comma = url.indexOf(',');
  const [type = '', ...parameters] = url.slice('data:'.length, comma).split(';');
  const content = url.slice(comma + 1);
  const isBase64 = comma > 0 && parameters.at(-1)?.toLowerCase() === 'base64';
  return { type, content: isBase64 && (content === '' || sizeOfBase64(content)) ? content : undefined };
}

function textOr<T>(value: unknown, otherwise: T): string | T {
  return typeof value === 'string' && value !== '' ? value : otherwise;
}
