import { agentAsJudge as engineAsJudge, type AgentAsJudgeOptions } from '../evals/agent-as-judge.js';
import type { PostHookContext } from '../hooks/hook.context.js';
import type { HookFunction } from '../hooks/hook.reference.js';
import { aiSdk } from './ai-sdk.engine.js';
import type { AiSdkOptions } from './ai-sdk.options.js';

/** The options of `agentAsJudge()` with a model as the judge. */
export interface ModelAsJudgeOptions extends Omit<AgentAsJudgeOptions, 'engine'> {
  /** Any model of the AI SDK. */
  readonly model: AiSdkOptions['model'];
}

/**
 * `agentAsJudge` of the main entry with a model in place of an engine.
 *
 * @throws AgentOsConfigurationError if an option is invalid
 *
 * @example
 * ```ts
 * agentAsJudge({ model, criteria: 'The answer is polite.', runInBackground: true, when: sampled(0.1) })
 * ```
 */
export function agentAsJudge({ model, ...options }: ModelAsJudgeOptions): HookFunction<PostHookContext> {
  const instructions = 'You judge answers of assistants, strictly by the criteria that you are given.';
  return engineAsJudge({ ...options, engine: aiSdk({ model, instructions }) });
}
