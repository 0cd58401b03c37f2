import { z } from 'zod';

import type { PreHookContext } from '../hooks/hook.context.js';
import type { HookFunction } from '../hooks/hook.reference.js';
import { checkOptions } from '../options/check.options.js';
import { functionOf, optionsOf, text, valueOf, valueWith } from '../options/option.schemas.js';
import {
  ASKING_CHECKS,
  defineAskingGuardrail,
  type AskingGuardrailOptions,
  type Question,
} from './asking.guardrail.js';

/** The endpoint of a {@link moderationGuardrail}, and how its results are evaluated. */
export interface ModerationGuardrailOptions extends AskingGuardrailOptions {
  /** The URL without `/moderations`. Default `https://api.openai.com/v1`. */
  readonly baseURL?: string;
  /** Sent as a bearer token; never logged. */
  readonly apiKey?: string | (() => string | Promise<string>);
  /** Default `omni-moderation-latest`. */
  readonly model?: string;
  /** Categories that reject the run if the endpoint flags them. Default: all. */
  readonly categories?: readonly string[];
  /** Scores from 0 to 1 by category. A score that is reached rejects the run, even if the endpoint flags nothing. */
  readonly thresholds?: Readonly<Record<string, number>>;
  /** Replaces the global `fetch`: for a proxy, or in tests. */
  readonly fetch?: typeof fetch;
}

const OPTIONS = optionsOf<ModerationGuardrailOptions>()({
  baseURL: valueOf<string>('a URL', (value) => typeof value === 'string' && URL.canParse(value)).default(
    'https://api.openai.com/v1',
  ),
  // The value is a secret: it must not appear in a message.
  apiKey: valueWith<NonNullable<ModerationGuardrailOptions['apiKey']>>((value) =>
    ['string', 'function'].includes(typeof value) ? undefined : 'expected apiKey to be a text or a function.',
  ).optional(),
  model: text().default('omni-moderation-latest'),
  categories: z.array(text()).describe('a list of names').readonly().optional(),
  thresholds: z
    .record(z.string(), z.number().min(0).max(1).describe('a number from 0 to 1'))
    .describe('an object of scores by category')
    .default({}),
  fetch: functionOf<typeof fetch>().optional(),
  ...ASKING_CHECKS,
  name: ASKING_CHECKS.name.default('moderationGuardrail'),
});

type Moderation = Omit<z.output<typeof OPTIONS>, keyof AskingGuardrailOptions>;

/**
 * A guardrail that asks a moderation endpoint with OpenAI's interface (`POST /moderations`). It guards the same data as
 * {@link modelGuardrail}: as a pre-hook the question, files, metadata, dependencies and session state, as a post-hook
 * all parts of the answer that a client may read. All of it is sent to the endpoint; `ignore` excludes places.
 *
 * It fails closed: an endpoint that cannot be reached, or answers with an error or without results, blocks the run. The
 * categories that were found are in `additional_data.categories` of the rejection.
 *
 * @throws AgentOsConfigurationError if an option is not usable
 *
 * @example
 * ```ts
 * moderationGuardrail({ apiKey: () => secrets.get('OPENAI_API_KEY'), thresholds: { violence: 0.5 } })
 * ```
 */
export function moderationGuardrail(options: ModerationGuardrailOptions = {}): HookFunction<PreHookContext> {
  const { baseURL, apiKey, model, categories, thresholds, fetch, ...common } = checkOptions(
    'moderationGuardrail()',
    OPTIONS,
    options,
  );
  const moderation = { baseURL, apiKey, model, categories, thresholds, fetch };
  return defineAskingGuardrail(common, (question) => moderate(moderation, question));
}

async function moderate(options: Moderation, { texts, context, refuse }: Question): Promise<void> {
  const results = readResults(await ask(options, texts, context.signal), texts.length);
  const categories = [...new Set(results.flatMap((result) => refusedCategories(result, options)))];
  if (categories.length > 0) refuse({ additionalData: { categories } });
}

/** Does not repeat errors of the endpoint, which may quote the key and the texts. */
async function ask(
  { baseURL, apiKey, model, fetch: send = fetch }: Moderation,
  texts: readonly string[],
  signal: AbortSignal,
): Promise<unknown> {
  const key = typeof apiKey === 'function' ? await apiKey() : apiKey;
  const response = await send(`${baseURL.replace(/\/+$/, '')}/moderations`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', ...(key ? { authorization: `Bearer ${key}` } : {}) },
    body: JSON.stringify({ model, input: texts }),
    signal,
  });
  if (response.ok) return response.json();
  await response.body?.cancel();
  throw new Error(`The moderation endpoint answered with status ${response.status}.`);
}

/** The endpoint's result for one text. */
interface ModerationResult {
  readonly flagged: boolean;
  readonly categories: Readonly<Record<string, unknown>>;
  readonly category_scores: Readonly<Record<string, unknown>>;
}

/** @throws TypeError unless there is a result for each text */
function readResults(answer: unknown, count: number): readonly ModerationResult[] {
  const { results } = (answer ?? {}) as { readonly results?: unknown };
  if (!Array.isArray(results) || results.length !== count) {
    throw new TypeError(`The moderation endpoint did not answer with ${count} results.`);
  }
  return results.map((result: Partial<ModerationResult> | null) => {
    const { flagged, categories = {}, category_scores = {} } = result ?? {};
    if (typeof flagged !== 'boolean')
      throw new TypeError('A result of the moderation endpoint has no boolean "flagged".');
    return { flagged, categories, category_scores };
  });
}

function refusedCategories(
  { flagged, categories, category_scores: scores }: ModerationResult,
  { categories: counting, thresholds }: Moderation,
): readonly string[] {
  const found = Object.keys(categories).filter((category) => categories[category] === true);
  for (const category of counting ?? []) {
    if (typeof categories[category] !== 'boolean') throw unknownCategory(category);
  }
  const overThreshold = Object.entries(thresholds).filter(([category, threshold]) => {
    const score = scores[category];
    if (typeof score !== 'number') throw unknownCategory(category);
    return score >= threshold;
  });
  const refused = counting ? found.filter((category) => counting.includes(category)) : found;
  const unnamed = flagged && !counting && found.length === 0 ? ['flagged'] : [];
  return [...refused, ...unnamed, ...overThreshold.map(([category]) => category)];
}

function unknownCategory(category: string): TypeError {
  return new TypeError(`The moderation endpoint does not know the category "${category}".`);
}
