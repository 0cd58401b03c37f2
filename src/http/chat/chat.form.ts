import type { z } from 'zod';

import { isRecord } from '../../data/is-record.js';
import { MISSING } from '../../protocol/read.js';
import { chatMessage, type chatRequest } from '../../protocol/ui-messages.js';
import { Question } from '../forms/question.js';
import type { RunForm, RunFormOptions } from '../forms/run-form.js';
import type { DroppedAnswers } from '../runs/replaced.runs.js';

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
  readMessage(messages[last], question);
  question.finish();
  return question.toForm(new Map<string, unknown>([...Object.entries(others), ['session_id', id]]));
}

/** The answers that a chat client drops with a request; undefined for a new question. The id of an answer is that of its run. */
export function droppedByChat({
  trigger,
  messageId,
  messages,
}: Pick<ChatRequest, 'trigger' | 'messageId' | 'messages'>): DroppedAnswers | undefined {
  const sent = messages.filter(isRecord);
  const latest = sent.findLast(({ role }) => role === 'assistant')?.['id'];
  const kept = new Set(typeof latest === 'string' ? [latest] : []);
  if (trigger === 'regenerate-message') return { kept, first: messageId ?? undefined, otherwise: 'latest' };
  // The id is that of the question, if it was edited. If no answer is sent with it, those after it are not known.
  const isEdited = typeof messageId === 'string' && sent.at(-1)?.['id'] === messageId;
  return isEdited && kept.size > 0 ? { kept, otherwise: 'none' } : undefined;
}

function readMessage(given: unknown, question: Question): void {
  if (!isRecord(given))
    return question.refuse([], 'model_attributes_type', 'Input should be a message', given);
  const message = question.read(chatMessage, new Map(Object.entries(given)));
  if (!message) return;
  message.parts.forEach((part, index) => readPart(part, ['parts', index], question));
  question.refuseEmpty(['parts'], message.parts);
}

/** Parts of other types are ignored: they are about earlier answers, or of the application's own. */
function readPart(part: unknown, path: readonly (string | number)[], question: Question): void {
  if (!isRecord(part)) return question.refuse(path, 'model_attributes_type', 'Input should be a part', part);
  if (part['type'] === 'text') return question.addText(part['text'], [...path, 'text']);
  if (part['type'] !== 'file') return;
  const { url, mediaType, filename: name } = part;
  if (url === undefined) return question.refuse([...path, 'url'], MISSING.type, MISSING.msg, null);
  question.addUrl(url, { name, mediaType }, [...path, 'url']);
}
