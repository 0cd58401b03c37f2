import { Agent } from '../components/agent.js';
import type { EngineLike } from '../components/engine.js';
import { AgentOsConfigurationError } from '../errors/agent-os-configuration.error.js';
import type { CheckTrigger } from '../errors/check.errors.js';
import type { PostHookContext, PreHookContext } from '../hooks/hook.context.js';
import { defineGuardrail } from '../hooks/hook.functions.js';
import type { GuardrailOptions } from '../hooks/hook.options.js';
import type { HookFunction } from '../hooks/hook.reference.js';
import { FencedTexts } from '../model/fenced.texts.js';
import { jsonInText } from '../model/json-in-text.js';
import type { RunOutput } from '../model/run-output.js';
import { run } from '../runs/start.js';
import {
  checkAskingOptions,
  isOfInput,
  reject,
  textsToCheck,
  type AskingGuardrailOptions,
} from './checked.texts.js';

/** Who decides for a {@link modelGuardrail}, and by which policy. */
export interface ModelGuardrailOptions extends GuardrailOptions, AskingGuardrailOptions {
  /**
   * What decides: it gets the whole task as its input and answers with JSON, as text or as structured data:
   * `{ "allowed": true | false, "reason": "…" }`.
   */
  readonly engine: EngineLike;
  /** What is allowed and what is not, in words for the model. */
  readonly policy: string;
  /** `error_id` in the protocol. Default `input_not_allowed` or `output_not_allowed`. */
  readonly trigger?: CheckTrigger;
}

/**
 * A guardrail that lets a model decide by a policy in words. Among pre-hooks it guards the input (the question, and
 * text files that come with it), among post-hooks the output (the answer, structured data, tool calls, members'
 * answers, steps). What is checked is handed over as data, fenced by a word that nobody can guess.
 *
 * It fails closed: a model that fails, takes too long or gives no verdict blocks the run, and of several verdicts in
 * one answer each must allow it. The reason that the model gives is the `cause` of the check error, and is not shown.
 * The model's own run is not stored, not streamed, and gets no hooks of the module.
 *
 * @throws AgentOsConfigurationError if an option is not usable
 *
 * @example
 * ```ts
 * modelGuardrail({ engine: aiSdk({ model }), policy: 'Only questions about orders and deliveries are allowed.' })
 * ```
 */
export function modelGuardrail(options: ModelGuardrailOptions): HookFunction<PreHookContext> {
  const { engine, policy, name = 'modelGuardrail', timeout, when, stream } = options;
  if (typeof policy !== 'string' || policy.trim() === '') {
    throw new AgentOsConfigurationError('modelGuardrail: expected policy to say what is allowed.');
  }
  checkAskingOptions('modelGuardrail', options);
  const decider = new Agent({ id: 'model-guardrail', name, engine, historyRuns: 0 });
  const guard = (context: PostHookContext): Promise<void> => decide(decider, options, context);
  // It fits both lists: among pre-hooks it does not read the output.
  return defineGuardrail(guard, {
    name,
    ...(timeout === undefined ? {} : { timeout }),
    ...(when ? { when } : {}),
    ...(stream ? { stream } : {}),
  }) as HookFunction<PreHookContext>;
}

async function decide(
  decider: Agent,
  options: ModelGuardrailOptions,
  context: PostHookContext,
): Promise<void> {
  const texts = textsToCheck(context, options);
  if (texts.length === 0) return;
  const answer = await run({
    component: decider,
    input: taskOf(options.policy, texts, context),
    options: { signal: context.signal },
    isStored: false,
  });
  const refusal = readDecisions(answer).find(({ allowed }) => !allowed);
  if (!refusal) return;
  const trigger = options.trigger ?? (isOfInput(context) ? 'input_not_allowed' : 'output_not_allowed');
  reject(context, options, { trigger, cause: new Error(refusal.reason) });
}

function taskOf(policy: string, texts: readonly string[], context: PostHookContext): string {
  const fenced = new FencedTexts();
  const subject = isOfInput(context)
    ? 'what a user has sent to an assistant'
    : 'what an assistant is about to answer';
  return [
    `Decide whether ${subject} is allowed by a policy.`,
    `Policy: ${policy}`,
    fenced.rule('to be decided about'),
    ...(isOfInput(context) ? [] : [fenced.quote('question', context.runInput.content)]),
    ...texts.map((text) => fenced.quote(isOfInput(context) ? 'input' : 'answer', text)),
    'Answer with this JSON object and nothing else: {"allowed": <true or false>, "reason": "<one sentence>"}',
  ].join('\n\n');
}

interface Decision {
  readonly allowed: boolean;
  readonly reason: string;
}

/** @throws TypeError unless the answer is whole and ends with a decision */
function readDecisions({ content, data, metrics }: RunOutput): readonly Decision[] {
  if (metrics.finishReason !== undefined) throw unreadable(content);
  const values = data === undefined ? jsonInText(content) : [{ value: data }];
  const decisions = values.map((found) => toDecision(found?.value));
  const isReadable = values.every((found) => found !== undefined) && decisions.at(-1) !== undefined;
  if (!isReadable) throw unreadable(content);
  return decisions.filter((decision) => decision !== undefined);
}

/** A decision that is neither yes nor no is a no. */
function toDecision(value: unknown): Decision | undefined {
  if (typeof value !== 'object' || value === null || !('allowed' in value)) return undefined;
  const { allowed, reason } = value as Readonly<Record<string, unknown>>;
  return {
    allowed: allowed === true || (typeof allowed === 'string' && allowed.trim().toLowerCase() === 'true'),
    reason: typeof reason === 'string' ? reason : 'No reason was given.',
  };
}

function unreadable(content: string): TypeError {
  return new TypeError(`The model gave no verdict: ${JSON.stringify(content.slice(0, 200))}.`);
}
