import { Agent } from '../components/agent.js';
import type { EngineLike } from '../components/engine.js';
import { AgentOsConfigurationError } from '../errors/agent-os-configuration.error.js';
import type { CheckTrigger } from '../errors/check.errors.js';
import type { PreHookContext } from '../hooks/hook.context.js';
import type { HookFunction } from '../hooks/hook.reference.js';
import { FencedTexts } from '../model/fenced.texts.js';
import { jsonInText } from '../model/json-in-text.js';
import type { RunOutput } from '../model/run-output.js';
import { run } from '../runs/start.js';
import { defineAskingGuardrail, type AskingGuardrailOptions, type Question } from './asking.guardrail.js';

/** Who decides for a {@link modelGuardrail}, and by which policy. */
export interface ModelGuardrailOptions extends AskingGuardrailOptions {
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
 * A guardrail that lets a model decide by a policy in words. Among pre-hooks it guards the input: the question, names
 * and texts of files, metadata, dependencies and session state. Among post-hooks the output: the answer, structured
 * data, tool calls, members' answers, steps, and the metadata that the engine has added. All of it is handed over to
 * the model as data, fenced by a word that nobody can guess; `ignore` names what shall not be.
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
  const { engine, policy, name = 'modelGuardrail' } = options;
  if (typeof policy !== 'string' || policy.trim() === '') {
    throw new AgentOsConfigurationError('modelGuardrail: expected policy to say what is allowed.');
  }
  const decider = new Agent({ id: 'model-guardrail', name, engine, historyRuns: 0 });
  return defineAskingGuardrail('modelGuardrail', options, ['engine', 'policy', 'trigger'], (question) =>
    decide(decider, options, question),
  );
}

async function decide(decider: Agent, options: ModelGuardrailOptions, question: Question): Promise<void> {
  const answer = await run({
    component: decider,
    input: taskOf(options.policy, question),
    options: { signal: question.context.signal },
    isStored: false,
  });
  const refusal = readDecisions(answer).find(({ allowed }) => !allowed);
  if (!refusal) return;
  const { trigger } = options;
  question.refuse({ ...(trigger === undefined ? {} : { trigger }), cause: new Error(refusal.reason) });
}

/** Characters of the question that an answer is looked at with. */
const MAX_QUESTION = 10_000;

function taskOf(policy: string, { isOfInput, texts, context }: Question): string {
  const fenced = new FencedTexts();
  const subject = isOfInput ? 'what a user has sent to an assistant' : 'what an assistant is about to answer';
  return [
    `Decide whether ${subject} is allowed by a policy.`,
    `Policy: ${policy}`,
    fenced.rule('to be decided about'),
    ...(isOfInput ? [] : [fenced.quote('question', context.runInput.content.slice(0, MAX_QUESTION))]),
    ...texts.map((text) => fenced.quote(isOfInput ? 'input' : 'answer', text)),
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
