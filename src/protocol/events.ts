import { z } from 'zod';

import type { ComponentKind } from '../model/component-identity.js';
import type { IterationEventFields, RunErrorFields, RunEvent, StepPlace } from '../model/run-event.js';
import type { ModelIdentity, RunOutput, StepOutput } from '../model/run-output.js';
import type { RunFile } from '../model/run-input.js';
import {
  toWireAnswerFile,
  toWireAnswerParts,
  toWireCitations,
  toWireReferences,
  WireAnswerFile,
  WireAnswerParts,
  WireCitations,
  WireReferences,
} from './answers.js';
import { ErrorFields, toErrorFields } from './errors.js';
import {
  toWireFinishReason,
  toWireMetrics,
  toWireRequestMetrics,
  WireFinishReason,
  WireMetrics,
  WireRequestMetrics,
} from './metrics.js';
import {
  toMemberRuns,
  toStepRuns,
  toWireContent,
  toWireMetadata,
  toWorkflowMetrics,
  WireContent,
  WireMemberRun,
  WireMetadata,
  WireRun,
  WireWorkflowMetrics,
} from './runs.js';
import { epochSeconds, jsonObject, toJsonObject } from './schema.js';
import { toRawStepOutput, toWireStepOutput, WireRawStepOutput, WireStepOutput } from './steps.js';
import { describeToolCall, toWireTool, WireTool } from './tools.js';

/**
 * An event as clients receive it. Its type has only the fields that all events have in common: the other fields are checked
 * where the event is declared, in the table below.
 */
export interface WireEvent {
  readonly event: string;
  /** Epoch seconds. */
  readonly created_at?: number;
  /** Only of runs in the background. */
  readonly event_index?: number | undefined;
}

type EventType = RunEvent['type'];
type EventOf<T extends EventType> = Extract<RunEvent, { readonly type: T }>;

/** An event of the protocol: its schema, and its fields besides those of all events of the run. */
interface EventMapping<T extends EventType> {
  readonly name: string;
  readonly description: string;
  readonly shape: z.ZodRawShape;
  /** Undefined: the event is not sent. */
  readonly fields: (event: EventOf<T>) => object | undefined;
}

function event<T extends EventType, S extends z.ZodRawShape>(
  name: string,
  description: string,
  shape: S,
  fields: (event: EventOf<T>) => z.infer<z.ZodObject<S>> | undefined,
): EventMapping<T> {
  return { name, description, shape, fields };
}

/** The events of the protocol for an event of a run: those of agents and teams, of one of them, and of workflows. */
interface EventRow<T extends EventType> {
  readonly conversation?: readonly EventMapping<T>[];
  readonly agent?: readonly EventMapping<T>[];
  readonly team?: readonly EventMapping<T>[];
  readonly workflow?: readonly EventMapping<T>[];
}

const Model = { model: z.string().optional(), model_provider: z.string().optional() };
const Tool = { tool: WireTool };
const HookError = { error: z.string().optional().describe('Why the hook failed, if it did.') };
const PreHook = { pre_hook_name: z.string() };
const PostHook = { post_hook_name: z.string() };
const Piece = {
  content: z.string().describe('The piece.'),
  content_type: z.enum(['str']),
  reasoning_content: z.string().describe("A piece of the model's reasoning; empty in other pieces."),
  citations: WireCitations.optional().describe('A source of the answer.'),
  references: WireReferences.optional(),
  image: WireAnswerFile.optional().describe('An image of the answer.'),
  response_audio: WireAnswerFile.optional().describe('Audio of the answer.'),
  videos: z.array(WireAnswerFile).optional().describe('A video of the answer.'),
  files: z.array(WireAnswerFile).optional().describe('Another file of the answer.'),
};
const Cancelled = { content: z.string().describe('The answer so far.'), reason: z.string() };
const StepIndex = z
  .union([z.int(), z.array(z.int())])
  .describe('The index of the step in its workflow; inside blocks the path of indices, such as `[0, 1]`.');
