import type { ComponentKind } from '../../model/component.js';
import type { RunEvent } from '../../model/run-event.js';
import type { ModelIdentity } from '../../model/run-output.js';
import { completedFields, errorFields, type EventOf } from './wire-event-fields.js';
import type { EventBody } from './wire-event-frame.js';
import type { WireObject } from './wire-format.js';
import { toWireRequestMetrics } from './wire-metrics.js';
import { describeToolCall, toWireTool } from './wire-tool.js';

/** The events of an agent's or team's run. */
export function conversationBodies(event: RunEvent): readonly EventBody[] {
  switch (event.type) {
    case 'run-started':
      return [{ name: 'RunStarted', fields: modelFields(event.model) }];
    case 'run-content':
      return [{ name: 'RunContent', fields: pieceFields(event.component.kind, event.content) }];
    case 'run-content-completed':
      return [{ name: 'RunContentCompleted', fields: {} }];
    case 'run-completed':
      return [{ name: 'RunCompleted', fields: completedFields(event) }];
    case 'run-error':
      return [{ name: 'RunError', fields: errorFields(event, 'content') }];
    case 'run-cancelled':
      return cancelledBodies(event);
    case 'model-request-started':
    case 'model-request-completed':
      return [modelRequestBody(event)];
    case 'tool-call-started':
    case 'tool-call-completed':
    case 'tool-call-failed':
      return [toolCallBody(event)];
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

function modelFields(model: ModelIdentity | undefined): WireObject {
  return model ? { model: model.id, model_provider: model.provider } : {};
}

function pieceFields(kind: ComponentKind, content: string): WireObject {
  const agentOnly = kind === 'agent' ? { workflow_agent: false } : {};
  return { content, ...agentOnly, content_type: 'str', reasoning_content: '' };
}

/** Two events: readers of the protocol wait for both. */
function cancelledBodies({ output, reason }: EventOf<'run-cancelled'>): readonly EventBody[] {
  const { content } = output;
  return [
    { name: 'RunCancelled', fields: { content, reason } },
    { name: 'RunCompleted', fields: { content, content_type: 'str' } },
  ];
}

function modelRequestBody(event: EventOf<'model-request-started' | 'model-request-completed'>): EventBody {
  const model = modelFields(event.model);
  return event.type === 'model-request-started'
    ? { name: 'ModelRequestStarted', fields: model }
    : { name: 'ModelRequestCompleted', fields: { ...model, ...toWireRequestMetrics(event.metrics) } };
}

function toolCallBody(
  event: EventOf<'tool-call-started' | 'tool-call-completed' | 'tool-call-failed'>,
): EventBody {
  const tool = toWireTool(event.tool);
  switch (event.type) {
    case 'tool-call-started':
      return { name: 'ToolCallStarted', fields: { tool } };
    case 'tool-call-completed':
      return { name: 'ToolCallCompleted', fields: { content: describeToolCall(event.tool), tool } };
    case 'tool-call-failed':
      return { name: 'ToolCallError', fields: { tool, error: event.error } };
    default:
      return event satisfies never;
  }
}

function hookBody(
  event: EventOf<'pre-hook-started' | 'pre-hook-completed' | 'post-hook-started' | 'post-hook-completed'>,
): EventBody {
  const phase = event.type.startsWith('pre') ? 'pre' : 'post';
  const name = `${phase === 'pre' ? 'Pre' : 'Post'}Hook${event.type.endsWith('started') ? 'Started' : 'Completed'}`;
  const error = 'error' in event ? event.error : undefined;
  return { name, fields: { [`${phase}_hook_name`]: event.hook, error } };
}
