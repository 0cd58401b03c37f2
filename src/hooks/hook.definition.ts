import { types } from 'node:util';

import { z } from 'zod';

import { isRecord } from '../data/is-record.js';
import { withoutUndefined } from '../data/without-undefined.js';
import { AgentOsConfigurationError } from '../errors/agent-os-configuration.error.js';
import type { HookRate } from '../execution/hook.limits.js';
import { RUN_OUTCOMES } from '../model/run-output.js';
import { checkOptions } from '../options/check.options.js';
import {
  flag,
  milliseconds,
  oneOf,
  optionsOf,
  text,
  valueOf,
  wholeNumber,
} from '../options/option.schemas.js';
import type { HookDecoration } from './hook.metadata.js';
import type {
  GuardrailOptions,
  HookCondition,
  HookKey,
  HookOptions,
  HookRetryOptions,
} from './hook.options.js';

/** A hook's options, checked, whichever decorator they came from. */
export interface HookDefinition extends HookOptions, Pick<GuardrailOptions, 'stream'> {
  readonly name: string;
  readonly isGuardrail: boolean;
}

const COMMON = {
  name: text().optional(),
  timeout: milliseconds(1).optional(),
};

const outcome = oneOf(...RUN_OUTCOMES);

/** The checks of {@link HookOptions}. */
export const HOOK_CHECKS = {
  runInBackground: flag().optional(),
  ...COMMON,
  retry: optionsOf<HookRetryOptions>()({
    attempts: wholeNumber(2),
    backoff: milliseconds(0).optional(),
  })
    .describe('{ attempts, backoff? }')
    .optional(),
  concurrency: wholeNumber(1).optional(),
  rate: optionsOf<HookRate>()({ max: wholeNumber(1), per: milliseconds(1) })
    .describe('{ max, per }')
    .optional(),
  key: valueOf<HookKey>(
    'a function that returns a text',
    (value) => typeof value === 'function' && !types.isGeneratorFunction(value),
  ).optional(),
  on: z.array(outcome).min(1).describe(`a non-empty array of ${outcome.description}`).readonly().optional(),
  when: condition().optional(),
  onError: oneOf('fail', 'continue').optional(),
};

const HOOK_OPTIONS = optionsOf<HookOptions>()(HOOK_CHECKS);

/** The checks of {@link GuardrailOptions}. */
export const GUARDRAIL_CHECKS = {
  ...COMMON,
  when: condition().optional(),
  stream: oneOf('hold', 'pass').optional(),
};

const GUARDRAIL_OPTIONS = optionsOf<GuardrailOptions>()(GUARDRAIL_CHECKS);

/**
 * Checks the options of a decorator.
 *
 * @param source - the method as an error message should call it, such as `SupportHooks.notify`
 * @throws AgentOsConfigurationError naming the hook and the option
 */
export function defineHookOf(
  decoration: HookDecoration,
  source: string,
  defaultName: string,
): HookDefinition {
  const { decorator, options } = decoration;
  const owner = `@${decorator} on ${source}`;
  if (decorator === 'Hook') {
    return {
      name: defaultName,
      ...withoutUndefined(checkOptions(owner, HOOK_OPTIONS, options)),
      isGuardrail: false,
    };
  }
  if (isRecord(options) && options['runInBackground'] === true) {
    throw new AgentOsConfigurationError(
      `${owner}: a guardrail cannot run in the background, it would guard nothing. Remove runInBackground.`,
    );
  }
  return {
    name: defaultName,
    ...withoutUndefined(checkOptions(owner, GUARDRAIL_OPTIONS, options)),
    isGuardrail: true,
  };
}

function condition(): z.ZodCustom<HookCondition, HookCondition> {
  return valueOf(
    'a function that returns true or false',
    (value) => typeof value === 'function' && !types.isGeneratorFunction(value),
  );
}
