import { AgentOsConfigurationError } from '../errors/agent-os-configuration.error.js';
import { InputCheckError, OutputCheckError, type CheckErrorOptions } from '../errors/check.errors.js';
import type { PostHookContext } from '../hooks/hook.context.js';
import { textOfFile } from '../model/file.text.js';
import type { RunInput } from '../model/run-input.js';
import type { RunOutput, StepOutput } from '../model/run-output.js';
import { toJsonValue } from '../model/to-json-value.js';

/** Options that model and moderation guardrails have in common. */
export interface AskingGuardrailOptions {
  /**
   * Characters that are handed over for one run, of all texts together. A run with more is rejected: what was not looked
   * at does not pass. Default 100,000.
   */
  readonly maxLength?: number;
  /** What clients read of a run that is rejected. Default: that the input, or the answer, is not allowed. */
  readonly message?: string;
}

/** @throws AgentOsConfigurationError naming the guardrail and the option */
export function checkAskingOptions(
  guardrail: string,
  { maxLength = 100_000, message }: AskingGuardrailOptions,
): void {
  if (!Number.isSafeInteger(maxLength) || maxLength < 1) {
    throw new AgentOsConfigurationError(
      `${guardrail}: expected maxLength to be a number of characters from 1 on, got ${String(maxLength)}.`,
    );
  }
  if (message !== undefined && (typeof message !== 'string' || message === '')) {
    throw new AgentOsConfigurationError(`${guardrail}: expected message to be a text that is not empty.`);
  }
}

/**
 * The texts of a run that are to be checked: among pre-hooks the question with its text files, among post-hooks the
 * answer, its messages, tools, members and steps.
 *
 * @throws InputCheckError or OutputCheckError if they are longer than `maxLength`
 */
export function textsToCheck(context: PostHookContext, options: AskingGuardrailOptions): readonly string[] {
  const found = isOfInput(context) ? inputTexts(context.runInput) : outputTexts(context.runOutput);
  const texts = [...new Set(found)].filter((text) => text.trim() !== '');
  const length = texts.reduce((sum, text) => sum + text.length, 0);
  if (length <= (options.maxLength ?? 100_000)) return texts;
  const subject = isOfInput(context) ? 'The input' : 'The answer';
  return reject(context, { message: `${subject} is longer than can be checked.` });
}

/** Whether the guardrail stands among pre-hooks. */
export function isOfInput({ hook }: PostHookContext): boolean {
  return hook.phase === 'pre';
}

/** @throws InputCheckError or OutputCheckError */
export function reject(
  context: PostHookContext,
  { message }: AskingGuardrailOptions,
  details: CheckErrorOptions = {},
): never {
  if (isOfInput(context)) throw new InputCheckError(message ?? 'The input is not allowed.', details);
  throw new OutputCheckError(message ?? 'The answer is not allowed.', details);
}

function inputTexts({ content, files = [] }: RunInput): readonly string[] {
  return [content, ...files.flatMap((file) => [file.name ?? '', textOfFile(file) ?? ''])];
}

function outputTexts({ content, data, tools, memberResponses, stepResults }: RunOutput): readonly string[] {
  return [
    content,
    textOf(data),
    ...tools.flatMap((tool) => [textOf(tool.arguments), tool.result ?? '']),
    ...memberResponses.flatMap(outputTexts),
    ...stepResults.flatMap(stepTexts),
  ];
}

function stepTexts({ content, data, steps = [] }: StepOutput): readonly string[] {
  return [content, textOf(data), ...steps.flatMap(stepTexts)];
}

function textOf(data: unknown): string {
  if (typeof data === 'string') return data;
  const isEmpty =
    data === undefined || (typeof data === 'object' && data !== null && Object.keys(data).length === 0);
  return isEmpty ? '' : (JSON.stringify(toJsonValue(data)) ?? '');
}
