import { describe, expect, it, jest } from '@jest/globals';
import { InputCheckError, type HookFailure } from 'nestjs-agentos';

import { HookFailureReporter } from '../../../src/hooks/hook-failure.reporter.js';
import { createExecution } from '../../support/hook-executions.js';
import { raise } from '../../support/raise.js';
import { RecordingLogger } from '../../support/recording-logger.js';
import { recordUnhandledRejections } from '../../support/unhandled-rejections.js';

function failureOf(error: Error, overrides: Parameters<typeof createExecution>[0] = {}): HookFailure {
  return {
    error,
    source: 'Support.notify',
    execution: createExecution({ hook: 'notify', attempts: 1, ...overrides }),
  };
}

describe('HookFailureReporter', () => {
  it('G13: the reporter logs run, hook, component and stack', () => {
    const log = new RecordingLogger();
    const error = new Error('no connection');
    new HookFailureReporter(log).report(failureOf(error));
    expect(log.entries).toEqual([
      {
        level: 'error',
        message:
          'The background post-hook "notify" (Support.notify) of agent "support" in run run failed: no connection',
        // The message is not repeated.
        stack: expect.stringMatching(/^\s+at /),
      },
    ]);
  });

  it('states the number of attempts', () => {
    const log = new RecordingLogger();
    new HookFailureReporter(log).report(failureOf(new Error('x'), { attempts: 3 }));
    expect(log.messages('error')[0]).toMatch(/ failed after 3 attempts: x$/);
  });

  it('G15: the reporter reports a check error in the background as a guard that cannot guard, with the fix', () => {
    const log = new RecordingLogger();
    const reporter = new HookFailureReporter(log);
    reporter.report(failureOf(new InputCheckError('secrets'), { phase: 'pre' }));
    reporter.report(failureOf(new InputCheckError('secrets'), { phase: 'pre', mode: 'inline' }));
    expect(log.messages('error')).toEqual([
      'The background pre-hook "notify" (Support.notify) of agent "support" in run run threw InputCheckError ("secrets"), ' +
        'but a background hook cannot reject the run: the response has been sent. Make it a @Guardrail(), or mark it @Hook(false).',
      'The inline pre-hook "notify" (Support.notify) of agent "support" in run run failed: secrets',
    ]);
  });

  it('gives the listener a copy of the record', () => {
    const told: HookFailure[] = [];
    const failure = failureOf(new Error('x'));
    new HookFailureReporter(new RecordingLogger(), (given) => void told.push(given)).report(failure);
    Object.assign(told[0]!.execution, { hook: 'changed' });
    expect([told[0]?.error, told[0]?.source, failure.execution.hook]).toEqual([
      failure.error,
      'Support.notify',
      'notify',
    ]);
  });

  it.each<[string, () => void | Promise<void>]>([
    ['throws', () => raise(new Error('pager is down'))],
    ['rejects', () => Promise.reject(new Error('pager is down'))],
  ])('survives an onHookError that %s, and logs it', async (_name, onHookError) => {
    const rejections = recordUnhandledRejections();
    const log = new RecordingLogger();
    new HookFailureReporter(log, onHookError).report(failureOf(new Error('x')));
    expect(await rejections.stop()).toEqual([]);
    expect(log.messages('error')[1]).toBe('onHookError itself failed for run:post:notify: pager is down');
  });

  it('survives a logger that throws, warns by other means, and still calls the listener', async () => {
    const warn = jest.spyOn(process, 'emitWarning').mockImplementation(() => undefined);
    const rejections = recordUnhandledRejections();
    const told: string[] = [];
    const broken = { error: () => raise(new Error('disk full')) };
    const onHookError = ({ error }: HookFailure): void => {
      told.push(error.message);
      throw new Error('pager is down');
    };
    new HookFailureReporter(broken, onHookError).report(failureOf(new Error('x')));
    expect([await rejections.stop(), told]).toEqual([[], ['x']]);
    expect(warn.mock.calls.flat()).toEqual([
      expect.stringMatching(/ failed: x \(The logger failed as well: disk full\)$/),
      'onHookError itself failed for run:post:notify: pager is down (The logger failed as well: disk full)',
    ]);
    warn.mockRestore();
  });
});
