import { tokensOf, type ModelRequestMetrics, type RunUsage } from '../model/run-usage.js';
import type { ComponentIdentity, ComponentKind } from '../model/component-identity.js';
import type { ModelIdentity } from '../model/run-output.js';

/*
 * All names of spans, attributes, events and metrics. They follow
 *
 * - the semantic conventions of OpenTelemetry for generative AI, version 0.1.0 (status: development; every name may
 *   still change): https://github.com/open-telemetry/semantic-conventions-genai/tree/v0.1.0. That version records
 *   workflows with the span and the metric of agents, and it replaces the metrics `gen_ai.client.operation.duration`
 *   and `gen_ai.client.token.usage` of version 1.41 for requests to models;
 * - OpenInference, as of November 2026, which Phoenix and Langfuse read:
 *   https://github.com/Arize-ai/openinference/blob/main/spec/semantic_conventions.md
 *
 * Names for which there is no convention begin with `agent_os.`.
 */

/** The version of the conventions for generative AI that the names follow. */
export const GEN_AI_VERSION = '0.1.0';

/** The name of the tracer and of the meter. */
export const SCOPE = 'nestjs-agentos';

/** Attributes of spans, events and measurements. */
export type Attributes = Readonly<Record<string, string | number | boolean | string[]>>;

/** A run, as its span describes it from the start. */
export interface DescribedRun {
  readonly runId: string;
  readonly identity: ComponentIdentity;
  readonly session: { readonly id: string };
  readonly userId: string | undefined;
  readonly component: { readonly model: ModelIdentity | undefined };
}

/** A hook, as its span describes it. */
export interface DescribedHook {
  readonly hook: string;
  readonly phase: 'pre' | 'post';
  readonly mode: 'inline' | 'background';
  readonly runId: string;
  readonly attempts: number;
  readonly component: Pick<ComponentIdentity, 'id'>;
  readonly isGuardrail: boolean;
  readonly isJudge: boolean;
}

/** The session and the user that a span belongs to. */
export interface SpanOwner {
  readonly sessionId: string;
  readonly userId?: string | undefined;
}

/** A judge's evaluation of an answer. */
export interface DescribedEvaluation {
  readonly runId: string;
  readonly name: string;
  readonly score?: number;
  readonly passed: boolean;
  /** Empty if it must not be shown. */
  readonly reason: string;
}

export const ERROR_TYPE = 'error.type';

/** Attributes that group spans, by conversation and user. */
export function ownerAttributes({ sessionId, userId }: SpanOwner): Attributes {
  return {
    'gen_ai.conversation.id': sessionId,
    'session.id': sessionId,
    ...(userId === undefined ? {} : { 'user.id': userId }),
  };
}

const OPERATIONS: Readonly<Record<ComponentKind, string>> = {
  agent: 'invoke_agent',
  team: 'invoke_agent',
  workflow: 'invoke_workflow',
};

export function runSpanName({ kind, name }: ComponentIdentity): string {
  return `${OPERATIONS[kind]} ${name}`;
}

export function runAttributes({ runId, identity, session, userId, component }: DescribedRun): Attributes {
  const { kind, id, description } = identity;
  const { model } = component;
  return {
    ...runMeasurement(identity),
    ...(description === undefined ? {} : { 'gen_ai.agent.description': description }),
    ...(model ? { 'gen_ai.request.model': model.id } : {}),
    ...ownerAttributes({ sessionId: session.id, userId }),
    'openinference.span.kind': kind === 'workflow' ? 'CHAIN' : 'AGENT',
    'agent_os.kind': kind,
    'agent_os.component': id,
    'agent_os.run_id': runId,
  };
}

/** Of the measurements of a run. */
export function runMeasurement({ kind, name }: Pick<ComponentIdentity, 'kind' | 'name'>): Attributes {
  return { 'gen_ai.operation.name': OPERATIONS[kind], 'gen_ai.agent.name': name };
}

export const OUTCOME = 'agent_os.outcome';
/** Why a guardrail or hook has rejected the run, in one word. */
export const CHECK_TRIGGER = 'agent_os.check_trigger';

/** Of a run or a request to a model, when it has ended. */
export function usageAttributes(usage: RunUsage & Pick<ModelRequestMetrics, 'finishReason'>): Attributes {
  const { inputTokens, outputTokens } = tokensOf(usage);
  const { finishReason } = usage;
  return {
    ...(inputTokens === undefined ? {} : { 'gen_ai.usage.input_tokens': inputTokens }),
    ...(outputTokens === undefined ? {} : { 'gen_ai.usage.output_tokens': outputTokens }),
    ...(finishReason === undefined
      ? {}
      : { 'gen_ai.response.finish_reasons': [finishReasonOf(finishReason)] }),
  };
}

