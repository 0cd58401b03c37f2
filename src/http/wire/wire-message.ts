import type { Message } from '../../model/message.js';
import type { ToolExecution } from '../../model/tool-execution.js';
import { toJsonValue } from '../../data/to-json-value.js';
import { withoutUndefined } from '../../data/without-undefined.js';
import type { WireObject } from './wire-format.js';
import { toWireMessageMetrics } from './wire-metrics.js';

/** A message of a run's conversation; unknown or empty fields are left out. */
export function toWireMessage({
  id,
  role,
  content,
  createdAt,
  toolCalls,
  toolCall,
  metrics,
}: Message): WireObject {
  return withoutUndefined({
    id,
    content: content === '' && toolCalls ? undefined : content,
    from_history: false,
    stop_after_tool_call: false,
    role,
    ...(toolCall ? resultFields(toolCall) : {}),
    tool_calls: toolCalls?.map(toWireCall),
    metrics: metrics && toWireMessageMetrics(metrics),
    created_at: createdAt,
  });
}

function resultFields({ id, name, arguments: toolArguments, failed = false }: ToolExecution): WireObject {
  return {
    tool_call_id: id,
    tool_name: name,
    tool_args: toJsonValue(toolArguments),
    tool_call_error: failed,
  };
}

/** The arguments are a JSON text here, as providers send them. */
function toWireCall({ id, name, arguments: toolArguments }: ToolExecution): WireObject {
  return {
    id,
    type: 'function',
    function: { name, arguments: JSON.stringify(toJsonValue(toolArguments)) },
  };
}
