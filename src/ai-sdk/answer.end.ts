import type { FinishReason as SdkFinishReason } from 'ai';

import { isBlank } from '../model/blank.js';
import type { ProviderError } from '../errors/run.errors.js';
import type { ModelIdentity } from '../model/run-output.js';
import type { FinishReason } from '../model/run-usage.js';
import { providerError } from './model.error.js';

/** The end of a request to a model, as the AI SDK reports it. */
export interface RequestEnd {
  readonly finishReason: SdkFinishReason;
  /** The provider's own finish reason. */
  readonly rawFinishReason: string | undefined;
}

/**
 * The meanings of providers' finish reasons that the AI SDK reports as "other". Most come from servers that speak
 * OpenAI's protocol with reasons of their own. Compared without case and punctuation. A reason that is not listed is
 * an error, since reasons for errors cannot be listed: every provider has its own, and adds new ones.
 */
const KNOWN_WORDS: Readonly<Record<'complete' | FinishReason, readonly string[]>> = {
  complete: [
    'stop stopped stop_sequence stop_string_found stop_token eos eos_token eos_found end end_turn end_of_turn',
    'complete completed done finish finished success pause_turn tool_call tool_calls tool_use function_call',
  ],
  length: [
    'length max_length max_tokens max_output_tokens max_completion_tokens max_new_tokens max_predicted_tokens_reached',
    'model_length context_length context_length_reached model_context_window_exceeded token_limit',
  ],
  'content-filter': [
    'content_filter content_filtered guardrail_intervened safety image_safety recitation blocklist',
    'prohibited_content spii refusal',
  ],
};

const MEANINGS: ReadonlyMap<string, 'complete' | FinishReason> = new Map(
  (Object.keys(KNOWN_WORDS) as (keyof typeof KNOWN_WORDS)[]).flatMap((meaning) =>
    KNOWN_WORDS[meaning].flatMap((line) => line.split(' ')).map((word) => [plain(word), meaning] as const),
  ),
);

function plain(word: string): string {
  return word.toLowerCase().replace(/[^a-z]/g, '');
}

/**
 * @returns why the answer to a request is incomplete; undefined if it is complete
 * @throws ProviderError if the request ended abnormally
 */
export function readEnd(
  { finishReason, rawFinishReason }: RequestEnd,
  model: ModelIdentity,
): FinishReason | undefined {
  switch (finishReason) {
    case 'length':
    case 'content-filter':
      return finishReason;
    case 'stop':
    case 'tool-calls':
      return undefined;
    case 'other':
      return meaningOf(rawFinishReason, model);
    default:
      // 'error', and reasons that only version 7 of the AI SDK has.
      throw abnormalEnd(model, rawFinishReason ?? finishReason);
  }
}

function meaningOf(word: string | undefined, model: ModelIdentity): FinishReason | undefined {
  // A provider that has finished gives a reason.
  if (word === undefined) throw providerError(model, 'stopped in the middle of its answer');
  const meaning = MEANINGS.get(plain(word));
  if (meaning === undefined) throw abnormalEnd(model, word);
  return meaning === 'complete' ? undefined : meaning;
}

function abnormalEnd(model: ModelIdentity, word: string): ProviderError {
  return providerError(
    model,
    `ended its answer abnormally, with finish reason ${JSON.stringify(word.slice(0, 100))}`,
  );
}

/** The state of an answer after reading. */
interface ReadAnswer {
  /** The last request has ended with a finish reason. */
  readonly hasEnded: boolean;
  readonly finishReason: FinishReason | undefined;
  readonly text: string;
  /** The model waits for the results of tools. */
  readonly isAwaitingTools: boolean;
}

/** The circumstances of an answer, besides the model's output. */
interface AnswerDetails {
  readonly model: ModelIdentity;
  readonly maxSteps: number;
  readonly isStructured: boolean;
}

/**
 * Rejects answers that the model has not completed.
 *
 * @throws ProviderError if the stream ended without a finish reason, Error if the model was stopped before it answered
 */
export function checkAnswer(
  { hasEnded, finishReason, text, isAwaitingTools }: ReadAnswer,
  { model, maxSteps, isStructured }: AnswerDetails,
): void {
  if (isAwaitingTools) {
    throw new Error(`The model still calls tools after ${maxSteps} steps, the limit set by maxSteps.`);
  }
  if (!hasEnded) throw providerError(model, 'stopped in the middle of its answer');
  if (finishReason !== undefined && (isStructured || isBlank(text))) {
    throw new Error(`The model was stopped before it had an answer: its finish reason is "${finishReason}".`);
  }
}
