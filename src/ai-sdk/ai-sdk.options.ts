import type { LanguageModel, streamText, ToolSet } from 'ai';

import type { EngineRequest } from '../components/engine.js';
import type { OutputSchema } from '../components/workflow/output-schema.js';

/** The settings of the AI SDK's `streamText` that are handed on as they are. */
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
 * Instructions that depend on the run: on who asks, on the session's state, on the question.
 *
 * @example
 * ```ts
 * const instructions: InstructionsFunction = ({ context }) =>
 *   `You are a support agent. Answer in ${context.sessionState.language ?? 'English'}.`;
 * ```
 */
export type InstructionsFunction = (request: EngineRequest) => string | Promise<string>;

/**
 * What an engine on the AI SDK is made of.
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
  /** Any model of the AI SDK: of a provider package, of a registry, or the name of one behind the AI Gateway. */
  readonly model: LanguageModel;
  /** What the model is told before the conversation: a text, or a function of the run that returns one. */
  readonly instructions?: string | InstructionsFunction;
  /** What the model may call, made with the AI SDK's `tool()`. Inside `execute`, `runContextOf(options)` is the run's context. */
  readonly tools?: ToolSet;
  /**
   * The form of the answer: any Standard Schema (zod, valibot, …). The run's `content` is then the answer's JSON text
   * and its `data` what the schema makes of it; an answer that does not fit fails the run.
   *
   * The model is told the form if the schema can describe itself as JSON Schema. Valibot's can with
   * `toStandardJsonSchema()` of `@valibot/to-json-schema`; of other schemas describe the form in the instructions.
   */
  readonly output?: OutputSchema<unknown>;
  /**
   * How often the model is called at most: once, and once more after each round of tool calls. A run that would need
   * more fails.
   *
   * @default 20
   */
  readonly maxSteps?: number;
}

/** Calls of the model in one run, if the options say nothing. */
export const DEFAULT_MAX_STEPS = 20;

/** What may be said. */
export const KNOWN_OPTIONS: readonly string[] = [
  'model',
  'instructions',
  'tools',
  'output',
  'maxSteps',
  ...CALL_SETTINGS,
];

/** The call settings among the options. */
export function callSettingsOf(options: AiSdkOptions): AiSdkCallSettings {
  const given = CALL_SETTINGS.filter((setting) => options[setting] !== undefined);
  return Object.fromEntries(given.map((setting) => [setting, options[setting]]));
}
