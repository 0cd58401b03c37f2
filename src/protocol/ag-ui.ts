import { z } from 'zod';

import { HOOK_EXECUTION_STATES } from '../execution/hook-execution.js';
import { COMPONENT_KINDS } from '../model/component-identity.js';
import { WireAnswerFile } from './answers.js';
import { toEventId, type EventPlace } from './event.ids.js';
import { toLine } from './event.lines.js';
import { choice, id, jsonObject, keptObject, text } from './request.fields.js';
import { named } from './schema.js';

/*
 * AG-UI, version 1.0: what its clients send, and the events that they read.
 */

/** The version of AG-UI that the events are written in. */
export const AG_UI_VERSION = '1.0';

/** A frame of a stream of AG-UI events. */
export function toAgUiFrame(event: AgUiEvent, place?: EventPlace): string {
  const id = place ? `id: ${toEventId(place)}\n` : '';
  return `data: ${toLine(JSON.stringify(event))}\n${id}\n`;
}

const MESSAGE_ID = /^([0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})-\d+$/;

/** The id of a message: clients send it back, so it names the run that has written the message. */
export function toMessageId(runId: string, count: number): string {
  return `${runId}-${count}`;
}

/** The run that has written the message with this id; undefined if it cannot be the id of an answer. */
export function runOfMessage(messageId: string): string | undefined {
  return MESSAGE_ID.exec(messageId)?.[1];
}

const Component = z.object({ kind: z.enum(COMPONENT_KINDS), id: z.string(), name: z.string() });

const AgentOsRun = z.object({ runId: z.string().describe('The id of the run on this server.') });

const AgentOsError = AgentOsRun.extend({
  trigger: z.string().optional().describe('The check that failed, such as `prompt_injection`.'),
  data: z.unknown().optional().describe('Data of the check.'),
});

const AgentOsStep = z.object({
  stepId: z.string(),
  parentStepId: z.string().optional().describe('The block around it.'),
  type: z.enum(['step', 'parallel', 'condition', 'loop', 'router']),
});

const AgentOsStepResult = AgentOsStep.extend({
  success: z.boolean(),
  content: z.string().optional().describe('Its result; only of a step that has not failed.'),
  error: z.string().optional().describe('Why it has failed, for people.'),
});

/** The metadata of an event: that of this server has a key of its own. */
function metadata<T extends z.ZodType>(agentOs: T) {
  return { metadata: z.object({ agentOs }) };
}

const Usage = z
  .array(
    z.object({
      provider: z.string().optional(),
      model: z.string().optional(),
      inputTokens: z.number().optional(),
      outputTokens: z.number().optional(),
      totalTokens: z.number().optional(),
      reasoningTokens: z.number().optional(),
      cachedInputTokens: z.number().optional(),
      cacheWriteInputTokens: z.number().optional(),
    }),
  )
  .describe('The tokens that the run and the runs below it have used, by model.');
/** The tokens that a run has used, by model. */
export type AgUiUsage = z.infer<typeof Usage>;

/** An execution of a hook: names and states, never content. */
export const AgUiHook = named(
  'AgUiHook',
  'A hook of a run: its names and its state, never content.',
  z.object({
    hook: z.string().describe('The name of the hook.'),
    phase: z.enum(['pre', 'post']),
    mode: z.enum(['inline', 'background']),
    state: z
      .enum(HOOK_EXECUTION_STATES)
      .describe(
        'Of an inline hook `running`, then `succeeded` or `failed`, if it has failed or has stopped the run; of a hook in ' +
          'the background mostly `scheduled`: it runs after the response.',
      ),
    component: Component.describe('Of the run.'),
    runId: z.string().describe('The id of the run on this server.'),
    executionId: z.string().optional().describe('Of hooks in the background, as in `GET /hooks/executions`.'),
  }),
);
export type AgUiHook = z.infer<typeof AgUiHook>;

/** A source of an answer. */
export const AgUiSource = named(
  'AgUiSource',
  'A source that the answer refers to.',
  z.object({
    id: z.string(),
    kind: z.enum(['url', 'document']),
    url: z.string().optional(),
    title: z.string().optional(),
    name: z.string().optional().describe('The name of its file.'),
    mediaType: z.string().optional(),
    excerpt: z.string().optional().describe('The text that the answer relies on.'),
  }),
);
export type AgUiSource = z.infer<typeof AgUiSource>;

const JsonPatch = z.array(
  z.union([
    z.object({ op: z.enum(['add', 'replace']), path: z.string(), value: z.unknown() }),
    z.object({ op: z.literal('remove'), path: z.string() }),
  ]),
);
/** A change of a JSON value, as RFC 6902 describes it. */
export type JsonPatch = z.infer<typeof JsonPatch>;

const Run = { threadId: z.string(), runId: z.string().describe('As the client has named it.') };
const Owner = {
  subagentRunId: z.string().optional().describe('The run below that it belongs to; absent: the run itself.'),
};
const Message = { messageId: z.string(), ...Owner };
const Delta = { ...Message, delta: z.string() };
const Call = { toolCallId: z.string(), ...Owner };
const Step = { stepName: z.string() };
const Subagent = { subagentRunId: z.string() };

