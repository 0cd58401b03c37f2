import type { z } from 'zod';

import { isRecord } from '../../data/is-record.js';
import { agUiContext, agUiMessage, agUiProps, runOfMessage, type agUiRequest } from '../../protocol/ag-ui.js';
import { MISSING, RequestProblems } from '../../protocol/read.js';
import { Question, textOr, type Path } from '../forms/question.js';
import type { RunForm, RunFormOptions } from '../forms/run-form.js';
import type { DroppedAnswers } from '../runs/replaced.runs.js';

type AgUiRequest = z.output<typeof agUiRequest>;

/**
 * Reads the request of an AG-UI client as a run request: its last message is the question, and its thread is the session.
 *
 * @throws UnprocessableEntityException with one error for each field that is wrong
 * @throws BadRequestException if a file is empty or of an unsupported type
 * @throws PayloadTooLargeException if a text or a file is too large, or there are too many files
 */
export function parseAgUiForm(request: AgUiRequest, options: RunFormOptions): RunForm {
  const { threadId, messages } = request;
  const last = messages.length - 1;
  const question = new Question(['body', 'messages', last], options);
  readMessage(messages[last], question);
  question.finish();
  const others = readOthers(request, options);
  return question.toForm(new Map(Object.entries({ ...others, session_id: threadId })));
}

/**
 * The answers that a client of AG-UI has dropped: those after the last one that it sends before its question. Undefined if this
 * cannot be known: it sends no answers, or earlier questions have none, such as one whose run it has left.
 */
export function droppedByAgUi({ messages }: Pick<AgUiRequest, 'messages'>): DroppedAnswers | undefined {
  const earlier = messages.slice(0, -1).filter(isRecord);
  const last = earlier.findLastIndex((message) => runOf(message) !== undefined);
  if (last === -1 || earlier.slice(last + 1).some(({ role }) => role === 'user')) return undefined;
  return { kept: new Set(earlier.map(runOf).filter((id) => id !== undefined)), otherwise: 'none' };
}

/** The run that has written a message; undefined for one of the client. */
function runOf({ role, id }: Record<string, unknown>): string | undefined {
  return role === 'user' || typeof id !== 'string' ? undefined : runOfMessage(id);
}

interface OtherFields {
  readonly user_id?: string | undefined;
  readonly metadata?: object | undefined;
  readonly dependencies?: object | undefined;
  readonly session_state?: object | undefined;
}

/** The fields of a run request besides its question. What clients may not send is not even read. */
function readOthers({ forwardedProps, state, context }: AgUiRequest, options: RunFormOptions): OtherFields {
  const problems = new RequestProblems();
  const isAccepted = options.acceptClientContext ?? false;
  const props = problems.read(
    agUiProps,
    fieldsOf(forwardedProps),
    ['body', 'forwardedProps'],
    [...(isAccepted ? [] : ['dependencies'])],
  );
  const given = isAccepted
    ? problems.read(agUiContext, new Map(Object.entries({ state, context })), ['body'])
    : undefined;
  problems.finish();
  const { dependencies, ...others } = props ?? {};
  return {
    ...others,
    session_state: given?.state,
    dependencies: given?.context ? { ...dependencies, context: given.context } : dependencies,
  };
}

/** Properties that are no object are those of another server. */
function fieldsOf(value: unknown): ReadonlyMap<string, unknown> {
  return new Map(isRecord(value) ? Object.entries(value) : []);
}

function readMessage(given: unknown, question: Question): void {
  if (!isRecord(given))
    return question.refuse([], 'model_attributes_type', 'Input should be a message', given);
  const message = question.read(agUiMessage, new Map(Object.entries(given)));
  if (!message) return;
  const { content } = message;
  if (typeof content === 'string') question.addText(content, ['content']);
  else content.forEach((part, index) => readPart(part, ['content', index], question));
  question.refuseEmpty(['content'], content);
}

function readPart(part: unknown, path: Path, question: Question): void {
  if (!isRecord(part)) return question.refuse(path, 'model_attributes_type', 'Input should be a part', part);
  const { type, text, source, metadata } = part;
  switch (type) {
    case 'text':
      return question.addText(text, [...path, 'text']);
    case 'image':
    case 'audio':
    case 'video':
    case 'document':
      return readSource(
        source,
        isRecord(metadata) ? metadata['filename'] : undefined,
        [...path, 'source'],
        question,
      );
    default:
      return question.refuse([...path, 'type'], 'enum', UNKNOWN_PART, type);
  }
}

const UNKNOWN_PART = 'Input should be one of text, image, audio, video, document';

function readSource(source: unknown, name: unknown, path: Path, question: Question): void {
  if (source === undefined) return question.refuse(path, MISSING.type, MISSING.msg, null);
  if (!isRecord(source))
    return question.refuse(path, 'model_attributes_type', 'Input should be a source', source);
  const { type, value, mimeType: mediaType } = source;
  if (type === 'url') return question.addUrl(value, { name, mediaType }, [...path, 'value']);
  if (type !== 'data') return question.refuse([...path, 'type'], 'enum', UNKNOWN_SOURCE, type);
  if (typeof value !== 'string')
    return question.refuse([...path, 'value'], 'string_type', 'Input should be a valid string', value);
  const upload = { name: textOr(name, undefined), mediaType: textOr(mediaType, undefined) };
  question.addContent(value, upload, [...path, 'value']);
}

const UNKNOWN_SOURCE = 'Input should be one of data, url';
