import { types } from 'node:util';

import { isRecord } from '../data/is-record.js';
import { AgentOsConfigurationError } from '../errors/agent-os-configuration.error.js';
import { RUN_OUTCOMES } from '../model/run-output.js';
import type { HookDecoration } from './hook.metadata.js';
import type { GuardrailOptions, HookOptions } from './hook.options.js';

/** A hook's options, checked, whichever decorator they came from. */
export interface HookDefinition extends HookOptions, Pick<GuardrailOptions, 'stream'> {
  readonly name: string;
  readonly isGuardrail: boolean;
}

const HOOK_OPTIONS = ['runInBackground', 'name', 'timeout', 'retry', 'on', 'when', 'onError'];
const GUARDRAIL_OPTIONS = ['name', 'timeout', 'when', 'stream'];

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
  const isGuardrail = decoration.decorator === 'Guardrail';
  const fail = (problem: string): never => {
    throw new AgentOsConfigurationError(`@${decoration.decorator} on ${source}: ${problem}`);
  };
  const options: unknown = decoration.options;
  if (!isRecord(options)) return fail(`expected options to be an object, got ${show(options)}.`);
  if (isGuardrail && options['runInBackground'] === true) {
    fail('a guardrail cannot run in the background, it would guard nothing. Remove runInBackground.');
  }
  checkNames(options, isGuardrail ? GUARDRAIL_OPTIONS : HOOK_OPTIONS, fail);
  checkValues(options, fail);
  return { name: defaultName, ...dropUndefined(options), isGuardrail };
}

type Fail = (problem: string) => never;

function checkNames(options: object, known: readonly string[], fail: Fail): void {
  for (const name of Object.keys(options)) {
    if (!known.includes(name)) fail(`unknown option "${name}". Known options: ${known.join(', ')}.`);
  }
}

function checkValues(options: Record<string, unknown>, fail: Fail): void {
  const check = (name: string, isRight: (value: unknown) => boolean, expected: string): void => {
    const value = options[name];
    if (value !== undefined && !isRight(value))
      fail(`expected ${name} to be ${expected}, got ${show(value)}.`);
  };
  check('runInBackground', (value) => typeof value === 'boolean', 'a boolean');
  check('name', (value) => typeof value === 'string' && value.trim() !== '', 'a non-empty string');
  check('timeout', isDuration, 'a number of milliseconds from 1 to 2,147,483,647');
  check('when', (value) => typeof value === 'function', 'a function');
  if (types.isGeneratorFunction(options['when'])) {
    fail('expected when to be a function that returns true or false, got a generator function.');
  }
  check('onError', (value) => value === 'fail' || value === 'continue', '"fail" or "continue"');
  check('stream', (value) => value === 'hold' || value === 'pass', '"hold" or "pass"');
  check('on', isOutcomes, `a non-empty array of ${RUN_OUTCOMES.join(', ')}`);
  check(
    'retry',
    isRetry,
    '{ attempts, backoff? } with attempts a whole number from 2 on and backoff in milliseconds',
  );
}

/** Node's timers wrap round above this. */
const LONGEST_TIMEOUT = 2 ** 31 - 1;

function isDuration(value: unknown): boolean {
  return typeof value === 'number' && value >= 1 && value <= LONGEST_TIMEOUT;
}

function isOutcomes(value: unknown): boolean {
  return (
    Array.isArray(value) && value.length > 0 && value.every((item) => RUN_OUTCOMES.includes(item as never))
  );
}

function isRetry(value: unknown): boolean {
  if (!isRecord(value)) return false;
  const { attempts, backoff, ...others } = value;
  if (Object.keys(others).length > 0 || !Number.isInteger(attempts) || (attempts as number) < 2) return false;
  return backoff === undefined || backoff === 0 || isDuration(backoff);
}

function dropUndefined(options: Record<string, unknown>): Record<string, unknown> {
  return Object.fromEntries(Object.entries(options).filter(([, value]) => value !== undefined));
}

function show(value: unknown): string {
  return typeof value === 'object' && value !== null
    ? JSON.stringify(value)
    : `${String(value)} (${typeof value})`;
}