const Place = { step_name: z.string(), step_index: StepIndex };
const Step = { ...Place, step_id: z.string().describe('Id of this execution of the step.') };
const Results = z.array(WireStepOutput).describe('The outputs of the steps inside, in order.');
const Iteration = {
  ...Step,
  iteration: z.int().describe('The first iteration is 1.'),
  max_iterations: z.int(),
};

const Parallel = { ...Step, parallel_step_count: z.int() };
const Condition = { ...Step, condition_result: z.boolean() };
const Loop = { ...Step, max_iterations: z.int() };
const Router = { ...Step, selected_steps: z.array(z.string()).describe('The chosen routes.') };

/** The end of a conversation. After a cancellation, only the text is present. */
const Completed = {
  ...WireContent.shape,
  ...WireAnswerParts.shape,
  extra_data: z
    .object({ references: WireReferences })
    .optional()
    .describe('`references` once more, for readers that look here.'),
  metadata: WireMetadata,
  metrics: WireMetrics.optional(),
  model_provider_data: WireFinishReason.optional(),
};
const AGENT_COMPLETED = [
  'RunCompleted',
  'The run has ended.',
  { ...Completed, session_state: jsonObject('The state of the session when the run ended.').optional() },
] as const;
const TEAM_COMPLETED = [
  'RunCompleted',
  'The run has ended.',
  {
    ...Completed,
    member_responses: z
      .array(WireMemberRun)
      .optional()
      .describe('The runs of the members, if there are any.'),
  },
] as const;
const WORKFLOW_COMPLETED = [
  'WorkflowCompleted',
  'The workflow has ended.',
  {
    ...WireContent.shape,
    step_results: z.array(WireStepOutput).describe('The outputs of the steps, in order.'),
    step_executor_runs: z.array(WireRun).optional().describe('The runs of the steps.'),
    metadata: WireMetadata,
    metrics: WireWorkflowMetrics.optional(),
  },
] as const;

const RUN_ERROR = [
  'RunError',
  'The run has ended with an error.',
  { ...ErrorFields.shape, content: z.string().describe('A message for people.') },
] as const;
const WORKFLOW_ERROR = [
  'WorkflowError',
  'The workflow has ended with an error.',
  { ...ErrorFields.shape, error: z.string().describe('A message for people.') },
] as const;

/** The events that are sent without the fields of their run if the stream breaks. */
export const ERROR_EVENTS: ReadonlySet<string> = new Set([RUN_ERROR[0], WORKFLOW_ERROR[0]]);

