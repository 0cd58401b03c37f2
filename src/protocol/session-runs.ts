import { z } from 'zod';

import { isRecord } from '../data/is-record.js';
import { toJsonValue } from '../data/to-json-value.js';
import type { RunOutput } from '../model/run-output.js';
import { isInputWithheld, WITHHELD_INPUT } from '../sessions/session.filter.js';
import type { StoredRun } from '../sessions/session.store.js';
import {
  filesOf,
  toWireCitations,
  toWireReferences,
  WireAnswerFile,
  WireCitations,
  WireReferences,
} from './answers.js';
import { toWireEvents, type WireEvent } from './events.js';
import { toWireMedia, WireMedia } from './media.js';
import { toWireMessage, WireMessage } from './messages.js';
import { toWireMetrics, WireMetrics } from './metrics.js';
import {
  toCancellationStage,
  toStepRuns,
  toWireMetadata,
  toWorkflowMetrics,
  CANCELLATION_STAGE,
  WireContent,
  WireMetadata,
  WireRun,
  WireRunStatus,
  WireWorkflowMetrics,
} from './runs.js';
import { beginningOf } from './text.limits.js';
import { emptyList, isoTime, jsonObject, named, toIsoSeconds, toJsonObject, type Unknown } from './schema.js';
import { toWireStepOutput, WireStepOutput } from './steps.js';
import { WIRE_EVENTS } from './streams.js';
import { toWireTool, WireTool } from './tools.js';

const AlwaysNull = 'Always null.';
const FilesOfAnswer = 'Files of the answer that have an address: their content is not stored.';

/** Fields that are null in one answer are left out in another. */
const CommonFields = z.object({
  run_id: z.string(),
  status: WireRunStatus,
  cancellation_stage: z.string().nullable().optional().describe(CANCELLATION_STAGE),
  run_input: z.string().describe('The input of the run.'),
  content: z.unknown().describe('The answer: text, or an object if it is structured.'),
  reasoning_content: z.string().describe("The model's reasoning; empty if it is unknown."),
  reasoning_steps: emptyList(),
  metadata: WireMetadata,
  created_at: isoTime(),
  references: WireReferences,
  citations: WireCitations.nullable().optional(),
  reasoning_messages: emptyList(),
  images: z.array(WireAnswerFile).describe(FilesOfAnswer),
  videos: z.array(WireAnswerFile).describe(FilesOfAnswer),
  audio: z.array(WireAnswerFile).describe(FilesOfAnswer),
  files: z.array(WireAnswerFile).describe(FilesOfAnswer),
  response_audio: jsonObject().nullable().optional().describe(AlwaysNull),
});

const ConversationFields = CommonFields.extend({
  parent_run_id: z.string().describe('The run that started this one; empty if there is none.'),
  run_response_format: z.enum(['text', 'json']),
  metrics: WireMetrics,
  session_state: jsonObject('The state of the session when the run ended.'),
  input_media: WireMedia,
  messages: z.array(WireMessage).nullable().optional().describe('The conversation of this run.'),
  tools: z.array(WireTool).nullable().optional().describe('Tool calls.'),
  events: z
    .array(WIRE_EVENTS.workflow)
    .nullable()
    .optional()
    .describe('The events of the run, without pieces of content.'),
  followups: z.array(z.string()).nullable().optional().describe(AlwaysNull),
  forked_from_run_id: z.string().nullable().optional().describe(AlwaysNull),
  forked_from_message_index: z.int().nullable().optional().describe(AlwaysNull),
  forked_from_session_id: z.string().nullable().optional().describe(AlwaysNull),
  regenerated_from: z
    .string()
    .nullable()
    .optional()
    .describe('The earlier run that this run replaces in the history of the session.'),
  last_checkpoint_at_message_index: z.int().nullable().optional().describe(AlwaysNull),
});

