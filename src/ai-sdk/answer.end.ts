import type { FinishReason as SdkFinishReason } from 'ai';

import { isBlank } from '../model/blank.js';
import type { ProviderError } from '../errors/run.errors.js';
import type { ModelIdentity } from '../model/run-output.js';
import type { FinishReason } from '../model/run-usage.js';
import { providerError } from './model.error.js';

/** How a request to a model ended, as the AI SDK says it. */
export interface RequestEnd {
  readonly finishReason: SdkFinishReason;
  /** The provider's own word for it. */
  readonly rawFinishReason: string | undefined;
}

/**
 * What the words of providers mean that the AI SDK reports as "other": most are of servers that speak the protocol of
 * OpenAI with words of their own. Compared without case and punctuation. A word that is not here is an error, since
 * the words for errors cannot be listed: every provider has its own, and adds new ones.
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
 * @returns why the answer to a request is not whole; undefined if it is
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
  // A provider that is done says why.
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

/** An answer as it has been read. */
interface ReadAnswer {
  /** The last request has ended, and the provider has said how. */
  readonly hasEnded: boolean;
  readonly finishReason: FinishReason | undefined;
  readonly text: string;
  /** The model waits for the results of tools. */
  readonly isAwaitingTools: boolean;
}

/** What is known of an answer besides what the model has said. */
interface AnswerDetails {
  readonly model: ModelIdentity;
  readonly maxSteps: number;
  readonly isStructured: boolean;
}

/**
 * Lets only answers pass that the model has given.
 *
 * @throws ProviderError if the stream just stopped, Error if the model was stopped before it had an answer
 */
export function checkAnswer(
  { hasEnded, finishReason, text, isAwaitingTools }: ReadAnswer,
  { model, maxSteps, isStructured }: AnswerDetails,
): void {
  if (isAwaitingTools) {
    throw new Error(`The model still calls tools after ${maxSteps} steps, which is its maxSteps.`);
  }
  if (!hasEnded) throw providerError(model, 'stopped in the middle of its answer');
  if (finishReason !== undefined && (isStructured || isBlank(text))) {
    throw new Error(`The model was stopped before it had an answer: its finish reason is "${finishReason}".`);
  }
}
