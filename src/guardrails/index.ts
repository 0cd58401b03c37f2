export type { InspectionOptions } from './inspection.js';
export { piiGuardrail, type PiiGuardrailOptions, type PiiType } from './pii.guardrail.js';
export {
  promptInjectionGuardrail,
  type PromptInjectionGuardrailOptions,
} from './prompt-injection.guardrail.js';
export type { GuardedSurface } from './run.surfaces.js';
