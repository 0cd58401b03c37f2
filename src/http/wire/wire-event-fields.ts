import type { RunEvent } from '../../model/run-event.js';
import type { RunOutput } from '../../model/run-output.js';
import { toJsonValue } from './to-json-value.js';
import type { WireObject } from './wire-format.js';
import {
  contentFields,
  metadataField,
  toWireMetrics,
  toWireRunOutput,
  toWireStepOutput,
} from './wire-run-output.js';

/** The end of an agent's or team's run. */
export function completedFields(output: RunOutput): WireObject {
  const members = output.memberResponses.map((member) => toWireRunOutput(member));
  return {
    ...contentFields(output),
    metadata: metadataField(output),
    metrics: toWireMetrics(output.metrics),
    ...(members.length > 0 ? { member_responses: members } : {}),
  };
}

/** The end of a workflow's run. */
export function workflowCompletedFields(output: RunOutput): WireObject {
  return { ...completedFields(output), step_results: output.stepResults.map(toWireStepOutput) };
}

/** Agents and teams say it in `content`, workflows in `error`. */
export function errorFields(
  event: Extract<RunEvent, { readonly type: 'run-error' }>,
  textField: 'content' | 'error',
): WireObject {
  return {
    [textField]: event.content,
    error_type: event.errorType,
    error_id: event.errorId,
    additional_data: toJsonValue(event.additionalData),
  };
}
