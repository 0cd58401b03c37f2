import type { ModelRequestMetrics } from './run-usage.js';
import type { ToolExecution } from './tool-execution.js';

/** Who speaks in a conversation. */
export type MessageRole = 'system' | 'user' | 'assistant' | 'tool';

/** One message of a conversation, as an engine receives it and a run's output holds it. */
export interface Message {
  readonly id: string;
  readonly role: MessageRole;
  readonly content: string;
  /** Epoch seconds. */
  readonly createdAt: number;
  /** Of an assistant: the tools it calls. */
  readonly toolCalls?: readonly ToolExecution[];
  /** Of a tool: the call that produced this result. */
  readonly toolCall?: ToolExecution;
  /** Of an assistant: the model's usage for this message. */
  readonly metrics?: ModelRequestMetrics;
}