/** Every event of a run, and the events of the protocol for it. */
export const EVENTS: { readonly [T in EventType]: EventRow<T> } = {
  'run-started': {
    conversation: [event('RunStarted', 'The run has started.', Model, ({ model }) => toModel(model))],
    workflow: [event('WorkflowStarted', 'The workflow has started.', {}, () => ({}))],
  },
  'run-content': {
    agent: [
      event('RunContent', 'A piece of the answer.', { ...Piece, workflow_agent: z.boolean() }, (piece) => ({
        ...toPiece(piece),
        workflow_agent: false,
      })),
    ],
    team: [event('RunContent', 'A piece of the answer.', Piece, toPiece)],
  },
  'run-reasoning': pieceRow(({ content }) => ({ reasoning_content: content })),
  'run-source': pieceRow(({ source }) => ({
    citations: toWireCitations([source]),
    references: someOf(toWireReferences([source])),
  })),
  'run-file': pieceRow(({ file }) => toFilePiece(file)),
  'run-content-completed': {
    conversation: [event('RunContentCompleted', 'The answer is complete.', {}, () => ({}))],
  },
  'run-completed': {
    agent: [
      event(...AGENT_COMPLETED, ({ output, sessionState }) => ({
        ...toWireContent(output),
        ...toCompletedParts(output),
        model_provider_data: toWireFinishReason(output.metrics),
        metadata: toWireMetadata(output),
        session_state: toJsonObject(sessionState),
        metrics: toWireMetrics(output.metrics, output.model),
      })),
    ],
    team: [
      event(...TEAM_COMPLETED, ({ output, sessionState }) => ({
        ...toWireContent(output),
        ...toCompletedParts(output),
        model_provider_data: toWireFinishReason(output.metrics),
        metadata: toWireMetadata(output),
        member_responses: someOf(toMemberRuns(output.memberResponses, { sessionState })),
        metrics: toWireMetrics(output.metrics, output.model),
      })),
    ],
    workflow: [
      event(...WORKFLOW_COMPLETED, ({ output, sessionState }) => ({
        ...toWireContent(output),
        step_results: output.stepResults.map(toWireStepOutput),
        step_executor_runs: someOf(toStepRuns(output.memberResponses, { sessionState })),
        metadata: toWireMetadata(output),
        metrics: toWorkflowMetrics(output),
      })),
    ],
  },
  'run-error': {
    conversation: [event(...RUN_ERROR, toRunError)],
    workflow: [event(...WORKFLOW_ERROR, toWorkflowError)],
  },
  // Two events: readers of the protocol wait for both.
  'run-cancelled': {
    conversation: [
      event('RunCancelled', 'The run was cancelled. `RunCompleted` follows.', Cancelled, toCancelled),
    ],
    agent: [event(...AGENT_COMPLETED, ({ output }) => toText(output))],
    team: [event(...TEAM_COMPLETED, ({ output }) => toText(output))],
    workflow: [
      event(
        'WorkflowCancelled',
        'The workflow was cancelled. `WorkflowCompleted` follows.',
        Cancelled,
        toCancelled,
      ),
      event(...WORKFLOW_COMPLETED, ({ output }) => ({ ...toText(output), step_results: [] })),
    ],
  },
  'pre-hook-started': {
    conversation: [
      event('PreHookStarted', 'An inline pre-hook starts.', PreHook, ({ hook }) => ({ pre_hook_name: hook })),
    ],
  },
  'pre-hook-completed': {
    conversation: [
      event(
        'PreHookCompleted',
        'An inline pre-hook has ended.',
        { ...PreHook, ...HookError },
        ({ hook, error }) => ({ pre_hook_name: hook, error }),
      ),
    ],
  },
  'post-hook-started': {
    conversation: [
      event('PostHookStarted', 'An inline post-hook starts.', PostHook, ({ hook }) => ({
        post_hook_name: hook,
      })),
    ],
  },
  'post-hook-completed': {
    conversation: [
      event(
        'PostHookCompleted',
        'An inline post-hook has ended.',
        { ...PostHook, ...HookError },
        ({ hook, error }) => ({ post_hook_name: hook, error }),
      ),
    ],
  },
  'model-request-started': {
    conversation: [
      event('ModelRequestStarted', 'A request to a model starts.', Model, ({ model }) => toModel(model)),
    ],
  },
  'model-request-completed': {
    conversation: [
      event(
        'ModelRequestCompleted',
        'A model has answered.',
        { ...Model, ...WireRequestMetrics.shape },
        ({ model, metrics }) => ({ ...toModel(model), ...toWireRequestMetrics(metrics) }),
      ),
    ],
  },
  'tool-call-started': {
    conversation: [
      event('ToolCallStarted', 'A call of a tool starts.', Tool, ({ tool }) => ({ tool: toWireTool(tool) })),
    ],
  },
  'tool-call-completed': {
    conversation: [
      event(
        'ToolCallCompleted',
        'A call of a tool has ended.',
        { ...Tool, content: z.string().describe('A text about the call, for people.') },
        ({ tool }) => ({ content: describeToolCall(tool), tool: toWireTool(tool) }),
      ),
    ],
  },
  'tool-call-failed': {
    conversation: [
      event(
        'ToolCallError',
        'A call of a tool has failed.',
        { ...Tool, error: z.string() },
        ({ tool, error }) => ({ tool: toWireTool(tool), error }),
      ),
    ],
  },
  'step-started': {
    workflow: [event('StepStarted', 'A step starts.', Step, toStep)],
  },
  // The text of a function step has not been streamed before, so it gets an event of its own.
  'step-completed': {
    workflow: [
      event(
        'StepOutput',
        'A function has ended.',
        { ...Place, step_output: WireRawStepOutput },
        ({ stepName, stepIndex, output }) =>
          output.executor === 'function'
            ? { step_name: stepName, step_index: toIndex(stepIndex), step_output: toRawStepOutput(output) }
            : undefined,
      ),
      event(
        'StepCompleted',
        'A step has ended.',
        { ...Step, ...WireContent.shape, step_response: WireStepOutput },
        (ended) => ({
          ...toStep(ended),
          ...toWireContent(ended.output),
          step_response: toWireStepOutput(ended.output),
        }),
      ),
    ],
  },
  'block-started': {
    workflow: [
      event('ParallelExecutionStarted', 'Steps side by side start.', Parallel, (block) =>
        block.block === 'parallel' ? { ...toStep(block), parallel_step_count: block.stepCount } : undefined,
      ),
      event('ConditionExecutionStarted', 'Steps under a condition start.', Condition, (block) =>
        block.block === 'condition'
          ? { ...toStep(block), condition_result: block.conditionResult }
          : undefined,
      ),
      event('LoopExecutionStarted', 'A loop starts.', Loop, (block) =>
        block.block === 'loop' ? { ...toStep(block), max_iterations: block.maxIterations } : undefined,
      ),
      event('RouterExecutionStarted', 'Steps behind a router start.', Router, (block) =>
        block.block === 'router' ? { ...toStep(block), selected_steps: [...block.selected] } : undefined,
      ),
    ],
  },
  'block-completed': {
    workflow: [
      event(
        'ParallelExecutionCompleted',
        'Steps side by side have ended.',
        { ...Parallel, step_results: Results },
        (block) =>
          block.block === 'parallel'
            ? {
                ...toStep(block),
                parallel_step_count: block.stepCount,
                step_results: toResults(block.output.steps),
              }
            : undefined,
      ),
      event(
        'ConditionExecutionCompleted',
        'Steps under a condition have ended.',
        {
          ...Condition,
          executed_steps: z.int(),
          step_results: Results,
          branch: z.enum(['if', 'else']).optional().describe('The branch that ran, if it has steps.'),
        },
        (block) =>
          block.block === 'condition'
            ? {
                ...toStep(block),
                condition_result: block.conditionResult,
                executed_steps: block.output.steps?.length ?? 0,
                branch: block.branch && BRANCHES[block.branch],
                step_results: toResults(block.output.steps),
              }
            : undefined,
      ),
      event(
        'LoopExecutionCompleted',
        'A loop has ended.',
        {
          ...Loop,
          total_iterations: z.int().describe('The number of iterations.'),
          all_results: z.array(Results).describe('The outputs of the steps by iteration.'),
        },
        (block) =>
          block.block === 'loop'
            ? {
                ...toStep(block),
                total_iterations: block.iterations.length,
                max_iterations: block.maxIterations,
                all_results: block.iterations.map(toResults),
              }
            : undefined,
      ),
      event(
        'RouterExecutionCompleted',
        'Steps behind a router have ended.',
        { ...Router, executed_steps: z.int(), step_results: Results },
        (block) =>
          block.block === 'router'
            ? {
                ...toStep(block),
                selected_steps: [...block.selected],
                executed_steps: block.output.steps?.length ?? 0,
                step_results: toResults(block.output.steps),
              }
            : undefined,
      ),
    ],
  },
  'loop-iteration-started': {
    workflow: [event('LoopIterationStarted', 'An iteration of a loop starts.', Iteration, toIteration)],
  },
  'loop-iteration-completed': {
    workflow: [
      event(
        'LoopIterationCompleted',
        'An iteration of a loop has ended.',
        { ...Iteration, iteration_results: Results, should_continue: z.boolean() },
        (ended) => ({
          ...toIteration(ended),
          iteration_results: toResults(ended.outputs),
          should_continue: ended.shouldContinue,
        }),
      ),
    ],
  },
};

