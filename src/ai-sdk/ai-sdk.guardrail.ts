import {
  modelGuardrail as engineGuardrail,
  type ModelGuardrailOptions,
} from '../guardrails/model.guardrail.js';
import type { PreHookContext } from '../hooks/hook.context.js';
import type { HookFunction } from '../hooks/hook.reference.js';
import { aiSdk } from './ai-sdk.engine.js';
import type { AiSdkOptions } from './ai-sdk.options.js';

/** The options of `modelGuardrail()` with a model in place of an engine. */
export interface ModelGuardrailModelOptions extends Omit<ModelGuardrailOptions, 'engine'> {
  /** Any model of the AI SDK. */
  readonly model: AiSdkOptions['model'];
}

/**
 * `modelGuardrail` of `nestjs-agentos/guardrails` with a model in place of an engine.
 *
 * @throws AgentOsConfigurationError if an option is invalid
 *
 * @example
 * ```ts
 * modelGuardrail({ model, policy: 'Only questions about orders and deliveries are allowed.' })
 * ```
 */
export function modelGuardrail({
  model,
  ...options
}: ModelGuardrailModelOptions): HookFunction<PreHookContext> {
  const instructions = 'You decide strictly by the policy that you are given.';
  return engineGuardrail({ ...options, engine: aiSdk({ model, instructions }) });
}
