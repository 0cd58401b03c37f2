import { DefaultChatTransport, readUIMessageStream, type UIMessageChunk } from 'ai';
import type { AgentOsUIMessage } from 'nestjs-agentos/ai-sdk';

/** What a chat client of the AI SDK has read. */
export interface ChatAnswer {
  /** The message as the page shows it in the end. */
  readonly message: AgentOsUIMessage;
  readonly chunks: readonly UIMessageChunk[];
  /** The text of the error that ended it. */
  readonly error: string | undefined;
}

/** The options of a question. */
export interface ChatOptions {
  readonly id?: string;
  readonly headers?: Record<string, string>;
  readonly body?: object;
  readonly abortSignal?: AbortSignal;
  /** Default: a new question. */
  readonly trigger?: 'submit-message' | 'regenerate-message';
  /** The answer to replace. */
  readonly messageId?: string;
}

let questions = 0;

/** A question as the page sends it. */
export function question(text: string, ...files: AgentOsUIMessage['parts']): AgentOsUIMessage {
  return { id: `q${++questions}`, role: 'user', parts: [...files, { type: 'text', text }] };
}

/** Sends the messages of a chat, as `useChat()` does, and returns the chunks of the answer. */
export function sendChat(
  url: string,
  path: string,
  messages: readonly AgentOsUIMessage[],
  { id = 'chat', abortSignal, ...options }: ChatOptions = {},
): Promise<ReadableStream<UIMessageChunk>> {
  return transportOf(url, path).sendMessages({
    chatId: id,
    messages: [...messages],
    trigger: 'submit-message',
    messageId: undefined,
    abortSignal,
    ...options,
  });
}

/** Reads the answer to a chat again, as `resumeStream()` does; null if there is none. */
export function resumeChat(
  url: string,
  path: string,
  { id = 'chat', headers }: ChatOptions = {},
): Promise<ReadableStream<UIMessageChunk> | null> {
  return transportOf(url, path).reconnectToStream({ chatId: id, ...(headers ? { headers } : {}) });
}

/** Asks, and reads the whole answer. */
export async function chat(
  url: string,
  path: string,
  asked: string | AgentOsUIMessage,
  options: ChatOptions = {},
): Promise<ChatAnswer> {
  const last = typeof asked === 'string' ? question(asked) : asked;
  return readChat(await sendChat(url, path, [last], options));
}

/** Reads an answer with the reader of the AI SDK. */
export async function readChat(stream: ReadableStream<UIMessageChunk>): Promise<ChatAnswer> {
  const chunks: UIMessageChunk[] = [];
  let error: string | undefined;
  const seen = stream.pipeThrough(
    new TransformStream<UIMessageChunk, UIMessageChunk>({
      transform: (chunk, controller) => {
        // The reader changes the parts that it has got.
        chunks.push(structuredClone(chunk));
        controller.enqueue(chunk);
      },
    }),
  );
  let message: AgentOsUIMessage | undefined;
  const onError = (thrown: unknown): void => void (error = String((thrown as Error).message));
  for await (const state of readUIMessageStream<AgentOsUIMessage>({ stream: seen, onError }))
    message = structuredClone(state);
  return { message: message ?? { id: '', role: 'assistant', parts: [] }, chunks, error };
}

function transportOf(url: string, path: string): DefaultChatTransport<AgentOsUIMessage> {
  // A connection of its own: a test that cuts it off cuts off nothing else.
  return new DefaultChatTransport({ api: `${url}${path}/chat`, headers: { connection: 'close' } });
}

/** The texts of a message. */
export function textOf({ parts }: AgentOsUIMessage): string {
  return parts.map((part) => (part.type === 'text' ? part.text : '')).join('');
}