/** The protocol's names for the branches of a condition. */
const BRANCHES = { then: 'if', else: 'else' } as const;

function toModel(model: ModelIdentity | undefined): { model?: string; model_provider?: string } {
  return model ? { model: model.id, model_provider: model.provider } : {};
}

type WirePiece = z.infer<z.ZodObject<typeof Piece>>;

function toPiece({ content }: EventOf<'run-content'>): WirePiece {
  return { content, content_type: 'str', reasoning_content: '' };
}

/** A piece of an answer that is no text: `RunContent` with an empty text, since readers expect one. */
function pieceRow<T extends EventType>(fields: (event: EventOf<T>) => Partial<WirePiece>): EventRow<T> {
  const name = 'RunContent';
  const description = 'A piece of the answer.';
  const all = (piece: EventOf<T>): WirePiece => ({
    content: '',
    content_type: 'str',
    reasoning_content: '',
    ...fields(piece),
  });
  return {
    agent: [
      event(name, description, { ...Piece, workflow_agent: z.boolean() }, (piece) => ({
        ...all(piece),
        workflow_agent: false,
      })),
    ],
    team: [event(name, description, Piece, all)],
  };
}

function toFilePiece(file: RunFile): Partial<WirePiece> {
  const sent = toWireAnswerFile(file);
  switch (file.kind) {
    case 'image':
      return { image: sent };
    case 'audio':
      return { response_audio: sent };
    case 'video':
      return { videos: sent && [sent] };
    case 'file':
      return { files: sent && [sent] };
    default:
      return file.kind satisfies never;
  }
}

