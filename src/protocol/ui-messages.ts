import { z } from 'zod';

import { toLine } from './event.lines.js';
import { choice, id, text } from './request.fields.js';
import { named } from './schema.js';

/*
 * The UI message stream of the AI SDK, version 1: what its chat clients send, and the chunks that they read.
 */

/** The headers of a UI message stream. */
export const UI_MESSAGE_STREAM_HEADERS = { 'x-vercel-ai-ui-message-stream': 'v1' } as const;

/** The last frame of a UI message stream. */
export const UI_MESSAGE_STREAM_END = 'data: [DONE]\n\n';

/** A frame of a UI message stream. */
export function toUiFrame(chunk: UiMessageChunk): string {
  return `data: ${toLine(JSON.stringify(chunk))}\n\n`;
}

/** The component of a run below the one that was asked. */
const Component = z.object({ kind: z.enum(['agent', 'team', 'workflow']), id: z.string(), name: z.string() });

const Status = z.enum(['running', 'completed', 'failed', 'cancelled']);

/** The run of a member, or of a component that was started by an engine. */
export const UiMember = named(
  'UiMember',
  'The run of a member of a team, or of another component that takes part in the answer.',
  z.object({
    runId: z.string(),
    parentRunId: z.string().optional(),
    component: Component,
    status: Status,
    content: z.string().optional().describe('Its answer; only once the run has completed.'),
    error: z.string().optional().describe('Why it has failed, for people.'),
  }),
);
export type UiMember = z.infer<typeof UiMember>;

/** A step or a block of a workflow. */
export const UiStep = named(
  'UiStep',
  'A step or a block of a workflow.',
  z.object({
    stepId: z.string(),
    parentStepId: z.string().optional().describe('The block around it.'),
    name: z.string(),
    type: z.enum(['step', 'parallel', 'condition', 'loop', 'router']),
    status: Status,
    content: z.string().optional().describe('Its result; only once it has completed.'),
    error: z.string().optional().describe('Why it has failed, for people.'),
  }),
);
export type UiStep = z.infer<typeof UiStep>;

/** The metadata of a message. */
export const UiMessageMetadata = named(
  'UiMessageMetadata',
  'The metadata of a message: those of its run.',
  z.object({
    runId: z.string().optional(),
    sessionId: z.string().optional(),
    usage: z
      .object({
        inputTokens: z.number().optional(),
        outputTokens: z.number().optional(),
        totalTokens: z.number().optional(),
        reasoningTokens: z.number().optional(),
        cacheReadTokens: z.number().optional(),
        cacheWriteTokens: z.number().optional(),
      })
      .optional()
      .describe('The tokens that the run has used.'),
    duration: z.number().optional().describe('Seconds.'),
    error: z
      .object({ type: z.string(), id: z.string().optional(), data: z.unknown().optional() })
      .optional()
      .describe('Why there is no answer: the type, such as `input_check_error`, and the check that failed.'),
  }),
);
export type UiMessageMetadata = z.infer<typeof UiMessageMetadata>;

const Excerpt = z
  .object({ agentOs: z.object({ excerpt: z.string() }) })
  .optional()
  .describe('The text that the answer relies on.');
const PartId = { id: z.string() };
const Delta = { ...PartId, delta: z.string() };
const Call = { toolCallId: z.string() };

/** A chunk of a UI message stream. */
export const UiMessageChunk = named(
  'UiMessageChunk',
  "A chunk of the AI SDK's UI message stream. After the last one follows `[DONE]`.",
  z.union([
    chunk('start', { messageId: z.string(), messageMetadata: UiMessageMetadata }),
    chunk('start-step', {}),
    chunk('finish-step', {}),
    chunk('text-start', PartId),
    chunk('text-delta', Delta),
    chunk('text-end', PartId),
    chunk('reasoning-start', PartId),
    chunk('reasoning-delta', Delta),
    chunk('reasoning-end', PartId),
    chunk('tool-input-available', { ...Call, toolName: z.string(), input: z.unknown() }),
    chunk('tool-output-available', { ...Call, output: z.unknown() }),
    chunk('tool-output-error', { ...Call, errorText: z.string() }),
    chunk('source-url', {
      sourceId: z.string(),
      url: z.string(),
      title: z.string().optional(),
      providerMetadata: Excerpt,
    }),
    chunk('source-document', {
      sourceId: z.string(),
      mediaType: z.string(),
      title: z.string(),
      filename: z.string().optional(),
      providerMetadata: Excerpt,
    }),
    chunk('file', { url: z.string(), mediaType: z.string() }),
    chunk('data-member', { ...PartId, data: UiMember }),
    chunk('data-step', { ...PartId, data: UiStep }),
    chunk('data-answer', {
      ...PartId,
      data: z
        .object({ content: z.string(), data: z.unknown().optional() })
        .describe('The answer, if a hook has changed it after it was streamed, or if it is structured.'),
    }),
    chunk('message-metadata', { messageMetadata: UiMessageMetadata }),
    chunk('finish', {
      finishReason: z.enum(['stop', 'length', 'content-filter']),
      messageMetadata: UiMessageMetadata,
    }),
    chunk('abort', { reason: z.string() }),
    chunk('error', { errorText: z.string() }),
  ]),
);
export type UiMessageChunk = z.infer<typeof UiMessageChunk>;

function chunk<const T extends string, S extends z.ZodRawShape>(type: T, shape: S) {
  return z.object({ type: z.literal(type), ...shape });
}

/** The request of a chat client. Other fields are ignored. */
export const chatRequest = named(
  'ChatRequest',
  "The request of the AI SDK's chat clients.",
  z.object({
    id: id().describe('The chat: the session to continue. Missing: a new session.').optional(),
    messages: z
      .array(z.unknown(), { error: 'Input should be a list of messages' })
      .min(1, { error: 'Input should have at least one message' })
      .describe('The messages of the chat. Only the last one is read: the session has the others.'),
    trigger: text()
      .describe(
        'Why the client asks: `regenerate-message` replaces an earlier answer; `submit-message` only with a `messageId`.',
      )
      .optional(),
    messageId: text()
      .describe(
        'With `regenerate-message` the answer to replace, which is the id of its run; default: the latest answer. With ' +
          '`submit-message` a question that was edited: the run replaces the answers after the last one that is sent.',
      )
      .nullable()
      .optional(),
    user_id: id().describe('The user, unless the server identifies the user.').optional(),
    metadata: z.unknown().describe('A JSON object that is stored with the run.').optional(),
    dependencies: z
      .unknown()
      .describe('A JSON object for hooks and engine; ignored unless the server accepts context from clients.')
      .optional(),
    session_state: z
      .unknown()
      .describe(
        'A JSON object that is merged into the state of the session; ignored unless the server accepts context from clients.',
      )
      .optional(),
  }),
);

const PARTS = 'Input should be a list of parts';

/** The last message of a chat request: a question of the user. Its parts are read one by one. */
export const chatMessage = z.object({
  role: choice(['user']),
  parts: z.array(z.unknown(), { error: PARTS }),
});
