import { z } from 'zod';

import { toJsonValue } from '../data/to-json-value.js';
import type { PlainRecord } from '../model/run-context.js';
import type { RunInput } from '../model/run-input.js';
import type { RunOutput } from '../model/run-output.js';
import { toWireAnswerParts, WireAnswerParts } from './answers.js';
import { FailureFields } from './errors.js';
import { toWireInput, WireInput } from './media.js';
import { toWireMessage, WireMessage } from './messages.js';
import {
  RunMetricsSchema,
  toWireFinishReason,
  toWireMetrics,
  WireFinishReason,
  WireMetrics,
} from './metrics.js';
import { emptyList, epochSeconds, jsonObject, named, toJsonObject } from './schema.js';
import { toWireStepMetrics, toWireStepOutput, WireStepMetrics, WireStepOutput } from './steps.js';
import { toWireTool, WireTool } from './tools.js';

/** The state of a run. */
export const WireRunStatus = z
  .enum(['RUNNING', 'COMPLETED', 'ERROR', 'CANCELLED'])
  .describe('The state of the run. A run that was rejected or failed is `ERROR`.');

/** Runs begin at once, so none is cancelled before it executes. */
export const CANCELLATION_STAGE =
  'Where the run was when it was cancelled: `EXECUTING`. Only of a run with the status `CANCELLED`.';
const WireCancellationStage = z.enum(['EXECUTING']).describe(CANCELLATION_STAGE);
type WireCancellationStage = z.infer<typeof WireCancellationStage>;

/** The answer of a run. */
export const WireContent = z.object({
  content: z.unknown().describe('The answer: text, or any JSON value if `content_type` is `dict`.'),
  content_type: z.enum(['str', 'dict']),
});
export type WireContent = z.infer<typeof WireContent>;

/** The metrics of a workflow's run. */
export const WireWorkflowMetrics = named(
  'WorkflowMetrics',
  'The metrics of a workflow.',
  RunMetricsSchema.extend({ steps: WireStepMetrics }),
);
type WireWorkflowMetrics = z.infer<typeof WireWorkflowMetrics>;

/** The metadata of a run, in its output and in its last event. */
export const WireMetadata = jsonObject('The metadata that is stored with the run.').optional();

const CommonFields = z.object({
  run_id: z.string(),
  session_id: z.string().describe('The session of the run.'),
  created_at: epochSeconds(),
  status: WireRunStatus,
  cancellation_stage: WireCancellationStage.optional(),
  user_id: z.string().optional(),
  parent_run_id: z.string().optional().describe('The run that started this one.'),
  workflow_step_id: z.string().optional().describe('The execution of a step that this run is.'),
  metadata: WireMetadata,
  ...WireContent.shape,
});

const ConversationFields = CommonFields.extend({
  ...WireAnswerParts.shape,
  metrics: WireMetrics,
  model: z.string().optional().describe("The provider's name for the model."),
  model_provider: z.string().optional(),
  model_provider_data: WireFinishReason.optional(),
  messages: z.array(WireMessage).optional().describe('The conversation of this run.'),
  tools: z.array(WireTool).optional().describe('Tool calls; empty if the run completed without any.'),
  input: WireInput.optional(),
});

const AgentFields = ConversationFields.extend({
  agent_id: z.string(),
  agent_name: z.string(),
  session_state: jsonObject('The state of the session when the run ended.'),
});

const TeamFields = ConversationFields.extend({ team_id: z.string(), team_name: z.string() });

const WorkflowFields = CommonFields.extend({
  workflow_id: z.string(),
  workflow_name: z.string(),
  images: emptyList(),
  videos: emptyList(),
  audio: emptyList(),
  files: emptyList(),
  metrics: WireWorkflowMetrics,
  step_results: z.array(WireStepOutput).optional().describe('The outputs of the steps, in order.'),
});