/** One reader of the protocol looks for references in `extra_data`. */
function toCompletedParts(output: RunOutput): object | undefined {
  const parts = toWireAnswerParts(output);
  if (!parts?.references) return parts;
  return { ...parts, extra_data: { references: parts.references } };
}

function toRunError({
  content,
  ...error
}: RunErrorFields): z.infer<typeof ErrorFields> & { content: string } {
  return { content, ...toErrorFields(error) };
}

function toWorkflowError({
  content,
  ...error
}: RunErrorFields): z.infer<typeof ErrorFields> & { error: string } {
  return { error: content, ...toErrorFields(error) };
}

function toCancelled({ output, reason }: EventOf<'run-cancelled'>): { content: string; reason: string } {
  return { content: output.content, reason };
}

function toText({ content }: RunOutput): WireContent {
  return { content, content_type: 'str' };
}

function toPlace({ stepName, stepIndex }: StepPlace): z.infer<z.ZodObject<typeof Place>> {
  return { step_name: stepName, step_index: toIndex(stepIndex) };
}

function toIndex(index: StepPlace['stepIndex']): number | number[] {
  return typeof index === 'number' ? index : [...index];
}

function toStep(place: StepPlace): z.infer<z.ZodObject<typeof Step>> {
  return { ...toPlace(place), step_id: place.stepId };
}

function toIteration(event: IterationEventFields): z.infer<z.ZodObject<typeof Iteration>> {
  return { ...toStep(event), iteration: event.iteration, max_iterations: event.maxIterations };
}

function toResults(outputs: readonly StepOutput[] = []): WireStepOutput[] {
  return outputs.map(toWireStepOutput);
}

function someOf<T>(list: T[]): T[] | undefined {
  return list.length > 0 ? list : undefined;
}

/** The fields of all events. */
const EventFields = z.object({
  created_at: epochSeconds(),
  nested_depth: z.int().describe('How many workflows deep: 0, or more inside nested workflows.'),
  event_index: z
    .int()
    .optional()
    .describe('The number of the event, from 0; only of runs in the background.'),
});

