import type { RunInput } from '../../model/run-input.js';
import type { RunOutput } from '../../model/run-output.js';
import { toJsonValue } from '../../data/to-json-value.js';
import { withoutUndefined } from '../../data/without-undefined.js';
import type { WireObject } from './wire-format.js';
import { toWireInput } from './wire-input.js';
import { toWireMessage } from './wire-message.js';
import { toWireFinishReason, toWireMetrics } from './wire-metrics.js';
import { toWireStepMetrics, toWireStepOutput } from './wire-step-output.js';
import { toWireTool } from './wire-tool.js';

/** The details of a run that its output does not contain. */
export interface WireRunDetails {
  /** Default: the input in the output, which is missing if the run was stopped before its engine ran. */
  readonly input?: RunInput;
  readonly sessionState?: WireObject;
}

/** A run's output in the protocol; null fields are left out. */
export function toWireRunOutput(output: RunOutput, details: WireRunDetails = {}): WireObject {
  switch (output.component.kind) {
    case 'agent':
      return withoutUndefined(agentFields(output, details));
    case 'team':
      return withoutUndefined(teamFields(output, details));
    case 'workflow':
      return withoutUndefined(workflowFields(output, details));
    default:
      return output.component.kind satisfies never;
  }
}

/** The metadata of the run, if there is any. */
export function metadataField({ metadata }: RunOutput): unknown {
  return Object.keys(metadata).length > 0 ? toJsonValue(metadata) : undefined;
}

/** Structured answers are sent as JSON values, not as their text. */
export function contentFields({ content, data }: Pick<RunOutput, 'content' | 'data'>): WireObject {
  return data === undefined
    ? { content, content_type: 'str' }
    : { content: toJsonValue(data), content_type: 'dict' };
}

/** Runs of a team's members. The protocol has no workflows in teams: clients read their runs like a team's. */
export function toMemberResponses(outputs: readonly RunOutput[], details: WireRunDetails): WireObject[] {
  return toWireRunOutputs(outputs, details).map((response, index) => {
    const { component, input } = outputs[index] ?? {};
    return component?.kind === 'workflow' && input ? { ...response, input: toWireInput(input) } : response;
  });
}

/** Runs of members and steps. */
export function toWireRunOutputs(outputs: readonly RunOutput[], details: WireRunDetails): WireObject[] {
  return outputs.map((output) => toWireRunOutput(output, { ...details, input: output.input }));
}

/** The metrics of a workflow's run. */
export function workflowMetrics({ stepResults, metrics }: RunOutput): WireObject {
  return { steps: toWireStepMetrics(stepResults), ...toWireMetrics(metrics) };
}

function agentFields(
  output: RunOutput,
  { input = output.input, sessionState = {} }: WireRunDetails,
): WireObject {
  return {
    ...identityFields(output),
    ...answerFields(output),
    session_state: toJsonValue(sessionState),
    created_at: output.createdAt,
    status: output.status,
    workflow_step_id: output.stepId,
    metrics: toWireMetrics(output.metrics, output.model),
    ...conversationFields(output),
    input: input && toWireInput(input),
  };
}

function teamFields(output: RunOutput, details: WireRunDetails): WireObject {
  const { input = output.input } = details;
  return {
    ...identityFields(output),
    input: input && toWireInput(input),
    ...answerFields(output),
    member_responses: toMemberResponses(output.memberResponses, details),
    created_at: output.createdAt,
    metrics: toWireMetrics(output.metrics, output.model),
    status: output.status,
    workflow_step_id: output.stepId,
    ...conversationFields(output),
  };
}

/** A workflow's input is not wrapped. */
function workflowFields(output: RunOutput, details: WireRunDetails): WireObject {
  const { stepResults, memberResponses, component } = output;
  const { input = output.input } = details;
  return {
    input: input?.content,
    ...contentFields(output),
    workflow_id: component.id,
    workflow_name: component.name,
    run_id: output.runId,
    session_id: output.sessionId,
    user_id: output.userId,
    parent_run_id: output.parentRunId,
    workflow_step_id: output.stepId,
    created_at: output.createdAt,
    status: output.status,
    images: [],
    videos: [],
    audio: [],
    files: [],
    step_results: stepResults.length > 0 ? stepResults.map(toWireStepOutput) : undefined,
    step_executor_runs: memberResponses.length > 0 ? toWireRunOutputs(memberResponses, details) : undefined,
    metrics: workflowMetrics(output),
    metadata: metadataField(output),
  };
}

function identityFields(output: RunOutput): WireObject {
  const { component } = output;
  return {
    run_id: output.runId,
    [`${component.kind}_id`]: component.id,
    [`${component.kind}_name`]: component.name,
    session_id: output.sessionId,
    user_id: output.userId,
    parent_run_id: output.parentRunId,
  };
}

function answerFields(output: RunOutput): WireObject {
  return {
    ...contentFields(output),
    model: output.model?.id,
    model_provider: output.model?.provider,
    model_provider_data: toWireFinishReason(output.metrics),
  };
}

/** A completed run reports that it used no tools; for other runs this is unknown. */
function conversationFields(output: RunOutput): WireObject {
  const { messages, tools, status } = output;
  return {
    messages: messages.length > 0 ? messages.map(toWireMessage) : undefined,
    metadata: metadataField(output),
    tools: tools.length > 0 || status === 'COMPLETED' ? tools.map(toWireTool) : undefined,
  };
}