/** Runs of members and of steps, which contain runs themselves: getters let the schemas refer to each other. */
const Members = {
  get member_responses() {
    return memberRun().array().describe('The runs of the members, in the order in which they settled.');
  },
};
const StepRuns = {
  get step_executor_runs() {
    return anyRun().array().optional().describe('The runs of the steps.');
  },
};
const InputText = { input: z.string().optional().describe("The workflow's input.") };

type WireAgentRun = z.infer<typeof AgentFields>;
interface WireTeamRun extends z.infer<typeof TeamFields> {
  member_responses: WireMemberRun[];
}
interface WorkflowRunFields extends z.infer<typeof WorkflowFields> {
  step_executor_runs?: WireRun[] | undefined;
}
interface WireWorkflowRun extends WorkflowRunFields {
  input?: string | undefined;
}
interface WireWorkflowMember extends WorkflowRunFields {
  input?: z.infer<typeof WireInput> | undefined;
}

const AgentRun = named('RunOutput', "An agent's run. Unknown fields are left out.", AgentFields);
const TeamRun: z.ZodType<WireTeamRun> = named(
  'TeamRunOutput',
  "A team's run. Unknown fields are left out.",
  TeamFields.extend(Members),
);
const WorkflowRun: z.ZodType<WireWorkflowRun> = named(
  'WorkflowRunOutput',
  "A workflow's run. Unknown fields are left out.",
  WorkflowFields.extend(InputText).extend(StepRuns),
);
const WorkflowMember: z.ZodType<WireWorkflowMember> = named(
  'WorkflowMemberRun',
  "A workflow's run as a member of a team. Unknown fields are left out.",
  WorkflowFields.extend({ input: WireInput.optional() }).extend(StepRuns),
);

/** A run of an agent, a team or a workflow. */
export type WireRun = WireAgentRun | WireTeamRun | WireWorkflowRun;
export const WireRun = anyRun();

/** A new one for each use: a union that contains itself would need a name in the document. */
function anyRun(): z.ZodType<WireRun> {
  return z.union([AgentRun, TeamRun, WorkflowRun]);
}

/** A run of a team's member. The protocol has no workflows in teams: clients read their runs like a team's. */
export type WireMemberRun = WireAgentRun | WireTeamRun | WireWorkflowMember;
export const WireMemberRun = memberRun();

function memberRun(): z.ZodType<WireMemberRun> {
  return z.union([AgentRun, TeamRun, WorkflowMember]);
}

/** The runs of each kind of component. */
export const WIRE_RUNS = { agent: AgentRun, team: TeamRun, workflow: WorkflowRun };

/** The runs of each kind of component that did not complete, with the reason. */
export const FAILED_RUNS = {
  agent: named(
    'FailedRun',
    "An agent's run that did not complete, and the reason.",
    AgentFields.extend(FailureFields.shape),
  ),
  team: named(
    'FailedTeamRun',
    "A team's run that did not complete, and the reason.",
    TeamFields.extend(Members).extend(FailureFields.shape),
  ),
  workflow: named(
    'FailedWorkflowRun',
    "A workflow's run that did not complete, and the reason.",
    WorkflowFields.extend(InputText).extend(StepRuns).extend(FailureFields.shape),
  ),
};

/** A run that goes on in the background. */
export const WirePendingRun = named(
  'PendingRun',
  'A run that has started in the background.',
  z.object({ run_id: z.string(), session_id: z.string(), status: z.enum(['PENDING']) }),
);
export type WirePendingRun = z.infer<typeof WirePendingRun>;

/** The details of a run that its output does not contain. */
export interface RunDetails {
  /** Default: the input in the output, which is missing if the run was stopped before its engine ran. */
  readonly input?: RunInput | undefined;
  readonly sessionState?: PlainRecord;
}

/** A run's output in the protocol; unknown fields are left out. */
export function toWireRun(output: RunOutput, details: RunDetails = {}): WireRun {
  if (output.component.kind !== 'workflow') return toConversation(output, details);
  const { input = output.input } = details;
  return Object.assign(toWorkflowFields(output, details), { input: input?.content });
}

