import { AgentOsConfigurationError } from '../errors/agent-os-configuration.error.js';
import type { PreHookContext } from '../hooks/hook.context.js';
import type { HookFunction } from '../hooks/hook.reference.js';
import { defineAskingGuardrail, type AskingGuardrailOptions, type Question } from './asking.guardrail.js';

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
  checkOptions(options);
  const known = ['baseURL', 'apiKey', 'model', 'categories', 'thresholds', 'fetch'];
  return defineAskingGuardrail('moderationGuardrail', options, known, (question) =>
    moderate(options, question),
  );
}

async function moderate(
  options: ModerationGuardrailOptions,
  { texts, context, refuse }: Question,
): Promise<void> {
  const results = readResults(await ask(options, texts, context.signal), texts.length);
  const categories = [...new Set(results.flatMap((result) => refusedCategories(result, options)))];
  if (categories.length > 0) refuse({ additionalData: { categories } });
}

/** Does not repeat errors of the endpoint, which may quote the key and the texts. */
async function ask(
  {
    baseURL = DEFAULT_URL,
    apiKey,
    model = 'omni-moderation-latest',
    fetch: send = fetch,
  }: ModerationGuardrailOptions,
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

const DEFAULT_URL = 'https://api.openai.com/v1';

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
      throw new TypeError('A result of the moderation endpoint says not "flagged".');
    return { flagged, categories, category_scores };
  });
}

function refusedCategories(
  { flagged, categories, category_scores: scores }: ModerationResult,
  { categories: counting, thresholds = {} }: ModerationGuardrailOptions,
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
  return new TypeError(`The moderation endpoint knows no category "${category}".`);
}

function checkOptions(options: ModerationGuardrailOptions): void {
  const { baseURL = DEFAULT_URL, apiKey = '', categories = [], thresholds = {} } = options;
  if (typeof baseURL !== 'string' || !URL.canParse(baseURL)) fail('expected baseURL to be a URL.');
  if (typeof apiKey !== 'string' && typeof apiKey !== 'function')
    fail('expected apiKey to be a text or a function.');
  if (!Array.isArray(categories)) fail('expected categories to be a list of names.');
  for (const [category, threshold] of Object.entries(thresholds)) {
    if (!(threshold >= 0 && threshold <= 1))
      fail(`expected the threshold of "${category}" to be from 0 to 1, got ${String(threshold)}.`);
  }
}

function fail(problem: string): never {
  throw new AgentOsConfigurationError(`moderationGuardrail: ${problem}`);
}