function finishReasonOf(reason: NonNullable<ModelRequestMetrics['finishReason']>): string {
  return reason === 'content-filter' ? 'content_filter' : reason;
}

/** The counts that are reported for requests to models only. */
export function requestAttributes(metrics: ModelRequestMetrics): Attributes {
  const { cacheReadTokens, cacheWriteTokens, reasoningTokens } = tokensOf(metrics);
  const { timeToFirstToken } = metrics;
  return {
    ...usageAttributes(metrics),
    ...(cacheReadTokens === undefined ? {} : { 'gen_ai.usage.cache_read.input_tokens': cacheReadTokens }),
    ...(cacheWriteTokens === undefined ? {} : { 'gen_ai.usage.cache_write.input_tokens': cacheWriteTokens }),
    ...(reasoningTokens === undefined ? {} : { 'gen_ai.usage.reasoning.output_tokens': reasoningTokens }),
    ...(timeToFirstToken === undefined ? {} : { 'gen_ai.response.time_to_first_chunk': timeToFirstToken }),
  };
}

export function modelSpanName(model: ModelIdentity | undefined): string {
  return model ? `chat ${model.id}` : 'chat';
}

/** Of the measurements of requests to a model. */
export function modelMeasurement(model: ModelIdentity | undefined): Attributes {
  return {
    'gen_ai.operation.name': 'chat',
    ...(model
      ? { 'gen_ai.provider.name': providerName(model.provider), 'gen_ai.request.model': model.id }
      : {}),
  };
}

export function modelAttributes(model: ModelIdentity | undefined): Attributes {
  return {
    ...modelMeasurement(model),
    'openinference.span.kind': 'LLM',
    ...(model ? { 'llm.model_name': model.id } : {}),
  };
}

/** Providers whose name in the AI SDK, up to the first of these prefixes that fits, differs from the convention's. */
const PROVIDERS: readonly (readonly [prefix: string, name: string])[] = [
  ['amazon-bedrock', 'aws.bedrock'],
  ['bedrock', 'aws.bedrock'],
  ['azure', 'azure.ai.openai'],
  ['azure-openai', 'azure.ai.openai'],
  ['google.vertex', 'gcp.vertex_ai'],
  ['vertex', 'gcp.vertex_ai'],
  ['google', 'gcp.gemini'],
  ['mistral', 'mistral_ai'],
  ['moonshotai', 'moonshot_ai'],
  ['xai', 'x_ai'],
];

/** The convention's name of a provider: the AI SDK adds the API to it, as in `openai.responses`. */
function providerName(provider: string): string {
  const known = PROVIDERS.find(([prefix]) => provider === prefix || provider.startsWith(`${prefix}.`));
  return known?.[1] ?? provider.split('.', 1)[0] ?? provider;
}

export function toolSpanName(name: string): string {
  return `execute_tool ${name}`;
}

/** Of the measurements of a tool. */
export function toolMeasurement(name: string): Attributes {
  return {
    'gen_ai.operation.name': 'execute_tool',
    'gen_ai.tool.name': name,
    'gen_ai.tool.type': 'function',
  };
}

export function toolAttributes({ id, name }: { readonly id: string; readonly name: string }): Attributes {
  return {
    ...toolMeasurement(name),
    'gen_ai.tool.call.id': id,
    'openinference.span.kind': 'TOOL',
    'tool.name': name,
  };
}

/** Content of a tool call. */
export function toolContent(given: string, result: string | undefined): Attributes {
  return {
    'gen_ai.tool.call.arguments': given,
    'input.value': given,
    'input.mime_type': 'application/json',
    ...(result === undefined ? {} : { 'gen_ai.tool.call.result': result, 'output.value': result }),
  };
}

export function stepSpanName(name: string): string {
  return `step ${name}`;
}

/** There is no convention for steps. */
export function stepAttributes(name: string, block: string | undefined): Attributes {
  return {
    'agent_os.step': name,
    ...(block === undefined ? {} : { 'agent_os.block': block }),
    'openinference.span.kind': 'CHAIN',
  };
}

export function hookSpanName({ hook }: Pick<DescribedHook, 'hook'>): string {
  return `hook ${hook}`;
}

export function hookAttributes(described: DescribedHook): Attributes {
  const { hook, phase, mode, runId, attempts, component, isGuardrail, isJudge } = described;
  return {
    'agent_os.hook': hook,
    'agent_os.hook.phase': phase,
    'agent_os.hook.mode': mode,
    'agent_os.hook.attempt': attempts,
    'agent_os.component': component.id,
    'agent_os.run_id': runId,
    'openinference.span.kind': isGuardrail ? 'GUARDRAIL' : isJudge ? 'EVALUATOR' : 'CHAIN',
  };
}

