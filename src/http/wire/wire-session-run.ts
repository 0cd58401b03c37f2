import type { RunOutput } from '../../model/run-output.js';
import { isInputWithheld, WITHHELD_INPUT } from '../../sessions/session.filter.js';
import type { StoredRun } from '../../sessions/session.store.js';
import { toJsonValue } from '../../data/to-json-value.js';
import type { WireObject } from './wire-format.js';
import { toWireMedia } from './wire-input.js';
import { toWireMessage } from './wire-message.js';
import { toWireMetrics } from './wire-metrics.js';
import { toWireEvents } from './wire-run-event.js';
import { toWireRunOutputs, workflowMetrics } from './wire-run-output.js';
import { toWireStepOutput } from './wire-step-output.js';
import { toIsoSeconds } from './wire-time.js';
import { toWireTool } from './wire-tool.js';

/** A run as its session stores it: every field is present, unknown ones are null. */
export function toWireSessionRun(run: StoredRun): WireObject {
  switch (run.component.kind) {
    case 'agent':
      return agentRun(run);
    case 'team':
      return teamRun(run);
    case 'workflow':
      return workflowRun(run);
    default:
      return run.component.kind satisfies never;
  }
}

/** Fields that neither this server nor its engines fill; clients expect the keys. */
const NO_FILES = { images: [], videos: [], audio: [], files: [], response_audio: null };
const NO_LINEAGE = {
  followups: null,
  forked_from_run_id: null,
  forked_from_message_index: null,
  forked_from_session_id: null,
  regenerated_from: null,
  last_checkpoint_at_message_index: null,
};

function agentRun(run: StoredRun): WireObject {
  const { output, input } = run;
  return {
    run_id: run.runId,
    parent_run_id: run.parentRunId ?? '',
    agent_id: run.component.id,
    user_id: output.userId ?? '',
    status: output.status,
    run_input: shownInput(run),
    ...answerFields(output),
    reasoning_content: '',
    reasoning_steps: [],
    metrics: toWireMetrics(output.metrics, output.model),
    messages: listOrNull(output.messages.map(toWireMessage)),
    tools: listOrNull(output.tools.map(toWireTool)),
    events: listOrNull(run.events.flatMap(toWireEvents)),
    ...memoryFields(run),
    session_state: toJsonValue(run.sessionState),
    ...NO_FILES,
    input_media: toWireMedia(input.files ?? []),
    ...NO_LINEAGE,
  };
}

function teamRun(run: StoredRun): WireObject {
  const { output, input } = run;
  const { content, run_response_format } = answerFields(output);
  return {
    run_id: run.runId,
    parent_run_id: run.parentRunId ?? '',
    team_id: run.component.id,
    status: output.status,
    content,
    reasoning_content: '',
    reasoning_steps: [],
    run_input: shownInput(run),
    run_response_format,
    metrics: toWireMetrics(output.metrics, output.model),
    tools: listOrNull(output.tools.map(toWireTool)),
    messages: listOrNull(output.messages.map(toWireMessage)),
    events: listOrNull(run.events.flatMap(toWireEvents)),
    ...memoryFields(run),
    session_state: toJsonValue(run.sessionState),
    input_media: toWireMedia(input.files ?? []),
    ...NO_FILES,
    ...NO_LINEAGE,
  };
}

/** The runs of its steps are inside of it. */
function workflowRun(run: StoredRun): WireObject {
  const { output } = run;
  const { content, run_response_format } = answerFields(output);
  const { reasoning_messages, created_at, ...sources } = memoryFields(run);
  return {
    run_id: run.runId,
    run_input: shownInput(run),
    events: run.events.flatMap(toWireEvents),
    workflow_id: run.component.id,
    user_id: output.userId ?? '',
    content,
    content_type: run_response_format === 'text' ? 'str' : 'dict',
    status: output.status,
    step_results: output.stepResults.map(toWireStepOutput),
    step_executor_runs: toWireRunOutputs(output.memberResponses, { sessionState: run.sessionState }),
    step_requirements: null,
    pause_kind: null,
    paused_step_name: null,
    paused_step_index: null,
    metrics: workflowMetrics(output),
    created_at,
    reasoning_content: '',
    reasoning_steps: [],
    ...sources,
    reasoning_messages,
    ...NO_FILES,
  };
}

/** Clients accept text or an object; other structured data is sent as JSON text. */
function answerFields({ content, data }: RunOutput): WireObject {
  const value = toJsonValue(data);
  const isObject = typeof value === 'object' && value !== null && !Array.isArray(value);
  return {
    content: isObject ? value : content,
    run_response_format: data === undefined ? 'text' : 'json',
  };
}

function memoryFields({ output }: StoredRun): WireObject {
  return {
    created_at: toIsoSeconds(output.createdAt * 1_000),
    references: [],
    citations: null,
    reasoning_messages: [],
  };
}

/** An empty text would be shown as an empty bubble on a chat page. */
function shownInput(run: StoredRun): string {
  return isInputWithheld(run) ? WITHHELD_INPUT : run.input.content;
}

function listOrNull(list: readonly unknown[]): readonly unknown[] | null {
  return list.length > 0 ? list : null;
}
