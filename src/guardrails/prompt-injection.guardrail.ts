import { z } from 'zod';

import type { PostHookContext, PreHookContext } from '../hooks/hook.context.js';
import { defineGuardrail } from '../hooks/hook.functions.js';
import type { HookFunction } from '../hooks/hook.reference.js';
import { checkOptions } from '../options/check.options.js';
import { optionsOf, regularExpression, text } from '../options/option.schemas.js';
import { foldText, hasInjectionPhrase } from './injection.phrases.js';
import { Inspection, INSPECTION_CHECKS, type InspectionOptions } from './inspection.js';
import { NormalisedText } from './normalised.text.js';

/** The options of {@link promptInjectionGuardrail}. */
export interface PromptInjectionGuardrailOptions extends InspectionOptions {
  /**
   * Custom patterns besides the built-in phrases. They are matched against each original text and its normalised form
   * with ordinary letters and blanks. Keep them linear: clients control the input.
   */
  readonly patterns?: readonly RegExp[];
  /** The name in events, logs and the ledger. Default `promptInjectionGuardrail`. */
  readonly name?: string;
}

const OPTIONS = optionsOf<PromptInjectionGuardrailOptions>()({
  patterns: z.array(regularExpression()).describe('an array of regular expressions').default([]).readonly(),
  name: text().default('promptInjectionGuardrail'),
  ...INSPECTION_CHECKS,
});

/**
 * A guardrail, for pre-hooks, that rejects input which tells the model to drop or to reveal its instructions. It checks
 * the question, names and texts of files, metadata, dependencies and session state for well-known phrases in several
 * languages, in any case and spacing and disguised by other letters, limited to phrases that no customer writes. It
 * does not find paraphrases: it is a first line of defence, whose detection rates the guide states.
 *
 * @throws AgentOsConfigurationError if an option is not usable
 *
 * @example `new Agent({ id: 'support', engine, preHooks: [promptInjectionGuardrail()] })`
 */
export function promptInjectionGuardrail(
  options: PromptInjectionGuardrailOptions = {},
): HookFunction<PreHookContext> {
  const { name, patterns, ...limits } = checkOptions('promptInjectionGuardrail()', OPTIONS, options);
  const own = patterns.map(withoutPosition);
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

/** Shorter texts cannot contain a phrase. */
const SHORTEST = 6;

function isInjection(text: NormalisedText, own: readonly RegExp[]): boolean {
  if (text.original.length >= SHORTEST && hasInjectionPhrase(foldText(text))) return true;
  if (own.length === 0) return false;
  const oneLine = text.text.replace(/\s+/g, ' ');
  return own.some((pattern) => pattern.test(text.original) || pattern.test(oneLine));
}

/** A copy without `g` and `y`, which would keep `lastIndex` between runs. */
function withoutPosition({ source, flags }: RegExp): RegExp {
  return new RegExp(source, flags.replace(/[gy]/g, ''));
}
