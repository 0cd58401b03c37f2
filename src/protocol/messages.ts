import { z } from 'zod';

import { toJsonValue } from '../data/to-json-value.js';
import type { Message } from '../model/message.js';
import type { ToolExecution } from '../model/tool-execution.js';
import { toWireMessageMetrics, WireMessageMetrics } from './metrics.js';
import { epochSeconds, jsonObject, named, toJsonObject } from './schema.js';

const WireToolCall = named(
  'ToolCall',
  'A call of a tool, as providers write it.',
  z.object({
    id: z.string(),
    type: z.enum(['function']),
    function: z
      .object({ name: z.string(), arguments: z.string().describe('A JSON object as text.') })
      .describe('The tool and its arguments.'),
  }),
);
type WireToolCall = z.infer<typeof WireToolCall>;

/** A message of a run's conversation. */
export const WireMessage = named(
  'Message',
  'A message of a conversation.',
  z.object({
    id: z.string(),
    content: z.string().optional().describe('Left out if the message only calls tools.'),
    from_history: z.boolean(),
    stop_after_tool_call: z.boolean(),
    role: z.enum(['system', 'user', 'assistant', 'tool']),
    tool_call_id: z.string().optional().describe('The call whose result the message is.'),
    tool_name: z.string().optional(),
    tool_args: jsonObject().optional(),
    tool_call_error: z.boolean().optional(),
    tool_calls: z.array(WireToolCall).optional(),
    metrics: WireMessageMetrics.optional(),
    created_at: epochSeconds(),
  }),
);
export type WireMessage = z.infer<typeof WireMessage>;

/** A message of a run's conversation; unknown or empty fields are left out. */
export function toWireMessage(message: Message): WireMessage {
  const { id, role, content, createdAt, toolCalls, toolCall, metrics } = message;
  return {
    id,
    content: content === '' && toolCalls ? undefined : content,
    from_history: false,
    stop_after_tool_call: false,
    role,
    tool_call_id: toolCall?.id,
    tool_name: toolCall?.name,
    tool_args: toolCall && toJsonObject(toolCall.arguments),
    tool_call_error: toolCall && (toolCall.failed ?? false),
    tool_calls: toolCalls?.map(toWireCall),
    metrics: metrics && toWireMessageMetrics(metrics),
    created_at: createdAt,
  };
}

/** The arguments are a JSON text here, as providers send them. */
function toWireCall({ id, name, arguments: toolArguments }: ToolExecution): WireToolCall {
  return { id, type: 'function', function: { name, arguments: JSON.stringify(toJsonValue(toolArguments)) } };
}
