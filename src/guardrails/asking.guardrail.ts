import type { z } from 'zod';

import type { CheckErrorOptions } from '../errors/check.errors.js';
import type { PostHookContext, PreHookContext } from '../hooks/hook.context.js';
import { GUARDRAIL_CHECKS } from '../hooks/hook.definition.js';
import { defineGuardrail } from '../hooks/hook.functions.js';
import type { GuardrailOptions } from '../hooks/hook.options.js';
import type { HookFunction } from '../hooks/hook.reference.js';
import { text } from '../options/option.schemas.js';
import { Inspection, INSPECTION_CHECKS, type InspectionOptions } from './inspection.js';

/** Common options of guardrails that ask a model or an endpoint. */
export interface AskingGuardrailOptions extends GuardrailOptions, InspectionOptions {
  /**
   * Maximum total characters of the texts of one run that are sent; a text that occurs several times counts once. A run
   * with more is rejected, so that no unchecked text passes. Default 100,000.
   */
  readonly maxLength?: number;
  /** The message to clients when a run is rejected. Default: that the input, or the answer, is not allowed. */
  readonly message?: string;
}

/** The checks of {@link AskingGuardrailOptions}. */
export const ASKING_CHECKS = {
  ...GUARDRAIL_CHECKS,
  ...INSPECTION_CHECKS,
  maxLength: INSPECTION_CHECKS.maxLength.unwrap().default(100_000),
  message: text().optional(),
};

type CheckedOptions = z.output<z.ZodObject<typeof ASKING_CHECKS>> & { readonly name: string };

/** The data that a guardrail decides about. */
export interface Question {
  readonly context: PostHookContext;
  /** Whether the guardrail stands among pre-hooks. */
  readonly isOfInput: boolean;
  /** All texts that the guardrail checks, at least one. */
  readonly texts: readonly string[];
  /** @throws InputCheckError or OutputCheckError with the message for clients */
  readonly refuse: (details: CheckErrorOptions) => never;
}

/**
 * A guardrail that sends the guarded texts to a model or an endpoint. Usable as a pre-hook and as a post-hook.
 *
 * @param options - checked by {@link ASKING_CHECKS}
 */
export function defineAskingGuardrail(
  options: CheckedOptions,
  decide: (question: Question) => Promise<void>,
): HookFunction<PreHookContext> {
  const { name, timeout, when, stream, message, ...limits } = options;
  const guard = async (context: PostHookContext): Promise<void> => {
    const inspection = new Inspection(context, limits);
    const texts = inspection.texts();
    if (texts.length === 0) return;
    const { isOfInput } = inspection;
    const refuse = (details: CheckErrorOptions): never =>
      inspection.reject('is not allowed.', { ...details, ...(message === undefined ? {} : { message }) });
    await decide({ context, isOfInput, texts, refuse });
  };
  // Valid in both lists: as a pre-hook it does not read the output.
  return defineGuardrail(guard, { name, timeout, when, stream }) as HookFunction<PreHookContext>;
}
