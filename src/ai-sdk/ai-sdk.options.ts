import type { LanguageModel, streamText, ToolSet } from 'ai';
import { z } from 'zod';

import type { EngineRequest } from '../components/engine.js';
import { schemaOption, type OutputSchema } from '../components/workflow/output-schema.js';
import { isRecord } from '../data/is-record.js';
import { checkOptions } from '../options/check.options.js';
import { flag, optionsOf, valueOf, wholeNumber } from '../options/option.schemas.js';
import { checkOutput, checkTools } from './schema.checks.js';

/** The settings that are passed to the AI SDK's `streamText` unchanged. */
const CALL_SETTINGS = [
  'activeTools',
  'frequencyPenalty',
  'headers',
  'maxOutputTokens',
  'maxRetries',
  'prepareStep',
  'presencePenalty',
  'providerOptions',
  'seed',
  'stopSequences',
  'temperature',
  'timeout',
  'toolChoice',
  'topK',
  'topP',
] as const;

/**
 * Settings of a model call, as the AI SDK types and documents them.
 *
 * @example
 * ```ts
 * const careful: AiSdkCallSettings = { temperature: 0, maxRetries: 5, timeout: 30_000 };
 * ```
 */
export type AiSdkCallSettings = Readonly<
  Pick<Parameters<typeof streamText<ToolSet>>[0], (typeof CALL_SETTINGS)[number]>
>;

/**
 * Instructions that depend on the run: on the user, the session's state, or the question.
 *
 * @example
 * ```ts
 * const instructions: InstructionsFunction = ({ context }) =>
 *   `You are a support agent. Answer in ${context.sessionState.language ?? 'English'}.`;
 * ```
 */
export type InstructionsFunction = (request: EngineRequest) => string | Promise<string>;

/**
 * The options of `aiSdk()`.
 *
 * @example
 * ```ts
 * const options: AiSdkOptions = {
 *   model: openai('gpt-5-mini'),
 *   instructions: 'You answer in one sentence.',
 *   tools: { orderStatus },
 *   maxSteps: 5,
 *   temperature: 0,
 * };
 * ```
 */
export interface AiSdkOptions extends AiSdkCallSettings {
  /** Any model of the AI SDK: from a provider package, from a registry, or a model name for the AI Gateway. */
  readonly model: LanguageModel;
  /** The system prompt: a text, or a function of the run that returns one. */
  readonly instructions?: string | InstructionsFunction;
  /** The model's tools, made with the AI SDK's `tool()`. In `execute`, `runContextOf(options)` is the run context. */
  readonly tools?: ToolSet;
  /**
   * The schema of the answer: any Standard Schema (zod, valibot, …). The run's `content` is then the answer's JSON
   * text and its `data` the value that the schema parses from it; an answer that does not fit fails the run.
   *
   * The schema is sent to the model if it can describe itself as JSON Schema. Valibot's can with
   * `toStandardJsonSchema()` of `@valibot/to-json-schema`; for other schemas, describe the form in the instructions.
   */
  readonly output?: OutputSchema<unknown>;
  /**
   * The maximum number of model calls: one, and one more after each round of tool calls. A run that needs more fails.
   *
   * @default 20
   */
  readonly maxSteps?: number;
  /**
   * Whether the model's reasoning is part of the run: clients see it, and guardrails check it. With `false` it is
   * dropped.
   *
   * @default true
   */
  readonly sendReasoning?: boolean;
}

/** The AI SDK checks the call settings itself. */
type SettingChecks = {
  readonly [K in keyof AiSdkCallSettings]-?: z.ZodOptional<
    z.ZodCustom<AiSdkCallSettings[K], AiSdkCallSettings[K]>
  >;
};

const SETTING_CHECKS = Object.fromEntries(
  CALL_SETTINGS.map((setting) => [setting, z.custom().optional()]),
) as unknown as SettingChecks;

const OPTIONS = optionsOf<AiSdkOptions>()({
  model: valueOf<LanguageModel>('a model of the AI SDK', isModel),
  instructions: valueOf<string | InstructionsFunction>('a text or a function', (value) =>
    ['string', 'function'].includes(typeof value),
  ).optional(),
  tools: valueOf<ToolSet>('an object of tools', isRecord).optional(),
  output: schemaOption().optional(),
  maxSteps: wholeNumber(1).default(20),
  sendReasoning: flag().default(true),
  ...SETTING_CHECKS,
});

/** The options with their defaults. */
export type CheckedOptions = AiSdkOptions & Required<Pick<AiSdkOptions, 'maxSteps' | 'sendReasoning'>>;

/**
 * Checks the options and adds the defaults.
 *
 * @throws AgentOsConfigurationError that names the first invalid option
 */
export function checkedOptionsOf(options: AiSdkOptions): CheckedOptions {
  const checked = checkOptions('aiSdk()', OPTIONS, options);
  checkTools(checked.tools ?? {});
  if (checked.output !== undefined) checkOutput(checked.output);
  return checked;
}

function isModel(model: unknown): boolean {
  if (typeof model === 'string') return true;
  return typeof (model as Partial<Exclude<LanguageModel, string>> | null | undefined)?.modelId === 'string';
}

/** The call settings among the options. */
export function callSettingsOf(options: AiSdkOptions): AiSdkCallSettings {
  const given = CALL_SETTINGS.filter((setting) => options[setting] !== undefined);
  return Object.fromEntries(given.map((setting) => [setting, options[setting]]));
}
