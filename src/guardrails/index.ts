export { piiGuardrail, type PiiGuardrailOptions } from './pii.guardrail.js';
export type { PiiType } from './pii.patterns.js';
export {
  promptInjectionGuardrail,
  type PromptInjectionGuardrailOptions,
} from './prompt-injection.guardrail.js';
