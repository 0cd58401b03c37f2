import { describe, expect, it } from '@jest/globals';
import { AgentOsConfigurationError } from 'nestjs-agentos';

import { defineHookOf } from '../../../src/hooks/hook.definition.js';

type Decorator = Parameters<typeof defineHookOf>[0]['decorator'];

function define(decorator: Decorator, options: unknown): ReturnType<typeof defineHookOf> {
  return defineHookOf({ decorator, options: options as object }, 'Support.notify', 'notify');
}

const condition = (): boolean => true;

const TIMEOUT = 'expected timeout to be a number of milliseconds from 1 to 2147483647';
const OUTCOMES = '"completed", "rejected", "failed" or "cancelled"';
const ATTEMPTS = 'expected retry.attempts to be a whole number from 2 on';
const BACKOFF = 'expected retry.backoff to be a number of milliseconds from 0 to 2147483647';

describe('defineHookOf()', () => {
  it('adds the default name and whether it is a guardrail, and nothing else', () => {
    expect([define('Hook', {}), define('Guardrail', {})]).toEqual([
      { name: 'notify', isGuardrail: false },
      { name: 'notify', isGuardrail: true },
    ]);
  });

  it('leaves out options that are undefined, so that they do not hide defaults', () => {
    expect(define('Hook', { name: undefined, timeout: undefined, runInBackground: undefined })).toStrictEqual(
      {
        name: 'notify',
        isGuardrail: false,
      },
    );
  });

  it.each<[Decorator, object]>([
    ['Hook', { runInBackground: true }],
    ['Hook', { runInBackground: false }],
    ['Hook', { name: 'other' }],
    ['Hook', { timeout: 1 }],
    ['Hook', { timeout: 2 ** 31 - 1 }],
    ['Hook', { retry: { attempts: 2 } }],
    ['Hook', { retry: { attempts: 10, backoff: 0 } }],
    ['Hook', { retry: { attempts: 3, backoff: 2 ** 31 - 1 } }],
    ['Hook', { concurrency: 1 }],
    ['Hook', { rate: { max: 1, per: 1 } }],
    ['Hook', { concurrency: 5, rate: { max: 100, per: 60_000 } }],
    ['Hook', { on: ['completed', 'rejected', 'failed', 'cancelled'] }],
    ['Hook', { when: condition }],
    ['Hook', { onError: 'fail' }],
    ['Hook', { onError: 'continue' }],
    ['Guardrail', { name: 'other', timeout: 5, when: condition, stream: 'hold' }],
    ['Guardrail', { stream: 'pass' }],
  ])('accepts the options @%s(%j)', (decorator, options) => {
    expect(define(decorator, options)).toMatchObject(options);
  });

  it.each<[Decorator, unknown, string]>([
    ['Hook', null, 'expected an object of options, got null.'],
    ['Hook', 'background', 'expected an object of options, got "background".'],
    ['Hook', [], 'expected an object of options, got an empty array.'],
    ['Hook', { runInBackground: 'yes' }, 'expected runInBackground to be true or false, got "yes".'],
    ['Hook', { runInBackground: null }, 'expected runInBackground to be true or false, got null.'],
    ['Hook', { name: '' }, 'expected name to be a text that is not empty, got "".'],
    ['Hook', { name: '  ' }, 'expected name to be a text that is not empty, got "  ".'],
    ['Hook', { name: 5 }, 'expected name to be a text that is not empty, got 5 (number).'],
    ['Hook', { timeout: 0 }, `${TIMEOUT}, got 0 (number).`],
    ['Hook', { timeout: NaN }, `${TIMEOUT}, got NaN (number).`],
    ['Hook', { timeout: Infinity }, `${TIMEOUT}, got Infinity (number).`],
    ['Hook', { timeout: 2 ** 31 }, `${TIMEOUT}, got 2147483648 (number).`],
    ['Hook', { timeout: '1000' }, `${TIMEOUT}, got "1000".`],
    [
      'Hook',
      { when: true },
      'expected when to be a function that returns true or false, got true (boolean).',
    ],
    [
      'Guardrail',
      { when: async function* () {} },
      'expected when to be a function that returns true or false, got a generator function.',
    ],
    ['Hook', { onError: 'ignore' }, 'expected onError to be "fail" or "continue", got "ignore".'],
    ['Hook', { on: [] }, `expected on to be a non-empty array of ${OUTCOMES}, got an empty array.`],
    ['Hook', { on: 'failed' }, `expected on to be a non-empty array of ${OUTCOMES}, got "failed".`],
    ['Hook', { on: ['completed', 'COMPLETED'] }, `expected on[1] to be ${OUTCOMES}, got "COMPLETED".`],
    ['Hook', { retry: 3 }, 'expected retry to be { attempts, backoff? }, got 3 (number).'],
    ['Hook', { retry: {} }, `${ATTEMPTS}, got undefined.`],
    ['Hook', { retry: { attempts: 1 } }, `${ATTEMPTS}, got 1 (number).`],
    ['Hook', { retry: { attempts: 2.5 } }, `${ATTEMPTS}, got 2.5 (number).`],
    ['Hook', { retry: { attempts: 3, backoff: -1 } }, `${BACKOFF}, got -1 (number).`],
    ['Hook', { retry: { attempts: 3, backoff: '1' } }, `${BACKOFF}, got "1".`],
    [
      'Hook',
      { retry: { attempts: 3, delay: 1 } },
      'unknown option "delay" in retry. Known options: attempts, backoff.',
    ],
    ['Hook', { concurrency: 0 }, 'expected concurrency to be a whole number from 1 on, got 0 (number).'],
    ['Hook', { concurrency: '2' }, 'expected concurrency to be a whole number from 1 on, got "2".'],
    ['Hook', { rate: 5 }, 'expected rate to be { max, per }, got 5 (number).'],
    [
      'Hook',
      { rate: { max: 5 } },
      'expected rate.per to be a number of milliseconds from 1 to 2147483647, got undefined.',
    ],
    ['Hook', { rate: { per: 5 } }, 'expected rate.max to be a whole number from 1 on, got undefined.'],
    [
      'Hook',
      { rate: { max: 0, per: 5 } },
      'expected rate.max to be a whole number from 1 on, got 0 (number).',
    ],
    ['Hook', { rate: { max: 1, every: 5 } }, 'unknown option "every" in rate. Known options: max, per.'],
    ['Guardrail', { stream: 'later' }, 'expected stream to be "hold" or "pass", got "later".'],
    ['Guardrail', { timeout: -5 }, `${TIMEOUT}, got -5 (number).`],
    [
      'Guardrail',
      { runInBackground: true },
      'a guardrail cannot run in the background, it would guard nothing. Remove runInBackground.',
    ],
  ])('refuses the options @%s(%j)', (decorator, options, problem) => {
    expect(() => define(decorator, options)).toThrow(
      new AgentOsConfigurationError(`@${decorator} on Support.notify: ${problem}`),
    );
  });

  it.each<[Decorator, string, string]>([
    [
      'Hook',
      'background',
      'runInBackground, name, timeout, retry, concurrency, rate, key, on, when, onError',
    ],
    ['Hook', 'stream', 'runInBackground, name, timeout, retry, concurrency, rate, key, on, when, onError'],
    ...['retry', 'concurrency', 'rate', 'key', 'on', 'onError', 'runInBackground'].map(
      (option): [Decorator, string, string] => ['Guardrail', option, 'name, timeout, when, stream'],
    ),
  ])('refuses an option that @%s does not know: %s', (decorator, option, known) => {
    expect(() => define(decorator, { [option]: false })).toThrow(
      new AgentOsConfigurationError(
        `@${decorator} on Support.notify: unknown option "${option}". Known options: ${known}.`,
      ),
    );
  });
});