/** The option `when` of the hook has returned false. */
export const HOOK_SKIPPED = 'agent_os.hook.skipped';

/** Content: a question, as the convention writes it and as OpenInference does. */
export function inputContent(text: string): Attributes {
  return {
    'gen_ai.input.messages': messageOf('user', text),
    'input.value': text,
    'input.mime_type': 'text/plain',
  };
}

/** Content: an answer. */
export function outputContent(text: string): Attributes {
  return {
    'gen_ai.output.messages': messageOf('assistant', text),
    'output.value': text,
    'output.mime_type': 'text/plain',
  };
}

function messageOf(role: 'user' | 'assistant', content: string): string {
  return JSON.stringify([{ role, parts: [{ type: 'text', content }] }]);
}

export const EVALUATION_EVENT = 'gen_ai.evaluation.result';

export function evaluationAttributes({
  runId,
  name,
  score,
  passed,
  reason,
}: DescribedEvaluation): Attributes {
  return {
    'gen_ai.evaluation.name': name,
    ...(score === undefined ? {} : { 'gen_ai.evaluation.score.value': score }),
    'gen_ai.evaluation.score.label': passed ? 'pass' : 'fail',
    ...(reason === '' ? {} : { 'gen_ai.evaluation.explanation': reason }),
    'agent_os.run_id': runId,
  };
}

/** A metric: its name, its unit, and the boundaries of its buckets if it is a histogram. */
export interface Metric {
  readonly name: string;
  readonly unit: string;
  readonly description: string;
  readonly boundaries?: number[];
}

/** Each boundary is `factor` times the one before it. */
function boundaries(first: number, factor: number, count: number): number[] {
  return Array.from({ length: count }, (_, index) => Number((first * factor ** index).toPrecision(12)));
}

/** Measurements of runs, requests to models and tools. */
export const GEN_AI_METRICS = {
  modelDuration: {
    name: 'gen_ai.client.inference.duration',
    unit: 's',
    description: 'The duration of a request to a model.',
    boundaries: boundaries(0.01, 2, 14),
  },
  inputTokens: tokens('input_tokens', 'Input tokens of requests to models.'),
  outputTokens: tokens('output_tokens', 'Output tokens of requests to models.'),
  cacheReadTokens: tokens('cache_read.input_tokens', 'Input tokens that the provider had cached.'),
  cacheWriteTokens: tokens('cache_write.input_tokens', 'Input tokens that the provider has cached.'),
  reasoningTokens: tokens('reasoning.output_tokens', 'Output tokens that models have used to reason.'),
  runDuration: {
    name: 'gen_ai.invoke_agent.duration',
    unit: 's',
    description: 'The duration of a run of an agent, a team or a workflow.',
    boundaries: boundaries(0.1, 2, 13),
  },
  modelCalls: {
    name: 'gen_ai.invoke_agent.inference_calls',
    unit: '{inference_call}',
    description: 'Requests to the model within a run.',
    boundaries: boundaries(1, 2, 8),
  },
  toolCalls: {
    name: 'gen_ai.invoke_agent.tool_calls',
    unit: '{tool_call}',
    description: 'Calls of tools within a run.',
    boundaries: boundaries(1, 2, 8),
  },
  toolDuration: {
    name: 'gen_ai.execute_tool.duration',
    unit: 's',
    description: 'The duration of a call of a tool.',
    boundaries: boundaries(0.01, 2, 14),
  },
} as const satisfies Readonly<Record<string, Metric>>;

function tokens(kind: string, description: string): Metric {
  return { name: `gen_ai.client.inference.usage.${kind}`, unit: '{token}', description };
}

/** Measurements of hooks. There is no convention for them. */
export const HOOK_METRICS = {
  duration: {
    name: 'agent_os.hook.duration',
    unit: 's',
    description: 'The duration of an execution of a hook, with all its attempts.',
    boundaries: boundaries(0.001, 2, 18),
  },
  wait: {
    name: 'agent_os.hook.wait',
    unit: 's',
    description: 'The time from the moment when a run reaches a hook until the hook starts.',
    boundaries: boundaries(0.001, 2, 18),
  },
  pending: {
    name: 'agent_os.hook.pending',
    unit: '{hook}',
    description: 'Executions of hooks that wait or run.',
  },
  oldest: {
    name: 'agent_os.hook.oldest',
    unit: 's',
    description: 'The age of the execution that has waited the longest; 0 if none waits.',
  },
} as const satisfies Readonly<Record<string, Metric>>;

/** Of the measurements of a hook. */
export function hookMeasurement(hook: string, mode: DescribedHook['mode'], state?: string): Attributes {
  return {
    'agent_os.hook': hook,
    'agent_os.hook.mode': mode,
    ...(state === undefined ? {} : { 'agent_os.hook.state': state }),
  };
}
