import { afterEach, describe, expect, it } from '@jest/globals';
import {
  Agent,
  defineHook,
  InputCheckError,
  OutputCheckError,
  type HookFailure,
  type PostHookContext,
  type PreHookContext,
} from 'nestjs-agentos';
import { createGate } from 'nestjs-agentos/testing';

import { inBackground } from '../support/background-hook.js';
import { FAILING_HOOKS } from '../support/failing-hooks.js';
import { raise } from '../support/raise.js';
import { ask, DOMAIN_SURFACES } from '../support/surfaces.js';
import { closeApps, startApp } from '../support/test-app.js';
import { recordUnhandledRejections } from '../support/unhandled-rejections.js';

afterEach(closeApps);

const failing = Object.entries(FAILING_HOOKS).map(([name, hook]) => ({ name, ...hook }));

describe.each(DOMAIN_SURFACES)('Failures in the background, on $adapter over $transport', (surface) => {
  it('G13: a background hook that throws, rejects or throws a non-Error is logged with run id, hook and component, recorded and reported; the hooks after it run, the process lives, the response is untouched', async () => {
    const unhandled = recordUnhandledRejections();
    const ran: string[] = [];
    const reported: HookFailure[] = [];
    const postHooks = failing.flatMap(({ name, hook }) => [
      inBackground(name, hook),
      inBackground(`after "${name}"`, () => void ran.push(name)),
    ]);
    const agent = new Agent({ id: 'support', engine: () => 'the answer', postHooks });
    const { url, agentOs, log } = await startApp({
      adapter: surface.adapter,
      agentOs: { agents: [agent], onHookError: (failure) => void reported.push(failure) },
    });

    const { status, text, body } = await ask(url, '/agents/support', 'hello', surface.transport);
    await agentOs.drain();

    expect([status, body.content, 'error_type' in body]).toEqual([200, 'the answer', false]);
    expect(text).not.toMatch(/spent|oops|cold/);
    expect(ran).toEqual(failing.map(({ name }) => name));
    const runId = String(body.run_id);
    expect(reported.map(({ error, execution }) => [execution.hook, execution.runId, error.message])).toEqual(
      failing.map(({ name, message }) => [name, runId, message]),
    );
    expect(log.messages('error')).toEqual(
      failing.map(
        ({ name, message }, index) =>
          `The background post-hook "${name}" (function postHooks[${2 * index}]) of agent "support" ` +
          `in run ${runId} failed: ${message}`,
      ),
    );
    const recorded = (await agentOs.executions.list({ runId, state: 'failed' })).reverse();
    expect(recorded.map(({ hook, errorName }) => [hook, errorName])).toEqual(
      failing.map(({ name, errorName }) => [name, errorName]),
    );
    expect(await unhandled.stop()).toEqual([]);
  });

  it('G13: a background hook that never settles is abandoned at its timeout: its signal is aborted, the next hook starts, and its later results are ignored', async () => {
    const unhandled = recordUnhandledRejections();
    const steps: string[] = [];
    const late = createGate();
    const comeBackLate = async ({ signal }: PostHookContext): Promise<void> => {
      signal.addEventListener('abort', () => steps.push(`aborted by ${(signal.reason as Error).name}`));
      await late.opened;
      throw new Error('too late');
    };
    const agent = new Agent({
      id: 'support',
      engine: () => 'the answer',
      postHooks: [
        inBackground('late', comeBackLate, { timeout: 20 }),
        inBackground('next', () => void steps.push('next')),
      ],
    });
    const { url, agentOs, log } = await startApp({
      adapter: surface.adapter,
      agentOs: {
        agents: [agent],
        onHookError: ({ error, execution }) => void steps.push(`${execution.state}: ${error.name}`),
      },
    });

    const { body } = await ask(url, '/agents/support', 'hello', surface.transport);
    await agentOs.drain();
    late.open();

    expect(await unhandled.stop()).toEqual([]);
    expect(body.content).toBe('the answer');
    expect(steps).toEqual(['aborted by HookTimeoutError', 'timed_out: HookTimeoutError', 'next']);
    expect(await agentOs.executions.counts()).toMatchObject({ timed_out: 1, succeeded: 1, failed: 0 });
    expect(log.messages('error')).toEqual([
      expect.stringMatching(/"late" .* of agent "support" in run .* did not finish within 20 ms/),
    ]);
  });
});

