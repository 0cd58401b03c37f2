/**
 * The port of engines, for an engine of your own: its requests, the values that it may yield, and the events of runs.
 *
 * @module nestjs-agentos/engine
 */
export {
  Engine,
  type EngineEvent,
  type EngineFunction,
  type EngineLike,
  type EngineOutput,
  type EngineRequest,
  type EngineUsage,
  type EngineYield,
  type DelegateOptions,
  type LeaderRequest,
  type MemberAnswer,
  type ToolDescription,
} from '../components/engine.js';
export type { MessageRole } from '../model/message.js';
export type {
  RunEventBase,
  RunEventBody,
  BlockEventFields,
  BlockResultFields,
  RunErrorFields,
  IterationEventFields,
  StepBlock,
  StepIndex,
  StepPlace,
  StepPosition,
} from '../model/run-event.js';
export type { ModelIdentity } from '../model/run-output.js';
export type { RunSource } from '../model/run-source.js';
export type { FinishReason, ModelRequestMetrics, RunUsage } from '../model/run-usage.js';
export { textOfFile } from '../model/file.text.js';
