export type { AskingGuardrailOptions } from './asking.guardrail.js';
export type { InspectionOptions } from './inspection.js';
export { piiGuardrail, type PiiGuardrailOptions, type PiiType } from './pii.guardrail.js';
export {
  promptInjectionGuardrail,
  type PromptInjectionGuardrailOptions,
} from './prompt-injection.guardrail.js';
export type { GuardedSurface } from './run.surfaces.js';
export { modelGuardrail, type ModelGuardrailOptions } from './model.guardrail.js';
export { moderationGuardrail, type ModerationGuardrailOptions } from './moderation.guardrail.js';
