import { z } from 'zod';

import { Agent } from '../components/agent.js';
import type { EngineLike } from '../components/engine.js';
import { engineOption } from '../components/engine.options.js';
import type { PostHookContext } from '../hooks/hook.context.js';
import { HOOK_CHECKS } from '../hooks/hook.definition.js';
import { defineJudge } from '../hooks/hook.functions.js';
import type { HookOptions } from '../hooks/hook.options.js';
import type { HookFunction } from '../hooks/hook.reference.js';
import { recordEvaluation } from '../runs/recorder.js';
import { currentScope } from '../runs/scope.js';
import { run } from '../runs/start.js';
import { checkOptions } from '../options/check.options.js';
import { functionOf, instanceOf, oneOf, optionsOf, text, valueOf } from '../options/option.schemas.js';
import { EvalStore, type Evaluation } from '../sessions/eval.store.js';
import type { ComponentIdentity } from '../model/component-identity.js';
import type { RunOutput } from '../model/run-output.js';
import { judgePrompt, type JudgeTask } from './judge.prompt.js';
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

const OPTIONS = optionsOf<AgentAsJudgeOptions>()({
  name: HOOK_CHECKS.name.default('agentAsJudge'),
  runInBackground: HOOK_CHECKS.runInBackground,
  timeout: HOOK_CHECKS.timeout,
  retry: HOOK_CHECKS.retry,
  on: HOOK_CHECKS.on,
  when: HOOK_CHECKS.when,
  engine: engineOption<EngineLike>(),
  criteria: text('a text that says what a good answer is'),
  scoring: oneOf('numeric', 'binary').default('numeric'),
  threshold: z.number().min(1).max(10).describe('a number from 1 to 10').default(7),
  guidelines: z
    .array(valueOf<string>('a text', (value) => typeof value === 'string'))
    .describe('an array of texts')
    .readonly()
    .optional(),
  onFail: functionOf<NonNullable<AgentAsJudgeOptions['onFail']>>().optional(),
  store: instanceOf(EvalStore).optional(),
});

type JudgeOptions = z.output<typeof OPTIONS>;

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
export function agentAsJudge(given: AgentAsJudgeOptions): HookFunction<PostHookContext> {
  const options = checkOptions('agentAsJudge()', OPTIONS, given);
  const { engine, name, runInBackground, timeout, retry, on, when } = options;
  const judge = new Agent({ id: 'agent-as-judge', name, engine, historyRuns: 0 });
  const hookOptions = { name, runInBackground, timeout, retry, on, when };
  const hook = defineJudge<PostHookContext>((context) => evaluate(judge, options, context), hookOptions);
  judges.set(hook, judge);
  return hook;
}

/** The agent that judges for a hook. */
export type Judge = Agent;

/** The judges by the hooks that {@link agentAsJudge} has made. */
const judges = new WeakMap<object, Judge>();

/** The judge of a hook, if the hook is one of {@link agentAsJudge}. */
export function judgeOf(hook: object): Judge | undefined {
  return judges.get(hook);
}

/**
 * Has a judge evaluate an answer outside of a hook. The judge runs by itself: without hooks, session and index.
 *
 * @returns undefined if the judge gives no verdict
 * @throws AgentRunError if the judge's run does not complete
 */
export async function evaluateAnswer(
  judge: Judge,
  task: JudgeTask & Pick<JudgeOptions, 'name' | 'threshold'>,
  { input, output }: { readonly input: string; readonly output: RunOutput },
  signal: AbortSignal,
): Promise<Evaluation | undefined> {
  const runInput = { content: input };
  const { component } = output;
  const answer = await judge.run(judgePrompt(task, { runInput, runOutput: output }), { signal });
  const verdict = verdictOf(answer, task);
  return verdict && evaluationOf(task, verdict, { runInput, runOutput: output, component });
}

function verdictOf(
  answer: RunOutput,
  { scoring, threshold }: Pick<JudgeOptions, 'scoring' | 'threshold'>,
): Verdict | undefined {
  try {
    return readVerdict(answer, scoring, threshold);
  } catch (thrown) {
    if (thrown instanceof TypeError) return undefined;
    throw thrown;
  }
}

async function evaluate(judge: Agent, options: JudgeOptions, context: PostHookContext): Promise<void> {
  const { scoring, threshold, store = currentScope().hook?.environment.evals, onFail } = options;
  const input = judgePrompt(options, context);
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
  { name, criteria, scoring, threshold }: Pick<JudgeOptions, 'name' | 'criteria' | 'scoring' | 'threshold'>,
  verdict: Verdict,
  {
    runInput,
    runOutput,
    component,
  }: Pick<PostHookContext, 'runInput' | 'runOutput'> & {
    readonly component: ComponentIdentity;
  },
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
