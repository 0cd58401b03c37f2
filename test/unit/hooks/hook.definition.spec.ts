import { describe, expect, it } from '@jest/globals';
import { AgentOsConfigurationError } from 'nestjs-agentos';

import { defineHookOf } from '../../../src/hooks/hook.definition.js';

type Decorator = Parameters<typeof defineHookOf>[0]['decorator'];

function define(decorator: Decorator, options: unknown): ReturnType<typeof defineHookOf> {
  return defineHookOf({ decorator, options: options as object }, 'Support.notify', 'notify');
}

const condition = (): boolean => true;

const TIMEOUT = 'expected timeout to be a number of milliseconds from 1 to 2,147,483,647';
const ON = 'expected on to be a non-empty array of completed, rejected, failed, cancelled';
const RETRY =
  'expected retry to be { attempts, backoff? } with attempts a whole number from 2 on and backoff in milliseconds';

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
    ['Hook', { on: ['completed', 'rejected', 'failed', 'cancelled'] }],
    ['Hook', { when: condition }],
    ['Hook', { onError: 'fail' }],
    ['Hook', { onError: 'continue' }],
    ['Guardrail', { name: 'other', timeout: 5, when: condition, stream: 'hold' }],
    ['Guardrail', { stream: 'pass' }],
  ])('accepts @%s(%j)', (decorator, options) => {
    expect(define(decorator, options)).toMatchObject(options);
  });

  it.each<[Decorator, unknown, string]>([
    ['Hook', null, 'expected options to be an object, got null (object).'],
    ['Hook', 'background', 'expected options to be an object, got background (string).'],
    ['Hook', [], 'expected options to be an object, got [].'],
    ['Hook', { runInBackground: 'yes' }, 'expected runInBackground to be a boolean, got yes (string).'],
    ['Hook', { runInBackground: null }, 'expected runInBackground to be a boolean, got null (object).'],
    ['Hook', { name: '' }, 'expected name to be a non-empty string, got  (string).'],
    ['Hook', { name: '  ' }, 'expected name to be a non-empty string, got    (string).'],
    ['Hook', { name: 5 }, 'expected name to be a non-empty string, got 5 (number).'],
    ['Hook', { timeout: 0 }, `${TIMEOUT}, got 0 (number).`],
    ['Hook', { timeout: NaN }, `${TIMEOUT}, got NaN (number).`],
    ['Hook', { timeout: Infinity }, `${TIMEOUT}, got Infinity (number).`],
    ['Hook', { timeout: 2 ** 31 }, `${TIMEOUT}, got 2147483648 (number).`],
    ['Hook', { timeout: '1000' }, `${TIMEOUT}, got 1000 (string).`],
    ['Hook', { when: true }, 'expected when to be a function, got true (boolean).'],
    [
      'Guardrail',
      { when: async function* () {} },
      'expected when to be a function that returns true or false, got a generator function.',
    ],
    ['Hook', { onError: 'ignore' }, 'expected onError to be "fail" or "continue", got ignore (string).'],
    ['Hook', { on: [] }, `${ON}, got [].`],
    ['Hook', { on: 'failed' }, `${ON}, got failed (string).`],
    ['Hook', { on: ['completed', 'COMPLETED'] }, `${ON}, got ["completed","COMPLETED"].`],
    ['Hook', { retry: 3 }, `${RETRY}, got 3 (number).`],
    ['Hook', { retry: {} }, `${RETRY}, got {}.`],
    ['Hook', { retry: { attempts: 1 } }, `${RETRY}, got {"attempts":1}.`],
    ['Hook', { retry: { attempts: 2.5 } }, `${RETRY}, got {"attempts":2.5}.`],
    ['Hook', { retry: { attempts: 3, backoff: -1 } }, `${RETRY}, got {"attempts":3,"backoff":-1}.`],
    ['Hook', { retry: { attempts: 3, backoff: '1' } }, `${RETRY}, got {"attempts":3,"backoff":"1"}.`],
    ['Hook', { retry: { attempts: 3, delay: 1 } }, `${RETRY}, got {"attempts":3,"delay":1}.`],
    ['Guardrail', { stream: 'later' }, 'expected stream to be "hold" or "pass", got later (string).'],
    ['Guardrail', { timeout: -5 }, `${TIMEOUT}, got -5 (number).`],
    [
      'Guardrail',
      { runInBackground: true },
      'a guardrail cannot run in the background, it would guard nothing. Remove runInBackground.',
    ],
  ])('refuses @%s(%j)', (decorator, options, problem) => {
    expect(() => define(decorator, options)).toThrow(
      new AgentOsConfigurationError(`@${decorator} on Support.notify: ${problem}`),
    );
  });

  it.each<[Decorator, string, string]>([
    ['Hook', 'background', 'runInBackground, name, timeout, retry, on, when, onError'],
    ['Hook', 'stream', 'runInBackground, name, timeout, retry, on, when, onError'],
    ...['retry', 'on', 'onError', 'runInBackground'].map((option): [Decorator, string, string] => [
      'Guardrail',
      option,
      'name, timeout, when, stream',
    ]),
  ])('refuses an option that @%s does not know: %s', (decorator, option, known) => {
    expect(() => define(decorator, { [option]: false })).toThrow(
      new AgentOsConfigurationError(
        `@${decorator} on Support.notify: unknown option "${option}". Known options: ${known}.`,
      ),
    );
  });
});
