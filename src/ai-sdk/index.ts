/**
 * Engines on the AI SDK. Needs the package `ai`, version 6 or 7.
 *
 * @module
 */
export { aiSdk } from './ai-sdk.engine.js';
export type { AiSdkCallSettings, AiSdkOptions, InstructionsFunction } from './ai-sdk.options.js';
export { DELEGATE_TOOL } from './delegate.tool.js';
export { agentAsJudge, type ModelAsJudgeOptions } from './model-as-judge.js';
export { runContextOf } from './run.tools.js';
export { ToolError } from './tool.error.js';
export { modelGuardrail, type ModelGuardrailModelOptions } from './ai-sdk.guardrail.js';
export { toUIMessageStream, type AgentOsUIMessage } from './ui-message.stream.js';
export type { UiMember, UiMessageMetadata, UiStep } from '../protocol/ui-messages.js';
