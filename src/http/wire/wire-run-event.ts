import type { ComponentKind } from '../../model/component.js';
import type { RunEvent } from '../../model/run-event.js';
import { withoutUndefined, type WireObject } from './wire-format.js';
import {
  contentFields as answerFields,
  toWireMetrics,
  toWireRunOutput,
  toWireStepOutput,
  toWireTool,
} from './wire-run-output.js';

/** The frames of an event: most have one, a cancellation two, and what the protocol does not know has none. */
export function toFrames(event: RunEvent): string {
  const { component } = event;
  const common = commonFields(event);
  return bodiesOf(event)
    .map(({ name, fields }) => toFrame(prefixOf(component.kind) + name, { ...common, ...fields }))
    .join('');
}

/** Exactly `event: <Name>`, `data: <one line of JSON>`, blank line: readers of the protocol accept nothing else. */
export function toFrame(name: string, fields: WireObject): string {
  const { created_at, ...others } = fields;
  return `event: ${name}\ndata: ${JSON.stringify(withoutUndefined({ created_at, event: name, ...others }))}\n\n`;
}

interface FrameBody {
  readonly name: string;
  readonly fields: WireObject;
}

function commonFields({ createdAt, component, runId, parentRunId, sessionId, step }: RunEvent): WireObject {
  const { kind, id, name } = component;
  return {
    created_at: createdAt,
    [`${kind}_id`]: id,
    [`${kind}_name`]: name,
    run_id: runId,
    parent_run_id: parentRunId,
    session_id: sessionId,
    ...(step
      ? {
          workflow_id: step.workflowId,
          workflow_run_id: step.workflowRunId,
          step_name: step.stepName,
          step_index: step.stepIndex,
        }
      : {}),
    nested_depth: 0,
  };
}

function prefixOf(kind: ComponentKind): string {
  return kind === 'team' ? 'Team' : '';
}

function bodiesOf(event: RunEvent): FrameBody[] {
  return event.component.kind === 'workflow' ? workflowBodies(event) : conversationBodies(event);
}

function conversationBodies(event: RunEvent): FrameBody[] {
  switch (event.type) {
    case 'run-started':
      return [{ name: 'RunStarted', fields: {} }];
    case 'run-content':
      return [{ name: 'RunContent', fields: contentFields(event.component.kind, event.content) }];
    case 'run-content-completed':
      return [{ name: 'RunContentCompleted', fields: {} }];
    case 'run-completed':
      return [{ name: 'RunCompleted', fields: completedFields(event) }];
    case 'run-error':
      return [{ name: 'RunError', fields: errorFields(event, 'content') }];
    case 'run-cancelled': {
      const { content } = event.output;
      return [
        { name: 'RunCancelled', fields: { content, reason: event.reason } },
        { name: 'RunCompleted', fields: { content, content_type: 'str' } },
      ];
    }
    case 'tool-call-started':
      return [{ name: 'ToolCallStarted', fields: { tool: toWireTool(event.tool) } }];
    case 'tool-call-completed':
      return [
        { name: 'ToolCallCompleted', fields: { tool: toWireTool(event.tool), content: event.tool.result } },
      ];
    case 'tool-call-failed':
      return [{ name: 'ToolCallError', fields: { tool: toWireTool(event.tool), error: event.error } }];
    case 'pre-hook-started':
    case 'pre-hook-completed':
    case 'post-hook-started':
    case 'post-hook-completed':
      return [hookBody(event)];
    case 'step-started':
    case 'step-completed':
      return [];
    default:
      return event satisfies never;
  }
}

function workflowBodies(event: RunEvent): FrameBody[] {
  switch (event.type) {
    case 'run-started':
      return [{ name: 'WorkflowStarted', fields: {} }];
    case 'run-completed':
      return [{ name: 'WorkflowCompleted', fields: completedFields(event) }];
    case 'run-error':
      return [{ name: 'WorkflowError', fields: errorFields(event, 'error') }];
    case 'run-cancelled': {
      const { content } = event.output;
      return [
        { name: 'WorkflowCancelled', fields: { reason: event.reason, content } },
        { name: 'WorkflowCompleted', fields: { content, content_type: 'str', step_results: [] } },
      ];
    }
    case 'step-started':
      return [{ name: 'StepStarted', fields: { step_name: event.stepName, step_index: event.stepIndex } }];
    case 'step-completed':
      return [{ name: 'StepCompleted', fields: stepFields(event) }];
    case 'run-content':
    case 'run-content-completed':
    case 'tool-call-started':
    case 'tool-call-completed':
    case 'tool-call-failed':
    case 'pre-hook-started':
    case 'pre-hook-completed':
    case 'post-hook-started':
    case 'post-hook-completed':
      return [];
    default:
      return event satisfies never;
  }
}

function contentFields(kind: ComponentKind, content: string): WireObject {
  const agentOnly = kind === 'agent' ? { workflow_agent: false } : {};
  return { content, ...agentOnly, content_type: 'str', reasoning_content: '' };
}

type EventOf<T extends RunEvent['type']> = Extract<RunEvent, { readonly type: T }>;

function completedFields({ component, output }: EventOf<'run-completed'>): WireObject {
  const members = output.memberResponses.map((member) => toWireRunOutput(member));
  return {
    ...answerFields(output),
    metadata: Object.keys(output.metadata).length > 0 ? output.metadata : undefined,
    metrics: toWireMetrics(output.metrics),
    ...(members.length > 0 ? { member_responses: members } : {}),
    ...(component.kind === 'workflow' ? { step_results: output.stepResults.map(toWireStepOutput) } : {}),
  };
}

function errorFields(event: EventOf<'run-error'>, textField: 'content' | 'error'): WireObject {
  return {
    [textField]: event.content,
    error_type: event.errorType,
    error_id: event.errorId,
    additional_data: event.additionalData,
  };
}

function hookBody(
  event: EventOf<'pre-hook-started' | 'pre-hook-completed' | 'post-hook-started' | 'post-hook-completed'>,
): FrameBody {
  const phase = event.type.startsWith('pre') ? 'pre' : 'post';
  const name = `${phase === 'pre' ? 'Pre' : 'Post'}Hook${event.type.endsWith('started') ? 'Started' : 'Completed'}`;
  const error = 'error' in event ? event.error : undefined;
  return { name, fields: { [`${phase}_hook_name`]: event.hook, error } };
}

function stepFields({ output, stepIndex }: EventOf<'step-completed'>): WireObject {
  const { stepName, content } = output;
  const step_response = toWireStepOutput(output);
  return { step_name: stepName, step_index: stepIndex, content, content_type: 'str', step_response };
}
