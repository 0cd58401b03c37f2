import type { ToolExecution } from '../../model/tool-execution.js';
import { toJsonValue } from '../../data/to-json-value.js';
import type { WireObject } from './wire-format.js';

/** Features of tool calls that this server never uses; clients expect the keys anyway. */
const NEVER = {
  requires_confirmation: null,
  confirmed: null,
  confirmation_note: null,
  requires_user_input: null,
  user_input_schema: null,
  user_feedback_schema: null,
  answered: null,
  external_execution_required: null,
  external_execution_silent: null,
  approval_type: null,
  approval_id: null,
};

/** A tool call with every key of the protocol; unknown fields are null. */
export function toWireTool(tool: ToolExecution): WireObject {
  const { id, name, arguments: toolArguments, result, failed, startedAt, childRunId } = tool;
  return {
    tool_call_id: id,
    tool_name: name,
    tool_args: toJsonValue(toolArguments),
    tool_call_error: failed ?? (result === undefined ? null : false),
    result: result ?? null,
    metrics: metricsOf(tool),
    child_run_id: childRunId ?? null,
    stop_after_tool_call: false,
    created_at: startedAt === undefined ? null : Math.floor(startedAt / 1_000),
    ...NEVER,
  };
}

/** The text that describes a finished call, such as `add(a=1, b=2) completed in 0.0005s. `. */
export function describeToolCall(tool: ToolExecution): string {
  const toolArguments = Object.entries(tool.arguments).map(([name, value]) => `${name}=${toText(value)}`);
  return `${tool.name}(${toolArguments.join(', ')}) completed in ${durationOf(tool).toFixed(4)}s. `;
}

function metricsOf(tool: ToolExecution): WireObject | null {
  const { startedAt, endedAt } = tool;
  if (startedAt === undefined || endedAt === undefined) return null;
  return { start_time: startedAt / 1_000, end_time: endedAt / 1_000, duration: durationOf(tool) };
}

/** Seconds. */
function durationOf({ startedAt = 0, endedAt = startedAt }: ToolExecution): number {
  return (endedAt - startedAt) / 1_000;
}

function toText(value: unknown): string {
  return typeof value === 'string' ? value : (JSON.stringify(toJsonValue(value)) ?? 'undefined');
}