const ConversationFields = EventFields.extend({
  run_id: z.string(),
  session_id: z.string(),
  parent_run_id: z.string().optional().describe('The run that started this one.'),
  workflow_id: z.string().optional().describe('Only in a workflow.'),
  workflow_run_id: z.string().optional().describe('Only in a workflow.'),
  step_id: z.string().optional().describe('Only in a workflow.'),
  step_name: z.string().optional().describe('Only in a workflow.'),
  step_index: StepIndex.optional(),
});

/** The fields of all events of a kind's runs. */
export const COMMON_FIELDS = {
  agent: ConversationFields.extend({ agent_id: z.string(), agent_name: z.string() }),
  team: ConversationFields.extend({ team_id: z.string(), team_name: z.string() }),
  workflow: EventFields.extend({
    workflow_id: z.string(),
    workflow_name: z.string(),
    session_id: z.string(),
    run_id: z.string(),
    parent_step_id: z
      .string()
      .optional()
      .describe('The block around the step, or the step that this workflow is.'),
  }),
};

/** The fields of all events of a kind's runs besides their time, which stands before the name of the event. */
type Common<K extends ComponentKind> = Omit<z.infer<(typeof COMMON_FIELDS)[K]>, 'created_at'>;

/** The protocol's events for a run event: mostly one, two for a cancellation, none if it is not in the protocol. */
export function toWireEvents(event: RunEvent): WireEvent[] {
  return eventsOf(event.type, event, event);
}

/** @param run - the same event, as one of any type */
function eventsOf<T extends EventType>(type: T, event: EventOf<T>, run: RunEvent): WireEvent[] {
  const { kind } = run.component;
  const row: EventRow<T> = EVENTS[type];
  const common = kind === 'workflow' ? toWorkflowFields(run) : toConversationFields(run, kind);
  const events: WireEvent[] = [];
  const add = ({ name, fields }: EventMapping<T>): void => {
    const own = fields(event);
    if (own) events.push({ created_at: run.createdAt, event: prefixOf(kind) + name, ...common, ...own });
  };
  if (kind !== 'workflow') row.conversation?.forEach(add);
  row[kind]?.forEach(add);
  return events;
}

export function prefixOf(kind: ComponentKind): string {
  return kind === 'team' ? 'Team' : '';
}

function toConversationFields(event: RunEvent, kind: 'agent' | 'team'): Common<'agent'> | Common<'team'> {
  const { component, step, parentRunId } = event;
  const { id, name } = component;
  const fields = {
    run_id: event.runId,
    // The events of a step name their workflow in fields of their own.
    parent_run_id: step?.workflowRunId === parentRunId ? undefined : parentRunId,
    session_id: event.sessionId,
    workflow_id: step?.workflowId,
    workflow_run_id: step?.workflowRunId,
    step_id: step?.stepId,
    step_name: step?.stepName,
    step_index: step && toIndex(step.stepIndex),
    nested_depth: event.nestedDepth,
  };
  return kind === 'team'
    ? { team_id: id, team_name: name, ...fields }
    : { agent_id: id, agent_name: name, ...fields };
}

/** A workflow in a workflow names the step that it is. */
function toWorkflowFields(event: RunEvent): Common<'workflow'> {
  return {
    workflow_id: event.component.id,
    workflow_name: event.component.name,
    session_id: event.sessionId,
    run_id: event.runId,
    parent_step_id: ('parentStepId' in event ? event.parentStepId : undefined) ?? event.step?.stepId,
    nested_depth: event.nestedDepth,
  };
}

/** The event that ends a stream which broke: only the server knows why. */
export function brokenStreamEvent(kind: ComponentKind, createdAt: number): WireEvent {
  const failure: RunErrorFields = { content: 'Internal Server Error', errorType: 'internal_error' };
  const time = { created_at: createdAt };
  return kind === 'workflow'
    ? { ...time, event: WORKFLOW_ERROR[0], ...toWorkflowError(failure) }
    : { ...time, event: prefixOf(kind) + RUN_ERROR[0], ...toRunError(failure) };
}