const AgentRun = named(
  'AgentSessionRun',
  "An agent's run, as its session stores it.",
  ConversationFields.extend({
    agent_id: z.string(),
    user_id: z.string().describe('Empty if the user is unknown.'),
  }),
);
const TeamRun = named(
  'TeamSessionRun',
  "A team's run, as its session stores it.",
  ConversationFields.extend({
    team_id: z.string(),
    user_id: z.string().nullable().optional().describe('Missing or null if the user is unknown.'),
  }),
);
const WorkflowRun = named(
  'WorkflowSessionRun',
  "A workflow's run, as its session stores it.",
  CommonFields.extend({
    workflow_id: z.string(),
    user_id: z.string().describe('Empty if the user is unknown.'),
    content_type: WireContent.shape.content_type,
    events: z.array(WIRE_EVENTS.workflow).describe('The events of the run, without pieces of content.'),
    step_results: z.array(WireStepOutput).describe('The outputs of the steps, in order.'),
    step_executor_runs: z.array(WireRun).describe('The runs of the steps.'),
    step_requirements: z.array(jsonObject()).nullable().optional().describe(AlwaysNull),
    pause_kind: z.string().nullable().optional().describe(AlwaysNull),
    paused_step_name: z.string().nullable().optional().describe(AlwaysNull),
    paused_step_index: z.int().nullable().optional().describe(AlwaysNull),
    metrics: WireWorkflowMetrics,
  }),
);

/** The stored runs of each kind of component. */
export const SESSION_RUNS = { agent: AgentRun, team: TeamRun, workflow: WorkflowRun };

/** A run as its session stores it. */
export type WireSessionRun = z.infer<typeof AgentRun> | z.infer<typeof TeamRun> | z.infer<typeof WorkflowRun>;

/**
 * A run as its session stores it.
 *
 * @param unknown - the value of unknown fields: null, or undefined to leave them out
 */
export function toWireSessionRun(run: StoredRun, unknown: Unknown): WireSessionRun {
  const { component, output } = run;
  const { kind, id } = component;
  if (kind === 'workflow') return toWorkflowRun(run, unknown);
  // No spread: copies of objects with this many fields are slow to make and to write as JSON.
  return Object.assign(
    toConversation(run, unknown),
    kind === 'team'
      ? { team_id: id, user_id: output.userId ?? unknown }
      : { agent_id: id, user_id: output.userId ?? '' },
  );
}

function toConversation(run: StoredRun, unknown: Unknown): z.infer<typeof ConversationFields> {
  const { output } = run;
  return {
    run_id: run.runId,
    parent_run_id: run.parentRunId ?? '',
    status: output.status,
    cancellation_stage: toCancellationStage(output) ?? unknown,
    run_input: shownInput(run),
    content: contentOf(output),
    run_response_format: output.data === undefined ? 'text' : 'json',
    reasoning_content: output.reasoning ?? '',
    reasoning_steps: [],
    metrics: toWireMetrics(output.metrics, output.model),
    messages: someOf(output.messages.map(toWireMessage), unknown),
    tools: someOf(output.tools.map(toWireTool), unknown),
    events: someOf(eventsOf(run), unknown),
    metadata: toWireMetadata(output),
    created_at: toIsoSeconds(output.createdAt * 1_000),
    references: toWireReferences(output.sources ?? []),
    citations: output.sources ? toWireCitations(output.sources) : unknown,
    reasoning_messages: [],
    session_state: toJsonObject(run.sessionState),
    images: filesOf(output.files, 'image'),
    videos: filesOf(output.files, 'video'),
    audio: filesOf(output.files, 'audio'),
    files: filesOf(output.files, 'file'),
    response_audio: unknown,
    input_media: toWireMedia(run.input.files ?? []),
    followups: unknown,
    forked_from_run_id: unknown,
    forked_from_message_index: unknown,
    forked_from_session_id: unknown,
    regenerated_from: output.replaces?.[0] ?? unknown,
    last_checkpoint_at_message_index: unknown,
  };
}