describe('Reports of failed hooks', () => {
  it('G13: onHookError is called once for each failed execution, and one that throws or rejects itself is contained', async () => {
    const unhandled = recordUnhandledRejections();
    const told: string[] = [];
    const agent = new Agent({
      id: 'support',
      engine: () => 'the answer',
      postHooks: [
        defineHook(() => raise(new Error('inline')), { name: 'inline', runInBackground: false }),
        inBackground('reporter throws', () => raise(new Error('first'))),
        inBackground('reporter rejects', () => raise(new Error('second'))),
        inBackground('fine', () => 'fine'),
        inBackground('unwanted', () => raise(new Error('never called')), { when: () => false }),
      ],
    });
    const onHookError = ({ execution }: HookFailure): void | Promise<void> => {
      told.push(execution.hook);
      if (execution.hook === 'reporter throws') throw new Error('no connection');
      if (execution.hook === 'reporter rejects') return Promise.reject(new Error('no answer'));
    };
    const { agentOs, log } = await startApp({ agentOs: { agents: [agent], onHookError } });

    const { runId, content } = await agentOs.run('support', 'hello');
    await agentOs.drain();

    expect(await unhandled.stop()).toEqual([]);
    expect(content).toBe('the answer');
    expect(told).toEqual(['inline', 'reporter throws', 'reporter rejects']);
    expect(log.messages('error').filter((message) => message.startsWith('onHookError'))).toEqual([
      `onHookError itself failed for ${runId}:post:reporter throws: no connection`,
      `onHookError itself failed for ${runId}:post:reporter rejects: no answer`,
    ]);
    expect(await agentOs.executions.counts()).toMatchObject({ failed: 3, succeeded: 1, skipped: 1 });
  });

  it('G15: a check error thrown in the background is reported as a guard that cannot guard, with the fix in the message', async () => {
    const attempts: string[] = [];
    const checkInput = ({ hook }: PreHookContext): never => {
      attempts.push(hook.name);
      throw new InputCheckError('no secrets');
    };
    const checkOutput = (): never => raise(new OutputCheckError('no advice'));
    const agent = new Agent({
      id: 'support',
      engine: () => 'the answer',
      preHooks: [inBackground('input', checkInput, { retry: { attempts: 3 } })],
      postHooks: [checkOutput],
    });
    const { url, agentOs, log } = await startApp({
      agentOs: { agents: [agent], runHooksInBackground: true },
    });

    const { status, body } = await ask(url, '/agents/support', 'hello', 'json');
    await agentOs.drain();

    expect([status, body.content, attempts]).toEqual([200, 'the answer', ['input']]);
    const fix =
      'but a background hook cannot reject the run: the response has been sent. Make it a @Guardrail(), or mark it @Hook(false).';
    const where = `of agent "support" in run ${String(body.run_id)}`;
    expect(log.messages('error')).toEqual([
      `The background pre-hook "input" (function checkInput) ${where} threw InputCheckError ("no secrets"), ${fix}`,
      `The background post-hook "checkOutput" (function checkOutput) ${where} threw OutputCheckError ("no advice"), ${fix}`,
    ]);
  });
});

describe('Retries of hooks', () => {
  it('G16: a retried hook keeps its execution id and gets fresh copies, and is retried before the next hook starts', async () => {
    const steps: string[] = [];
    const flaky = async ({ hook, runOutput }: PostHookContext): Promise<void> => {
      steps.push(`${hook.executionId} #${hook.attempt} sees ${runOutput.content}`);
      runOutput.content = 'spoiled';
      if (hook.attempt === 1) throw new Error('not yet');
      if (hook.attempt === 2) await new Promise(() => undefined);
    };
    const agent = new Agent({
      id: 'support',
      engine: () => 'the answer',
      postHooks: [
        inBackground('flaky', flaky, { retry: { attempts: 3, backoff: 1 }, timeout: 20 }),
        inBackground('next', () => void steps.push('next')),
      ],
    });
    const { agentOs, log } = await startApp({
      agentOs: { agents: [agent], onHookError: () => void steps.push('reported') },
    });

    const { runId } = await agentOs.run('support', 'hello');
    await agentOs.drain();

    const id = `${runId}:post:flaky`;
    expect(steps).toEqual([...[1, 2, 3].map((attempt) => `${id} #${attempt} sees the answer`), 'next']);
    expect(await agentOs.executions.list({ hook: 'flaky' })).toMatchObject([
      { id, state: 'succeeded', attempts: 3 },
    ]);
    expect(log.messages('error')).toEqual([]);
  });

  it('end in one report for a hook that fails in all its attempts, after the last one', async () => {
    const steps: string[] = [];
    const hopeless = ({ hook }: PostHookContext): never => {
      steps.push(`attempt ${hook.attempt}`);
      throw new Error('still broken');
    };
    const agent = new Agent({
      id: 'support',
      engine: () => 'the answer',
      postHooks: [
        inBackground('hopeless', hopeless, { retry: { attempts: 3, backoff: 1 } }),
        inBackground('next', () => void steps.push('next')),
      ],
    });
    const { agentOs, log } = await startApp({
      agentOs: { agents: [agent], onHookError: ({ execution }) => void steps.push(execution.state) },
    });

    const { runId } = await agentOs.run('support', 'hello');
    await agentOs.drain();

    expect(steps).toEqual(['attempt 1', 'attempt 2', 'attempt 3', 'failed', 'next']);
    expect(log.messages('error')).toEqual([
      `The background post-hook "hopeless" (function hopeless) of agent "support" in run ${runId} ` +
        'failed after 3 attempts: still broken',
    ]);
  });
});
