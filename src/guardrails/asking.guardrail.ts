import { AgentOsConfigurationError } from '../errors/agent-os-configuration.error.js';
import type { CheckErrorOptions } from '../errors/check.errors.js';
import type { PostHookContext, PreHookContext } from '../hooks/hook.context.js';
import { defineGuardrail } from '../hooks/hook.functions.js';
import type { GuardrailOptions } from '../hooks/hook.options.js';
import type { HookFunction } from '../hooks/hook.reference.js';
import {
  checkInspectionOptions,
  Inspection,
  refuseUnknownOptions,
  type InspectionOptions,
} from './inspection.js';

/** What guardrails have in common that ask a model or an endpoint. */
export interface AskingGuardrailOptions extends GuardrailOptions, InspectionOptions {
  /**
   * Characters that are handed over for one run, of all texts together; a text that stands in several places counts once.
   * A run with more is rejected: what was not looked at does not pass. Default 100,000.
   */
  readonly maxLength?: number;
  /** What clients read of a run that is rejected. Default: that the input, or the answer, is not allowed. */
  readonly message?: string;
}

const COMMON = ['name', 'timeout', 'when', 'stream', 'maxLength', 'opaque', 'ignore', 'message'] as const;

/** What a guardrail has to decide about. */
export interface Question {
  readonly context: PostHookContext;
  /** Whether the guardrail stands among pre-hooks. */
  readonly isOfInput: boolean;
  /** All that the guardrail guards, at least one. */
  readonly texts: readonly string[];
  /** @throws InputCheckError or OutputCheckError with the message for clients */
  readonly refuse: (details: CheckErrorOptions) => never;
}

/**
 * A guardrail that hands what it guards over to somebody else, and fits among pre-hooks and post-hooks.
 *
 * @param kind - the function that makes it, which also is its name by default
 * @param known - the options that it has besides the common ones
 * @throws AgentOsConfigurationError naming the option that is not usable
 */
export function defineAskingGuardrail(
  kind: string,
  options: AskingGuardrailOptions,
  known: readonly string[],
  decide: (question: Question) => Promise<void>,
): HookFunction<PreHookContext> {
  const { name = kind, timeout, when, stream, message, maxLength = 100_000 } = options;
  refuseUnknownOptions(kind, options, [...known, ...COMMON]);
  const limits = checkInspectionOptions(kind, { ...options, maxLength });
  if (message !== undefined && (typeof message !== 'string' || message === '')) {
    throw new AgentOsConfigurationError(`${kind}: expected message to be a text that is not empty.`);
  }
  const guard = async (context: PostHookContext): Promise<void> => {
    const inspection = new Inspection(context, limits);
    const texts = inspection.texts();
    if (texts.length === 0) return;
    const { isOfInput } = inspection;
    const refuse = (details: CheckErrorOptions): never =>
      inspection.reject('is not allowed.', { ...details, ...(message === undefined ? {} : { message }) });
    await decide({ context, isOfInput, texts, refuse });
  };
  // It fits both lists: among pre-hooks it does not read the output.
  return defineGuardrail(guard, {
    name,
    ...(timeout === undefined ? {} : { timeout }),
    ...(when ? { when } : {}),
    ...(stream ? { stream } : {}),
  }) as HookFunction<PreHookContext>;
}
