import type { ComponentKind } from '../../model/component.js';
import type { RunEvent } from '../../model/run-event.js';
import { completedFields, errorFields } from './wire-event-fields.js';
import { toFrame, type FrameBody } from './wire-event-frame.js';
import type { WireObject } from './wire-format.js';
import { toWireTool } from './wire-run-output.js';
import { workflowBodies } from './wire-workflow-event.js';

/** The frames of an event: most have one, a cancellation two, and what the protocol does not know has none. */
export function toFrames(event: RunEvent): string {
  const { kind } = event.component;
  const common = commonFields(event);
  const prefix = kind === 'team' ? 'Team' : '';
  const bodies = kind === 'workflow' ? workflowBodies(event) : conversationBodies(event);
  return bodies.map(({ name, fields }) => toFrame(prefix + name, { ...common, ...fields })).join('');
}

function commonFields(event: RunEvent): WireObject {
  const { kind, id, name } = event.component;
  return {
    created_at: event.createdAt,
    [`${kind}_id`]: id,
    [`${kind}_name`]: name,
    run_id: event.runId,
    parent_run_id: event.parentRunId,
    session_id: event.sessionId,
    ...(kind === 'workflow' ? {} : stepFields(event)),
    nested_depth: event.nestedDepth,
  };
}

/** Where in a workflow an agent or team runs. */
function stepFields({ step }: RunEvent): WireObject {
  if (!step) return {};
  const { workflowId, workflowRunId, stepName, stepIndex } = step;
  return {
    workflow_id: workflowId,
    workflow_run_id: workflowRunId,
    step_name: stepName,
    step_index: stepIndex,
  };
}

/** The events of an agent's or team's run. */
function conversationBodies(event: RunEvent): readonly FrameBody[] {
  switch (event.type) {
    case 'run-started':
      return [{ name: 'RunStarted', fields: modelFields(event) }];
    case 'run-content':
      return [{ name: 'RunContent', fields: contentFields(event.component.kind, event.content) }];
    case 'run-content-completed':
      return [{ name: 'RunContentCompleted', fields: {} }];
    case 'run-completed':
      return [{ name: 'RunCompleted', fields: completedFields(event.output) }];
    case 'run-error':
      return [{ name: 'RunError', fields: errorFields(event, 'content') }];
    case 'run-cancelled':
      return cancelledBodies(event);
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
    case 'block-started':
    case 'block-completed':
    case 'loop-iteration-started':
    case 'loop-iteration-completed':
      return [];
    default:
      return event satisfies never;
  }
}

type EventOf<T extends RunEvent['type']> = Extract<RunEvent, { readonly type: T }>;

function modelFields({ model }: EventOf<'run-started'>): WireObject {
  return model ? { model: model.id, model_provider: model.provider } : {};
}

function contentFields(kind: ComponentKind, content: string): WireObject {
  const agentOnly = kind === 'agent' ? { workflow_agent: false } : {};
  return { content, ...agentOnly, content_type: 'str', reasoning_content: '' };
}

function cancelledBodies({ output, reason }: EventOf<'run-cancelled'>): readonly FrameBody[] {
  const { content } = output;
  return [
    { name: 'RunCancelled', fields: { content, reason } },
    { name: 'RunCompleted', fields: { content, content_type: 'str' } },
  ];
}

function hookBody(
  event: EventOf<'pre-hook-started' | 'pre-hook-completed' | 'post-hook-started' | 'post-hook-completed'>,
): FrameBody {
  const phase = event.type.startsWith('pre') ? 'pre' : 'post';
  const name = `${phase === 'pre' ? 'Pre' : 'Post'}Hook${event.type.endsWith('started') ? 'Started' : 'Completed'}`;
  const error = 'error' in event ? event.error : undefined;
  return { name, fields: { [`${phase}_hook_name`]: event.hook, error } };
}
