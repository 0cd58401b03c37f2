import { AgentOsConfigurationError } from '../errors/agent-os-configuration.error.js';
import { InputCheckError, OutputCheckError } from '../errors/check.errors.js';
import type { PostHookContext, PreHookContext } from '../hooks/hook.context.js';
import { defineGuardrail } from '../hooks/hook.functions.js';
import type { HookFunction } from '../hooks/hook.reference.js';
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
 * output, structured data included. What it masks is masked everywhere: in what is stored, streamed and shown, and in
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
  return ({ hook, runInput, runOutput }) => {
    const texts =
      hook.phase === 'pre' ? [runInput.content] : [runOutput.content, JSON.stringify(runOutput.data) ?? ''];
    const detected = finders
      .filter((finder) => texts.some((text) => mask(text, [finder]) !== text))
      .map(([kind]) => kind);
    if (detected.length === 0) return;
    const what = hook.phase === 'pre' ? 'The input' : 'The answer';
    const CheckError = hook.phase === 'pre' ? InputCheckError : OutputCheckError;
    throw new CheckError(`${what} holds personal data (${detected.join(', ')}).`, {
      trigger: 'pii_detected',
      additionalData: { detected },
    });
  };
}

function maskWith(finders: readonly Finder[]): HookFunction<PostHookContext> {
  return ({ hook, runInput, runOutput }) => {
    if (hook.phase === 'pre') {
      runInput.content = mask(runInput.content, finders);
      return;
    }
    runOutput.content = mask(runOutput.content, finders);
    if (runOutput.data !== undefined) runOutput.data = maskDeep(runOutput.data, finders);
  };
}

function mask(text: string, finders: readonly Finder[]): string {
  return finders.reduce(
    (masked, [kind, { expression, accepts }]) =>
      masked.replace(expression, (match) => (accepts && !accepts(match) ? match : `[${kind.toUpperCase()}]`)),
    text,
  );
}

/** Every text in structured data; keys are the schema's and stay. */
function maskDeep(value: unknown, finders: readonly Finder[]): unknown {
  if (typeof value === 'string') return mask(value, finders);
  if (Array.isArray(value)) return value.map((item) => maskDeep(item, finders));
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, maskDeep(item, finders)]));
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
