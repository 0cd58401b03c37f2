import type { RunEvent } from '../../model/run-event.js';
import { conversationBodies } from './wire-conversation-event.js';
import { toFrame, toWireEvent, type WireEvent } from './wire-event-frame.js';
import type { WireObject } from './wire-format.js';
import { workflowBodies } from './wire-workflow-event.js';

/** The protocol's events for a run event: mostly one, two for a cancellation, none if it is not in the protocol. */
export function toWireEvents(event: RunEvent): readonly WireEvent[] {
  const { kind } = event.component;
  const common = kind === 'workflow' ? workflowFields(event) : conversationFields(event);
  const prefix = kind === 'team' ? 'Team' : '';
  const bodies = kind === 'workflow' ? workflowBodies(event) : conversationBodies(event);
  return bodies.map(({ name, fields }) => toWireEvent(prefix + name, { ...common, ...fields }));
}

/** The frames of an event. */
export function toFrames(event: RunEvent): string {
  return toWireEvents(event).map(toFrame).join('');
}

/** The common fields of all events of an agent's or team's run. */
function conversationFields(event: RunEvent): WireObject {
  const { kind, id, name } = event.component;
  const isStep = event.step?.workflowRunId === event.parentRunId;
  return {
    created_at: event.createdAt,
    [`${kind}_id`]: id,
    [`${kind}_name`]: name,
    run_id: event.runId,
    // The events of a step name their workflow in fields of their own.
    parent_run_id: isStep ? undefined : event.parentRunId,
    session_id: event.sessionId,
    ...positionFields(event),
    nested_depth: event.nestedDepth,
  };
}

/** The position of an agent or team in a workflow. */
function positionFields({ step }: RunEvent): WireObject {
  if (!step) return {};
  return {
    workflow_id: step.workflowId,
    workflow_run_id: step.workflowRunId,
    step_id: step.stepId,
    step_name: step.stepName,
    step_index: step.stepIndex,
  };
}

/** The common fields of all events of a workflow's run. A workflow in a workflow names the step that it is. */
function workflowFields(event: RunEvent): WireObject {
  const { stepId, parentStepId } = 'stepId' in event ? event : {};
  return {
    created_at: event.createdAt,
    workflow_id: event.component.id,
    workflow_name: event.component.name,
    session_id: event.sessionId,
    run_id: event.runId,
    step_id: stepId,
    parent_step_id: parentStepId ?? event.step?.stepId,
    nested_depth: event.nestedDepth,
  };
}