/** The runs of its steps are inside of it. */
function toWorkflowRun(run: StoredRun, unknown: Unknown): z.infer<typeof WorkflowRun> {
  const { output, sessionState } = run;
  return {
    run_id: run.runId,
    run_input: shownInput(run),
    events: eventsOf(run),
    workflow_id: run.component.id,
    user_id: output.userId ?? '',
    content: contentOf(output),
    content_type: output.data === undefined ? 'str' : 'dict',
    status: output.status,
    cancellation_stage: toCancellationStage(output) ?? unknown,
    step_results: output.stepResults.map(toWireStepOutput),
    step_executor_runs: toStepRuns(output.memberResponses, { sessionState }),
    step_requirements: unknown,
    pause_kind: unknown,
    paused_step_name: unknown,
    paused_step_index: unknown,
    metrics: toWorkflowMetrics(output),
    metadata: toWireMetadata(output),
    created_at: toIsoSeconds(output.createdAt * 1_000),
    reasoning_content: '',
    reasoning_steps: [],
    references: [],
    citations: unknown,
    reasoning_messages: [],
    images: [],
    videos: [],
    audio: [],
    files: [],
    response_audio: unknown,
  };
}

/** Characters of an input or an answer in a preview. */
const PREVIEW_LENGTH = 280;

const COMPONENT_ID = 'Only one of the three ids is there.';

/** A run of a session in short, for clients that ask again and again. */
export const WireRunPreview = named(
  'RunPreview',
  'A run of a session in short.',
  z.object({
    run_id: z.string(),
    parent_run_id: z.string().optional().describe('The run that started this one; empty if there is none.'),
    agent_id: z.string().optional().describe(COMPONENT_ID),
    team_id: z.string().optional().describe(COMPONENT_ID),
    workflow_id: z.string().optional().describe(COMPONENT_ID),
    user_id: z.string().describe('Empty if the user is unknown.'),
    status: WireRunStatus,
    run_input: z.string().describe(`The first ${PREVIEW_LENGTH} characters of the input.`),
    content_preview: z
      .string()
      .describe(`The first ${PREVIEW_LENGTH} characters of the answer, as JSON if it is structured.`),
    created_at: isoTime(),
  }),
);
type WireRunPreview = z.infer<typeof WireRunPreview>;

/** A run of a session in short. */
export function toWireRunPreview(run: StoredRun): WireRunPreview {
  const { component, output, runId, parentRunId = '' } = run;
  const { kind, id } = component;
  const content = contentOf(output);
  return {
    run_id: runId,
    parent_run_id: kind === 'workflow' ? undefined : parentRunId,
    agent_id: kind === 'agent' ? id : undefined,
    team_id: kind === 'team' ? id : undefined,
    workflow_id: kind === 'workflow' ? id : undefined,
    user_id: output.userId ?? '',
    status: output.status,
    run_input: beginningOf(shownInput(run), PREVIEW_LENGTH),
    content_preview: beginningOf(
      typeof content === 'string' ? content : JSON.stringify(content),
      PREVIEW_LENGTH,
    ),
    created_at: toIsoSeconds(output.createdAt * 1_000),
  };
}

/** Clients accept text or an object; other structured data is sent as JSON text. */
function contentOf({ content, data }: RunOutput): unknown {
  const value = toJsonValue(data);
  return isRecord(value) ? value : content;
}

/** An empty text would be shown as an empty bubble on a chat page. */
function shownInput(run: StoredRun): string {
  return isInputWithheld(run) ? WITHHELD_INPUT : run.input.content;
}

function eventsOf(run: StoredRun): WireEvent[] {
  return run.events.flatMap(toWireEvents);
}

function someOf<T>(list: T[], unknown: Unknown): T[] | Unknown {
  return list.length > 0 ? list : unknown;
}