/** Runs of members. */
export function toMemberRuns(outputs: readonly RunOutput[], details: RunDetails): WireMemberRun[] {
  return outputs.map((output) => {
    const { component, input } = output;
    const own = { ...details, input };
    if (component.kind !== 'workflow') return toConversation(output, own);
    return Object.assign(toWorkflowFields(output, own), { input: input && toWireInput(input) });
  });
}

/** Runs of steps. */
export function toStepRuns(outputs: readonly RunOutput[], details: RunDetails): WireRun[] {
  return outputs.map((output) => toWireRun(output, { ...details, input: output.input }));
}

/** The metadata of the run, if there is any. */
export function toWireMetadata({ metadata }: RunOutput): z.infer<typeof WireMetadata> {
  return Object.keys(metadata).length > 0 ? toJsonObject(metadata) : undefined;
}

/** Where the run was when it was cancelled, if it was. */
export function toCancellationStage({ status }: RunOutput): WireCancellationStage | undefined {
  return status === 'CANCELLED' ? 'EXECUTING' : undefined;
}

/** Structured answers are sent as JSON values, not as their text. */
export function toWireContent({ content, data }: Pick<RunOutput, 'content' | 'data'>): WireContent {
  return data === undefined
    ? { content, content_type: 'str' }
    : { content: toJsonValue(data), content_type: 'dict' };
}

/** The metrics of a workflow's run. */
export function toWorkflowMetrics({ stepResults, metrics }: RunOutput): WireWorkflowMetrics {
  return { steps: toWireStepMetrics(stepResults), ...toWireMetrics(metrics) };
}

/** The run of an agent or a team. A completed run reports that it used no tools; for others this is unknown. */
function toConversation(output: RunOutput, details: RunDetails): WireAgentRun | WireTeamRun {
  const { component, model, messages, tools, status } = output;
  const { input = output.input, sessionState = {} } = details;
  const { content, content_type } = toWireContent(output);
  const fields = {
    run_id: output.runId,
    session_id: output.sessionId,
    user_id: output.userId,
    parent_run_id: output.parentRunId,
    content,
    content_type,
    model: model?.id,
    model_provider: model?.provider,
    model_provider_data: toWireFinishReason(output.metrics),
    created_at: output.createdAt,
    status,
    cancellation_stage: toCancellationStage(output),
    workflow_step_id: output.stepId,
    metrics: toWireMetrics(output.metrics, model),
    messages: messages.length > 0 ? messages.map(toWireMessage) : undefined,
    metadata: toWireMetadata(output),
    tools: tools.length > 0 || status === 'COMPLETED' ? tools.map(toWireTool) : undefined,
    input: input && toWireInput(input),
  } satisfies z.infer<typeof ConversationFields>;
  const { id, name } = component;
  // No spread: copies of objects with this many fields are slow to make and to write as JSON.
  return Object.assign(
    fields,
    toWireAnswerParts(output),
    component.kind === 'team'
      ? { team_id: id, team_name: name, member_responses: toMemberRuns(output.memberResponses, details) }
      : { agent_id: id, agent_name: name, session_state: toJsonObject(sessionState) },
  );
}

/** A workflow's run without its input, which only members of teams wrap. */
function toWorkflowFields(output: RunOutput, details: RunDetails): WorkflowRunFields {
  const { stepResults, memberResponses, component } = output;
  const { content, content_type } = toWireContent(output);
  return {
    content,
    content_type,
    workflow_id: component.id,
    workflow_name: component.name,
    run_id: output.runId,
    session_id: output.sessionId,
    user_id: output.userId,
    parent_run_id: output.parentRunId,
    workflow_step_id: output.stepId,
    created_at: output.createdAt,
    status: output.status,
    cancellation_stage: toCancellationStage(output),
    images: [],
    videos: [],
    audio: [],
    files: [],
    step_results: stepResults.length > 0 ? stepResults.map(toWireStepOutput) : undefined,
    step_executor_runs: memberResponses.length > 0 ? toStepRuns(memberResponses, details) : undefined,
    metrics: toWorkflowMetrics(output),
    metadata: toWireMetadata(output),
  };
}
