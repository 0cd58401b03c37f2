import type { ModelMessage } from 'ai';

import type { Message } from '../model/message.js';

/** The conversation as the AI SDK takes it. */
export function toModelMessages(messages: readonly Message[]): ModelMessage[] {
  return messages.flatMap((message) => toModelMessage(message) ?? []);
}

/** Providers refuse an empty answer, and a tool's result without the call that it answers. */
function toModelMessage({ role, content }: Message): ModelMessage | undefined {
  if (role === 'tool') return undefined;
  if (role === 'assistant' && content === '') return undefined;
  return { role, content };
}
