import { isDeepStrictEqual } from 'node:util';

import { AgentOsConfigurationError } from '../errors/agent-os-configuration.error.js';
import { InputCheckError, OutputCheckError } from '../errors/check.errors.js';
import type { PostHookContext, PreHookContext } from '../hooks/hook.context.js';
import { defineGuardrail } from '../hooks/hook.functions.js';
import type { HookFunction } from '../hooks/hook.reference.js';
import type { RunOutput } from '../model/run-output.js';
import { maskTexts, textsIn } from './texts.js';
import { PII_PATTERNS, type PiiPattern, type PiiType } from './pii.patterns.js';

/** What a {@link piiGuardrail} looks for, and what it does about it. */
export interface PiiGuardrailOptions {
  /** `detect` (the default) rejects the run; `mask` replaces what was found, such as `[EMAIL]`, and lets it pass. */
  readonly strategy?: 'detect' | 'mask';
  /** Which of the built-in kinds to look for. Default: all of them. */
  readonly types?: readonly PiiType[];
  /** Kinds of your own, by name: `{ customer: /C-\d{6}/ }` masks as `[CUSTOMER]`. */
  readonly patterns?: Readonly<Record<string, RegExp>>;
  /** In events, logs and the ledger. Default `piiGuardrail`. */
  readonly name?: string;
}

/** Personal data of one kind that was found. */
type Finder = readonly [kind: string, pattern: PiiPattern];

/**
 * A guardrail against personal data: social security numbers, payment cards (with a valid checksum), e-mail
 * addresses, telephone numbers, and patterns of your own. Among pre-hooks it guards the input, among post-hooks the
 * output: structured data, tool calls, members' answers and steps included. What it masks is masked everywhere: in what is stored, streamed and shown, and in
 * what background hooks see.
 *
 * @throws AgentOsConfigurationError if an option is not usable
 *
 * @example `new Agent({ id: 'support', engine, preHooks: [piiGuardrail({ strategy: 'mask' })] })`
 */
export function piiGuardrail(options: PiiGuardrailOptions = {}): HookFunction<PreHookContext> {
  const { strategy = 'detect', name = 'piiGuardrail' } = options;
  const finders = findersOf(options);
  if (strategy !== 'detect' && strategy !== 'mask') {
    throw new AgentOsConfigurationError(
      `piiGuardrail: expected strategy to be "detect" or "mask", got ${JSON.stringify(strategy)}.`,
    );
  }
  const guard = strategy === 'mask' ? maskWith(finders) : rejectWith(finders);
  // It fits both lists: among pre-hooks it does not read the output.
  return defineGuardrail(guard, { name }) as HookFunction<PreHookContext>;
}

function rejectWith(finders: readonly Finder[]): HookFunction<PostHookContext> {
  return (context) => {
    const isInput = context.hook.phase === 'pre';
    const texts = textsIn(isInput ? context.runInput.content : answerOf(context.runOutput));
    const detected = finders
      .filter((finder) => texts.some((text) => mask(text, [finder]) !== text))
      .map(([kind]) => kind);
    if (detected.length === 0) return;
    const CheckError = isInput ? InputCheckError : OutputCheckError;
    throw new CheckError(
      `${isInput ? 'The input' : 'The answer'} holds personal data (${detected.join(', ')}).`,
      {
        trigger: 'pii_detected',
        additionalData: { detected },
      },
    );
  };
}

function maskWith(finders: readonly Finder[]): HookFunction<PostHookContext> {
  return ({ hook, runInput, runOutput }) => {
    if (hook.phase === 'pre') {
      runInput.content = mask(runInput.content, finders);
      return;
    }
    const answer = answerOf(runOutput);
    const masked = maskTexts(answer, (text) => mask(text, finders));
    // Assigning counts as an edit, and what was streamed would be held to be wrong.
    if (!isDeepStrictEqual(masked, answer)) Object.assign(runOutput, masked);
  };
}

/** All that a client may read of an answer: the answer, and what it was made of. */
function answerOf({ content, data, tools, memberResponses, stepResults }: RunOutput): Partial<RunOutput> {
  return { content, ...(data === undefined ? {} : { data }), tools, memberResponses, stepResults };
}

function mask(text: string, finders: readonly Finder[]): string {
  return finders.reduce(
    (masked, [kind, { expression, accepts }]) =>
      masked.replace(expression, (match) => (accepts && !accepts(match) ? match : `[${kind.toUpperCase()}]`)),
    text,
  );
}

function findersOf({
  types = ['email', 'ssn', 'card', 'phone'],
  patterns = {},
}: PiiGuardrailOptions): readonly Finder[] {
  const builtIn = types.map((type): Finder => {
    const pattern = PII_PATTERNS[type] as PiiPattern | undefined;
    if (pattern) return [type, pattern];
    const known = Object.keys(PII_PATTERNS).join(', ');
    throw new AgentOsConfigurationError(
      `piiGuardrail: unknown type "${String(type)}". Known types: ${known}.`,
    );
  });
  const own = Object.entries(patterns).map(([kind, expression]): Finder => {
    if (expression instanceof RegExp) return [kind, { expression: everywhere(expression) }];
    throw new AgentOsConfigurationError(
      `piiGuardrail: expected pattern "${kind}" to be a regular expression.`,
    );
  });
  return [...own, ...builtIn];
}

/** The expression, finding all places. A copy: the `lastIndex` of a shared one would be shared by all runs. */
function everywhere(expression: RegExp): RegExp {
  return new RegExp(
    expression.source,
    expression.flags.includes('g') ? expression.flags : `${expression.flags}g`,
  );
}
