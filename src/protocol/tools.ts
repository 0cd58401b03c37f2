import { z } from 'zod';

import type { ToolExecution } from '../model/tool-execution.js';
import { toJsonValue } from '../data/to-json-value.js';
import { epochSeconds, jsonObject, named, toJsonObject } from './schema.js';

const ToolMetrics = z.object({
  start_time: z.number().describe('Epoch seconds.'),
  end_time: z.number().describe('Epoch seconds.'),
  duration: z.number().describe('Seconds.'),
});

/** A tool call with its result. */
export const WireTool = named(
  'ToolExecution',
  'A tool call with its result. Every field is present; unknown ones are null.',
  z.object({
    tool_call_id: z.string(),
    tool_name: z.string(),
    tool_args: jsonObject(),
    tool_call_error: z.boolean().nullable().describe('Whether the call failed; null before it has ended.'),
    result: z.string().nullable(),
    metrics: ToolMetrics.nullable().describe('The time of the call.'),
    child_run_id: z.string().nullable().describe("The run that the call started: that of a team's member."),
    stop_after_tool_call: z.boolean(),
    created_at: epochSeconds().nullable(),
    // Features of tool calls that this server never uses; clients expect the keys anyway.
    requires_confirmation: z.boolean().nullable(),
    confirmed: z.boolean().nullable(),
    confirmation_note: z.string().nullable(),
    requires_user_input: z.boolean().nullable(),
    user_input_schema: z.array(jsonObject()).nullable(),
    user_feedback_schema: z.array(jsonObject()).nullable(),
    answered: z.boolean().nullable(),
    external_execution_required: z.boolean().nullable(),
    external_execution_silent: z.boolean().nullable(),
    approval_type: z.string().nullable(),
    approval_id: z.string().nullable(),
  }),
);
export type WireTool = z.infer<typeof WireTool>;

/** A tool call with every key of the protocol; unknown fields are null. */
export function toWireTool(tool: ToolExecution): WireTool {
  const { id, name, arguments: toolArguments, result, failed, startedAt, childRunId } = tool;
  return {
    tool_call_id: id,
    tool_name: name,
    tool_args: toJsonObject(toolArguments),
    tool_call_error: failed ?? (result === undefined ? null : false),
    result: result ?? null,
    metrics: metricsOf(tool),
    child_run_id: childRunId ?? null,
    stop_after_tool_call: false,
    created_at: startedAt === undefined ? null : Math.floor(startedAt / 1_000),
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
}

/** The text that describes a finished call, such as `add(a=1, b=2) completed in 0.0005s. `. */
export function describeToolCall(tool: ToolExecution): string {
  const toolArguments = Object.entries(tool.arguments).map(([name, value]) => `${name}=${toText(value)}`);
  return `${tool.name}(${toolArguments.join(', ')}) completed in ${durationOf(tool).toFixed(4)}s. `;
}

function metricsOf(tool: ToolExecution): WireTool['metrics'] {
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
