/** Who speaks in a conversation. */
export type MessageRole = 'system' | 'user' | 'assistant' | 'tool';

/** One message of a conversation, as an engine receives it. */
export interface Message {
  readonly role: MessageRole;
  readonly content: string;
  /** Epoch seconds. */
  readonly createdAt: number;
}
