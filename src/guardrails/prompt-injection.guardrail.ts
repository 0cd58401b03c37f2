import { InputCheckError } from '../errors/check.errors.js';
import type { PreHookContext } from '../hooks/hook.context.js';
import { defineGuardrail } from '../hooks/hook.functions.js';
import type { HookFunction } from '../hooks/hook.reference.js';

/** What a {@link promptInjectionGuardrail} looks for. */
export interface PromptInjectionGuardrailOptions {
  /** Besides the built-in phrases. */
  readonly patterns?: readonly RegExp[];
  /** In events, logs and the ledger. Default `promptInjectionGuardrail`. */
  readonly name?: string;
}

const ADJECTIVES =
  '(?:all |any |the |these |those |your |my |of |previous |prior |above |earlier |preceding |foregoing )*';

/** Ways of telling a model that it is no longer bound by its instructions. */
const PHRASES: readonly RegExp[] = [
  new RegExp(
    `\\b(?:ignore|disregard|forget|override|bypass) ${ADJECTIVES}(?:instructions?|prompts?|rules|guidelines|directions)\\b`,
  ),
  /\b(?:reveal|show|print|repeat|output|tell me) (?:me )?(?:your|the) (?:hidden |secret |full |entire |original )*(?:system )?(?:prompt|instructions)\b/,
  /\byou (?:are|act) (?:now )?(?:in )?(?:developer|debug|god|jailbreak|dan|unrestricted|unfiltered) ?(?:mode)?\b/,
  /\b(?:pretend|act as if|behave as if|imagine) (?:that )?you (?:have|had) no (?:rules|restrictions|limits|guidelines|filters)\b/,
  /\b(?:enable|enter|activate|switch to) (?:developer|debug|god|jailbreak|dan|unrestricted) mode\b/,
  /<\|?(?:im_start|im_end|system|endoftext)\|?>/,
  /^\s*(?:###\s*)?(?:system|developer)\s*(?:prompt|message)?\s*:/m,
];

/**
 * A guardrail that rejects input which tells the model to drop its instructions. It finds well-known phrases, in
 * English, whatever their case and spacing: a first line of defence, not the only one. For pre-hooks.
 *
 * @example `new Agent({ id: 'support', engine, preHooks: [promptInjectionGuardrail()] })`
 */
export function promptInjectionGuardrail(
  options: PromptInjectionGuardrailOptions = {},
): HookFunction<PreHookContext> {
  const { patterns = [], name = 'promptInjectionGuardrail' } = options;
  const own = patterns.map(({ source, flags }) => new RegExp(source, flags.replace(/[gy]/g, '')));
  return defineGuardrail<PreHookContext>(
    ({ runInput }) => {
      const text = normalize(runInput.content);
      const isSuspicious =
        PHRASES.some((phrase) => phrase.test(text)) || own.some((each) => each.test(runInput.content));
      if (!isSuspicious) return;
      throw new InputCheckError('The input tries to change the instructions of the model.', {
        trigger: 'prompt_injection',
      });
    },
    { name },
  );
}

/** Full-width letters, invisible characters and runs of spaces are the cheapest disguises. */
function normalize(text: string): string {
  return text
    .normalize('NFKC')
    .replace(/\p{Cf}/gu, '')
    .replace(/[^\S\n]+/g, ' ')
    .toLowerCase();
}
