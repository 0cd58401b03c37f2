import { Agent } from '../components/agent.js';
import type { EngineLike } from '../components/engine.js';
import { engineOption } from '../components/engine.options.js';
import type { CheckTrigger } from '../errors/check.errors.js';
import type { PreHookContext } from '../hooks/hook.context.js';
import type { HookFunction } from '../hooks/hook.reference.js';
import { FencedTexts } from '../model/fenced.texts.js';
import { jsonInText } from '../model/json-in-text.js';
import type { RunOutput } from '../model/run-output.js';
import { checkOptions } from '../options/check.options.js';
import { optionsOf, text } from '../options/option.schemas.js';
import { run } from '../runs/start.js';
import {
  ASKING_CHECKS,
  defineAskingGuardrail,
  type AskingGuardrailOptions,
  type Question,
} from './asking.guardrail.js';

/** The engine and the policy of a {@link modelGuardrail}. */
export interface ModelGuardrailOptions extends AskingGuardrailOptions {
  /**
   * The engine that decides. It gets the whole task as its input and answers with JSON, as text or as structured data:
   * `{ "allowed": true | false, "reason": "…" }`.
   */
  readonly engine: EngineLike;
  /** Describes for the model which input or output is allowed and which is not. */
  readonly policy: string;
  /** `error_id` in the protocol. Default `input_not_allowed` or `output_not_allowed`. */
  readonly trigger?: CheckTrigger;
}

const OPTIONS = optionsOf<ModelGuardrailOptions>()({
  engine: engineOption<EngineLike>(),
  policy: text('a text that says what is allowed'),
  trigger: text().optional(),
  ...ASKING_CHECKS,
  name: ASKING_CHECKS.name.default('modelGuardrail'),
});

/**
 * A guardrail that lets a model decide by a policy in words. As a pre-hook it guards the input: the question, names
 * and texts of files, metadata, dependencies and session state. As a post-hook it guards the output: the answer,
 * structured data, tool calls, members' answers, steps, and the metadata that the engine has added. All of it is sent
 * to the model as data, delimited by an unguessable word; `ignore` excludes places.
 *
 * It fails closed: a model that fails, times out or gives no decision blocks the run; if one answer contains several
 * decisions, each must allow the run. The model's reason is the `cause` of the check error and is not shown to clients.
 * The model's own run is neither stored nor streamed, and gets no hooks of the module.
 *
 * @throws AgentOsConfigurationError if an option is not usable
 *
 * @example
 * ```ts
 * modelGuardrail({ engine: aiSdk({ model }), policy: 'Only questions about orders and deliveries are allowed.' })
 * ```
 */
export function modelGuardrail(options: ModelGuardrailOptions): HookFunction<PreHookContext> {
  const { engine, policy, trigger, ...common } = checkOptions('modelGuardrail()', OPTIONS, options);
  const decider = new Agent({ id: 'model-guardrail', name: common.name, engine, historyRuns: 0 });
  return defineAskingGuardrail(common, (question) => decide(decider, { policy, trigger }, question));
}

async function decide(
  decider: Agent,
  options: Pick<ModelGuardrailOptions, 'policy' | 'trigger'>,
  question: Question,
): Promise<void> {
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

/** Maximum characters of the question that the model gets along with an answer. */
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

/** @throws TypeError unless the answer is complete and ends with a decision */
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
