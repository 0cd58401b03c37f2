import type { RunEvent } from '../../model/run-event.js';
import { toJsonValue } from '../../data/to-json-value.js';
import type { WireObject } from './wire-format.js';
import { toWireFinishReason, toWireMetrics } from './wire-metrics.js';
import {
  contentFields,
  metadataField,
  toMemberResponses,
  toWireRunOutputs,
  workflowMetrics,
} from './wire-run-output.js';
import { toWireStepOutput } from './wire-step-output.js';

/** An event of this type. */
export type EventOf<T extends RunEvent['type']> = Extract<RunEvent, { readonly type: T }>;

/** The end of an agent's or team's run. */
export function completedFields({ output, sessionState }: EventOf<'run-completed'>): WireObject {
  const { memberResponses, component } = output;
  return {
    ...contentFields(output),
    model_provider_data: toWireFinishReason(output.metrics),
    metadata: metadataField(output),
    session_state: component.kind === 'agent' ? toJsonValue(sessionState) : undefined,
    member_responses:
      component.kind === 'team' && memberResponses.length > 0
        ? toMemberResponses(memberResponses, { sessionState })
        : undefined,
    metrics: toWireMetrics(output.metrics, output.model),
  };
}

/** The end of a workflow's run. */
export function workflowCompletedFields({ output, sessionState }: EventOf<'run-completed'>): WireObject {
  const { memberResponses, stepResults } = output;
  return {
    ...contentFields(output),
    step_results: stepResults.map(toWireStepOutput),
    step_executor_runs:
      memberResponses.length > 0 ? toWireRunOutputs(memberResponses, { sessionState }) : undefined,
    metadata: metadataField(output),
    metrics: workflowMetrics(output),
  };
}

/** Agents and teams have the text in `content`, workflows in `error`. */
export function errorFields(event: EventOf<'run-error'>, textField: 'content' | 'error'): WireObject {
  return {
    [textField]: event.content,
    error_type: event.errorType,
    error_id: event.errorId,
    additional_data: toJsonValue(event.additionalData),
  };
}
