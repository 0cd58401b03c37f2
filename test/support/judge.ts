import {
  agentAsJudge,
  type AgentAsJudgeOptions,
  type HookFunction,
  type PostHookContext,
} from 'nestjs-agentos';

/** A judge that finds everything polite. */
export function politeJudge(options: Partial<AgentAsJudgeOptions> = {}): HookFunction<PostHookContext> {
  const engine = (): string => JSON.stringify({ score: 9, reason: 'ok' });
  return agentAsJudge({ criteria: 'polite', engine, ...options });
}
