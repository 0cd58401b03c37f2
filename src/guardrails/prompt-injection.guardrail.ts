import { AgentOsConfigurationError } from '../errors/agent-os-configuration.error.js';
import type { PostHookContext, PreHookContext } from '../hooks/hook.context.js';
import { defineGuardrail } from '../hooks/hook.functions.js';
import type { HookFunction } from '../hooks/hook.reference.js';
import { foldText, hasInjectionPhrase } from './injection.phrases.js';
import {
  checkInspectionOptions,
  Inspection,
  refuseUnknownOptions,
  type InspectionOptions,
} from './inspection.js';
import { NormalisedText } from './normalised.text.js';

/** What a {@link promptInjectionGuardrail} looks for. */
export interface PromptInjectionGuardrailOptions extends InspectionOptions {
  /**
   * Besides the built-in phrases. They see each text as it was written and as it looks with ordinary letters and
   * blanks. Keep them linear: they get whatever a client sends.
   */
  readonly patterns?: readonly RegExp[];
  /** In events, logs and the ledger. Default `promptInjectionGuardrail`. */
  readonly name?: string;
}

/**
 * A guardrail that rejects input which tells the model to drop its instructions or to show them: the question, names
 * and texts of files, metadata, dependencies and session state. It finds well-known phrases in several languages,
 * whatever their case, spacing and disguise by other letters, and keeps to those that no customer writes. It finds
 * no paraphrase: a first line of defence, whose rates the guide states. For pre-hooks.
 *
 * @throws AgentOsConfigurationError if an option is not usable
 *
 * @example `new Agent({ id: 'support', engine, preHooks: [promptInjectionGuardrail()] })`
 */
export function promptInjectionGuardrail(
  options: PromptInjectionGuardrailOptions = {},
): HookFunction<PreHookContext> {
  refuseUnknownOptions('promptInjectionGuardrail', options, [
    'patterns',
    'name',
    'maxLength',
    'opaque',
    'ignore',
  ]);
  const { name = 'promptInjectionGuardrail' } = options;
  const limits = checkInspectionOptions('promptInjectionGuardrail', options);
  const own = ownPatterns(options);
  return defineGuardrail<PreHookContext>(
    (context) => {
      const inspection = new Inspection(context as PostHookContext, limits);
      let isSuspicious = false;
      inspection.look({
        text: (text) => {
          const normalised = new NormalisedText(text);
          inspection.spend(normalised.growth);
          isSuspicious ||= isInjection(normalised, own);
          return text;
        },
        number: (number) => number,
      });
      if (isSuspicious)
        inspection.reject('tries to change the instructions of the model.', { trigger: 'prompt_injection' });
    },
    { name },
  );
}

/** The shortest phrase has more letters. */
const SHORTEST = 6;

function isInjection(text: NormalisedText, own: readonly RegExp[]): boolean {
  if (text.original.length >= SHORTEST && hasInjectionPhrase(foldText(text))) return true;
  if (own.length === 0) return false;
  const oneLine = text.text.replace(/\s+/g, ' ');
  return own.some((pattern) => pattern.test(text.original) || pattern.test(oneLine));
}

/** Without `g` and `y`, which would remember where the last run ended. */
function ownPatterns({ patterns = [] }: PromptInjectionGuardrailOptions): readonly RegExp[] {
  return patterns.map((pattern, index) => {
    if (pattern instanceof RegExp) return new RegExp(pattern.source, pattern.flags.replace(/[gy]/g, ''));
    throw new AgentOsConfigurationError(
      `promptInjectionGuardrail: expected patterns[${index}] to be a regular expression.`,
    );
  });
}
