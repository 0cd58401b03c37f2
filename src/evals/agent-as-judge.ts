import { Agent } from '../components/agent.js';
import type { EngineLike } from '../components/engine.js';
import { AgentOsConfigurationError } from '../errors/agent-os-configuration.error.js';
import type { PostHookContext } from '../hooks/hook.context.js';
import { defineHook } from '../hooks/hook.functions.js';
import type { HookOptions } from '../hooks/hook.options.js';
import type { HookFunction } from '../hooks/hook.reference.js';
import { recordEvaluation } from '../runs/recorder.js';
import { currentScope } from '../runs/scope.js';
import { run } from '../runs/start.js';
import { showValue } from '../model/show-value.js';
import type { EvalStore, Evaluation } from '../sessions/eval.store.js';
import { judgePrompt } from './judge.prompt.js';
import { readVerdict, type Verdict } from './judge.verdict.js';
import { now } from '../model/clock.js';
import { newId } from '../model/ids.js';

/** The options of {@link agentAsJudge}. */
export interface AgentAsJudgeOptions extends Pick<
  HookOptions,
  'name' | 'runInBackground' | 'timeout' | 'retry' | 'on' | 'when'
> {
  /**
   * The judging engine. It gets the whole task as its input and answers with JSON, as text or as structured data:
   * `{ "score": 1..10, "reason": "…" }`, or `{ "passed": true | false, "reason": "…" }` with binary scoring.
   */
  readonly engine: EngineLike;
  /** The criteria of a good answer. */
  readonly criteria: string;
  /** A score from 1 to 10 (the default), or passed and not passed. */
  readonly scoring?: 'numeric' | 'binary';
  /** The lowest score that passes. Default 7. */
  readonly threshold?: number;
  /** Details the judge should heed. */
  readonly guidelines?: readonly string[];
  /** Called after the evaluation was stored, if the answer did not pass. */
  readonly onFail?: (evaluation: Evaluation, context: PostHookContext) => void | Promise<void>;
  /** The store of the evaluations. Default: the module's store; a direct run has none. */
  readonly store?: EvalStore;
}

/**
 * A post-hook that lets another engine judge the answer. The judged texts are passed as data, fenced by an unguessable
 * word. A judge that fails is a failed hook execution (retried as `retry` says), never a bad score. Its
 * own run is not stored, not streamed, and not judged again.
 *
 * @throws AgentOsConfigurationError if an option is not usable
 *
 * @example
 * ```ts
 * agentAsJudge({
 *   engine: aiSdk({ model }),
 *   criteria: 'The answer is polite and solves the problem.',
 *   runInBackground: true,
 *   when: sampled(0.1),
 *   retry: { attempts: 3 },
 * })
 * ```
 */
export function agentAsJudge(options: AgentAsJudgeOptions): HookFunction<PostHookContext> {
  checkOptions(options);
  const { engine, name = 'agentAsJudge', runInBackground, timeout, retry, on, when } = options;
  const judge = new Agent({ id: 'agent-as-judge', name, engine, historyRuns: 0 });
  const hookOptions = { name, runInBackground, timeout, retry, on, when };
  return defineHook<PostHookContext>((context) => evaluate(judge, options, context), hookOptions);
}

async function evaluate(judge: Agent, options: AgentAsJudgeOptions, context: PostHookContext): Promise<void> {
  const {
    scoring = 'numeric',
    threshold = 7,
    store = currentScope().hook?.environment.evals,
    onFail,
  } = options;
  const input = judgePrompt({ ...options, scoring }, context);
  const answer = await run({
    component: judge,
    input,
    options: { signal: context.signal },
    isStored: false,
  });
  const verdict = readVerdict(answer, scoring, threshold);
  const evaluation = evaluationOf(options, verdict, context);
  if (store) await recordEvaluation(store, evaluation);
  if (!evaluation.passed) await onFail?.(evaluation, context);
}

function evaluationOf(
  { name = 'agentAsJudge', criteria, scoring = 'numeric', threshold = 7 }: AgentAsJudgeOptions,
  verdict: Verdict,
  { runInput, runOutput, component }: PostHookContext,
): Evaluation {
  const { kind, id, name: componentName } = component;
  return {
    id: newId(),
    runId: runOutput.runId,
    sessionId: runOutput.sessionId,
    ...(runOutput.userId === undefined ? {} : { userId: runOutput.userId }),
    component: { kind, id, name: componentName },
    ...(runOutput.model ? { model: runOutput.model } : {}),
    name,
    criteria,
    scoring,
    ...(scoring === 'numeric' ? { threshold } : {}),
    ...verdict,
    input: runInput.content,
    output: runOutput.content,
    createdAt: now(),
  };
}

const OPTIONS: readonly (keyof AgentAsJudgeOptions)[] = [
  ...(['name', 'runInBackground', 'timeout', 'retry', 'on', 'when'] as const),
  ...(['engine', 'criteria', 'scoring', 'threshold', 'guidelines', 'onFail', 'store'] as const),
];

function checkOptions(options: AgentAsJudgeOptions): void {
  const given: unknown = options;
  if (typeof given !== 'object' || given === null)
    throw new AgentOsConfigurationError(`agentAsJudge: expected an options object, got ${showValue(given)}.`);
  const unknown = Object.keys(given).find((key) => !(OPTIONS as readonly string[]).includes(key));
  if (unknown !== undefined)
    throw new AgentOsConfigurationError(
      `agentAsJudge: unknown option "${unknown}". Known options: ${OPTIONS.join(', ')}.`,
    );
  const { criteria, scoring = 'numeric', threshold = 7, onFail, guidelines = [] } = options;
  if (onFail !== undefined && typeof onFail !== 'function')
    throw new AgentOsConfigurationError(
      `agentAsJudge: expected onFail to be a function, got ${showValue(onFail)}.`,
    );
  if (!Array.isArray(guidelines) || guidelines.some((line) => typeof line !== 'string'))
    throw new AgentOsConfigurationError('agentAsJudge: expected guidelines to be an array of texts.');
  if (typeof criteria !== 'string' || criteria.trim() === '') {
    throw new AgentOsConfigurationError('agentAsJudge: expected criteria to say what a good answer is.');
  }
  if (scoring !== 'numeric' && scoring !== 'binary') {
    throw new AgentOsConfigurationError(
      `agentAsJudge: expected scoring to be "numeric" or "binary", got ${JSON.stringify(scoring)}.`,
    );
  }
  if (typeof threshold !== 'number' || !(threshold >= 1 && threshold <= 10)) {
    throw new AgentOsConfigurationError(
      `agentAsJudge: expected threshold to be from 1 to 10, got ${showValue(threshold)}.`,
    );
  }
}
