import { BadRequestException, HttpException } from '@nestjs/common';
import { describe, expect, it } from '@jest/globals';
import {
  GuardrailFailedError,
  HookFailedError,
  InputCheckError,
  OutputCheckError,
  RunCancelledError,
  RunFailedError,
  RunHttpError,
} from 'nestjs-agentos';

import { judgeInlineHookError } from '../../../src/hooks/inline-hook.verdict.js';
import { bindTestHook, type TestHookOptions } from '../../support/hook-harness.js';

function judge(thrown: unknown, { phase = 'pre', ...options }: TestHookOptions = {}): unknown[] {
  const hook = bindTestHook(() => undefined, phase, { name: 'check', ...options });
  const { isRejection, ends } = judgeInlineHookError(hook, thrown);
  return [isRejection ? 'rejected' : 'failed', ends?.constructor];
}

const SURVIVES = ['failed', undefined];

describe('judgeInlineHookError()', () => {
  it('G14: check errors end the run as they are, whatever the hook and its onError', () => {
    const errors = [new InputCheckError('no'), new OutputCheckError('no')];
    const verdicts = errors.flatMap((error) => [
      judge(error),
      judge(error, { phase: 'post', onError: 'continue' }),
      judge(error, { guardrail: true }),
    ]);
    expect(verdicts).toEqual([
      ...Array.from({ length: 3 }, () => ['rejected', InputCheckError]),
      ...Array.from({ length: 3 }, () => ['rejected', OutputCheckError]),
    ]);
  });

  it('G14: an HttpException ends the run and keeps its status and body', () => {
    const hook = bindTestHook(() => undefined, 'post', { onError: 'continue' });
    const thrown = new HttpException({ code: 'quota', left: 0 }, 429);
    const { isRejection, ends } = judgeInlineHookError(hook, thrown);
    expect(ends).toBeInstanceOf(RunHttpError);
    expect([isRejection, ends?.getStatus(), ends?.getResponse(), ends?.cause]).toEqual([
      true,
      429,
      { code: 'quota', left: 0 },
      thrown,
    ]);
    expect(judge(new BadRequestException(), { guardrail: true })).toEqual(['rejected', RunHttpError]);
  });

  it('G14: a guardrail that throws ends the run, without its cause in the texts for clients', () => {
    const hook = bindTestHook(() => undefined, 'post', { guardrail: true, name: 'pii' });
    const cause = new Error('password=hunter2');
    const { isRejection, ends } = judgeInlineHookError(hook, cause);
    expect([isRejection, ends?.constructor, ends?.code, ends?.getStatus(), ends?.cause]).toEqual([
      false,
      GuardrailFailedError,
      'guardrail_failed',
      500,
      cause,
    ]);
    expect(JSON.stringify([ends?.getResponse(), ends?.publicMessage])).not.toContain('hunter2');
  });

  it('G14: any other error of a pre-hook ends the run, unless its options let it continue', () => {
    expect([
      judge(new Error('x')),
      judge(new Error('x'), { onError: 'fail' }),
      judge(new Error('x'), { onError: 'continue' }),
    ]).toEqual([['failed', HookFailedError], ['failed', HookFailedError], SURVIVES]);
  });

  it('G14: any other error of a post-hook lets the run continue, unless its options let it fail', () => {
    expect([
      judge(new Error('x'), { phase: 'post' }),
      judge(new Error('x'), { phase: 'post', onError: 'continue' }),
      judge(new Error('x'), { phase: 'post', onError: 'fail' }),
    ]).toEqual([SURVIVES, SURVIVES, ['failed', HookFailedError]]);
  });

  it.each([undefined, null, 'text', 0, Symbol('s'), { status: 400 }])(
    'treats %p that was thrown as a failure, never as a rejection',
    (thrown) => {
      expect([judge(thrown), judge(thrown, { guardrail: true }), judge(thrown, { phase: 'post' })]).toEqual([
        ['failed', HookFailedError],
        ['failed', GuardrailFailedError],
        SURVIVES,
      ]);
    },
  );

  it('treats the failure of another run that the hook had started as a failure of the hook, not as a verdict', () => {
    const errors = [
      new RunFailedError('The engine of agent "judge" failed.', undefined),
      new RunCancelledError('cancelled'),
      new RunHttpError(new HttpException('quota', 429)),
    ];
    expect(
      errors.map((error) => [judge(error, { guardrail: true }), judge(error, { phase: 'post' })]),
    ).toEqual(errors.map(() => [['failed', GuardrailFailedError], SURVIVES]));
  });
});