/** An event of AG-UI. */
export const AgUiEvent = named(
  'AgUiEvent',
  'An event of AG-UI, version 1.0.',
  z.union([
    event('RUN_STARTED', { ...Run, protocolVersion: z.string(), ...metadata(AgentOsRun) }),
    event('RUN_FINISHED', {
      ...Run,
      result: z
        .object({
          content: z.string(),
          data: z.unknown().optional().describe('The answer, if it is structured.'),
        })
        .optional()
        .describe('The answer in the end; only of a run that has completed.'),
      outcome: z.union([
        z.object({ type: z.literal('success') }),
        z.object({ type: z.literal('cancelled') }),
      ]),
      usage: Usage.optional(),
    }),
    event('RUN_ERROR', {
      message: z.string().describe('For people.'),
      code: z.string().optional().describe('Such as `input_check_error`.'),
      metadata: z.object({ agentOs: AgentOsError }).optional(),
    }),
    event('TEXT_MESSAGE_START', { ...Message, role: z.literal('assistant') }),
    event('TEXT_MESSAGE_CONTENT', Delta),
    event('TEXT_MESSAGE_END', Message),
    event('REASONING_START', Message),
    event('REASONING_MESSAGE_START', { ...Message, role: z.literal('reasoning') }),
    event('REASONING_MESSAGE_CONTENT', Delta),
    event('REASONING_MESSAGE_END', Message),
    event('REASONING_END', Message),
    event('TOOL_CALL_START', { ...Call, toolCallName: z.string(), parentMessageId: z.string() }),
    event('TOOL_CALL_ARGS', { ...Call, delta: z.string().describe('The arguments as JSON.') }),
    event('TOOL_CALL_END', Call),
    event('TOOL_CALL_RESULT', {
      ...Message,
      ...Call,
      role: z.literal('tool'),
      content: z.string(),
      metadata: z
        .object({ agentOs: z.object({ failed: z.literal(true) }) })
        .optional()
        .describe('Only of a call that has failed.'),
    }),
    event('STATE_SNAPSHOT', { snapshot: z.unknown().describe('The state of the session.') }),
    event('STATE_DELTA', { delta: JsonPatch.describe('How it has changed, as RFC 6902 describes it.') }),
    event('STEP_STARTED', { ...Step, metadata: z.object({ agentOs: AgentOsStep }).optional() }),
    event('STEP_FINISHED', { ...Step, metadata: z.object({ agentOs: AgentOsStepResult }).optional() }),
    event('SUBAGENT_STARTED', {
      ...Subagent,
      name: z.string(),
      description: z.string().optional(),
      parentSubagentRunId: z.string().optional(),
      ...metadata(
        z.object({
          component: Component,
          stepId: z.string().optional().describe('The step of the workflow that it does.'),
        }),
      ),
    }),
    event('SUBAGENT_FINISHED', {
      ...Subagent,
      result: z.object({ content: z.string() }).describe('Its answer.'),
      outcome: z.object({ type: z.literal('success') }),
    }),
    event('SUBAGENT_ERROR', {
      ...Subagent,
      message: z.string().describe('For people.'),
      code: z.string().optional(),
    }),
    custom('agentos.hook', AgUiHook),
    custom('agentos.source', AgUiSource),
    custom('agentos.file', WireAnswerFile),
  ]),
);
export type AgUiEvent = z.infer<typeof AgUiEvent>;

function event<const T extends string, S extends z.ZodRawShape>(type: T, shape: S) {
  return z.object({ type: z.literal(type), ...shape });
}

function custom<const N extends string, V extends z.ZodType>(name: N, value: V) {
  return event('CUSTOM', { name: z.literal(name), value, ...Owner });
}

const NO_TOOLS = 'Tools of the client are not supported: give them to the engine';
const NO_RESUME = 'There is nothing to resume: runs do not pause';

/** The request of an AG-UI client. Other fields are ignored. */
export const agUiRequest = named(
  'AgUiRequest',
  'The request of an AG-UI client: a `RunAgentInput`.',
  z.object({
    threadId: id().min(1).describe('The session to continue; a new one gets this id.'),
    runId: id().min(1).describe("The client's name of the run, which its events repeat."),
    protocolVersion: text()
      .describe('The version that the client speaks; missing: one before 1.0.')
      .optional(),
    messages: z
      .array(z.unknown(), { error: 'Input should be a list of messages' })
      .min(1, { error: 'Input should have at least one message' })
      .describe(
        'The messages of the client. Only the last one is read: the session has the others. The run replaces those of the ' +
          'component after the last answer that is sent, unless another question follows that answer.',
      ),
    state: z
      .unknown()
      .describe(
        'The state that the client has. A JSON object that is merged into the state of the session; not merged unless the ' +
          'server accepts context from clients.',
      )
      .optional(),
    tools: z.array(z.unknown(), { error: NO_TOOLS }).max(0, { error: NO_TOOLS }).optional(),
    context: z
      .unknown()
      .describe(
        'A list of descriptions and values, for hooks and engine as `dependencies.context`; ignored unless the server ' +
          'accepts context from clients.',
      )
      .optional(),
    forwardedProps: z
      .unknown()
      .describe('A JSON object; its `user_id`, `metadata` and `dependencies` are those of a run request.')
      .optional(),
    resume: z.array(z.unknown(), { error: NO_RESUME }).max(0, { error: NO_RESUME }).optional(),
  }),
);

/** The last message of an AG-UI request: a question of the user. Its parts are read one by one. */
export const agUiMessage = z.object({
  role: choice(['user']),
  content: z.union([z.string(), z.array(z.unknown())], {
    error: 'Input should be a text or a list of parts',
  }),
});

/** The fields of `forwardedProps` that are read. */
export const agUiProps = z.object({
  user_id: id().optional(),
  metadata: jsonObject().optional(),
  dependencies: jsonObject().optional(),
});

const NOT_CONTEXT = 'Input should be a list of objects with a description and a value, both texts';

/** The fields for hooks and engine that are read only if the server accepts context from clients. */
export const agUiContext = z.object({
  state: keptObject().optional(),
  context: z
    .array(z.object({ description: z.string(), value: z.string() }), { error: NOT_CONTEXT })
    .optional(),
});
