import type { Message } from '../../model/message.js';
import type { RunInput } from '../../model/run-input.js';
import type { RunMetrics, RunOutput, StepOutput, ToolExecution } from '../../model/run-output.js';
import { toJsonValue } from './to-json-value.js';
import { withoutUndefined, type WireObject } from './wire-format.js';

/** What a run's own output does not know of itself. */
export interface WireRunDetails {
  readonly input?: RunInput;
  readonly sessionState?: WireObject;
}

/** A run's output in the protocol's words: what is null is left out. */
export function toWireRunOutput(output: RunOutput, { input, sessionState }: WireRunDetails = {}): WireObject {
  const { kind, id, name } = output.component;
  return withoutUndefined({
    run_id: output.runId,
    parent_run_id: output.parentRunId,
    [`${kind}_id`]: id,
    [`${kind}_name`]: name,
    session_id: output.sessionId,
    user_id: output.userId,
    ...contentFields(output),
    model: output.model?.id,
    model_provider: output.model?.provider,
    session_state: kind === 'workflow' ? undefined : toJsonValue(sessionState),
    created_at: output.createdAt,
    status: output.status,
    metrics: toWireMetrics(output.metrics),
    metadata: metadataField(output),
    ...(kind === 'workflow' ? workflowFields(output, input) : conversationFields(output, input)),
    ...(kind === 'team'
      ? { member_responses: output.memberResponses.map((member) => toWireRunOutput(member)) }
      : {}),
  });
}

/** What is remembered with the run, if anything is. */
export function metadataField({ metadata }: RunOutput): unknown {
  return Object.keys(metadata).length > 0 ? toJsonValue(metadata) : undefined;
}

/** Structured answers travel as what they are, not as their text. */
export function contentFields({ content, data }: RunOutput): WireObject {
  return data === undefined
    ? { content, content_type: 'str' }
    : { content: toJsonValue(data), content_type: 'dict' };
}

function conversationFields({ messages, tools }: RunOutput, input: RunInput | undefined): WireObject {
  return {
    messages: messages.length > 0 ? messages.map(toWireMessage) : undefined,
    tools: tools.map(toWireTool),
    input: input && { input_content: input.content },
  };
}

/** A workflow's input is not wrapped. */
function workflowFields({ stepResults }: RunOutput, input: RunInput | undefined): WireObject {
  return {
    input: input?.content,
    step_results: stepResults.length > 0 ? stepResults.map(toWireStepOutput) : undefined,
  };
}

/** Zeros and unknowns are left out. */
export function toWireMetrics(metrics: RunMetrics): WireObject {
  return withoutUndefined({
    input_tokens: metrics.inputTokens || undefined,
    output_tokens: metrics.outputTokens || undefined,
    total_tokens: metrics.totalTokens || undefined,
    reasoning_tokens: metrics.reasoningTokens || undefined,
    cache_read_tokens: metrics.cacheReadTokens || undefined,
    time_to_first_token: metrics.timeToFirstToken,
    duration: metrics.duration,
  });
}

function toWireMessage({ role, content, createdAt }: Message): WireObject {
  return { content, from_history: false, stop_after_tool_call: false, role, created_at: createdAt };
}

/** The protocol's clients expect every key of a tool execution. */
export function toWireTool({
  id,
  name,
  arguments: toolArguments,
  result,
  failed,
}: ToolExecution): WireObject {
  return {
    tool_call_id: id,
    tool_name: name,
    tool_args: toJsonValue(toolArguments),
    tool_call_error: failed ?? false,
    result: result ?? null,
  };
}

/** A step's output; nulls are kept. */
export function toWireStepOutput(output: StepOutput): WireObject {
  return {
    content: output.data === undefined ? output.content : toJsonValue(output.data),
    step_name: output.stepName,
    step_type: STEP_TYPES[output.type],
    executor_type: output.executor,
    executor_name: output.executorName,
    step_run_id: output.runId ?? null,
    success: output.success,
    error: output.error ?? null,
    stop: false,
    is_paused: false,
    ...(output.steps ? { steps: output.steps.map(toWireStepOutput) } : {}),
  };
}

/** The protocol's names. */
const STEP_TYPES = {
  step: 'Step',
  parallel: 'Parallel',
  condition: 'Condition',
  loop: 'Loop',
  router: 'Router',
} as const;
