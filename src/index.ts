export { AgentOsModule } from './agent-os.module.js';
export type {
  AgentOsExtras,
  AgentOsHttpOptions,
  AgentOsOptions,
  AgentOsRouteOptions,
} from './agent-os.options.js';
export { AgentOsService } from './agent-os.service.js';

export { Agent, type AgentOptions } from './components/agent.js';
export type { Component, ComponentOptions } from './components/component.js';
export type { TeamMode } from './components/engine.js';
export { Team, type TeamOptions } from './components/team/team.js';
export { condition, type ConditionOptions } from './components/workflow/condition.js';
export { loop, type LoopOptions } from './components/workflow/loop.js';
export { parallel } from './components/workflow/parallel.js';
export { router, type RouterOptions } from './components/workflow/router.js';
export { step, type StepOptions } from './components/workflow/step.js';
export type { StepFunction, StepRequest, StepResult } from './components/workflow/step.request.js';
export { Workflow, type WorkflowOptions } from './components/workflow/workflow.js';

export { AgentOsConfigurationError } from './errors/agent-os-configuration.error.js';
export { AgentRunError } from './errors/agent-run.error.js';
export {
  CheckError,
  InputCheckError,
  OutputCheckError,
  type CheckErrorOptions,
  type CheckTrigger,
} from './errors/check.errors.js';
export { ComponentNotFoundError } from './errors/component-not-found.error.js';
export { HookTimeoutError } from './errors/hook-timeout.error.js';
export { RunNotStoredError } from './errors/run-not-stored.error.js';
export { TooManyRunsError } from './errors/too-many-runs.error.js';
export type { RunInFlight } from './runs/in-flight-runs.js';
export type { RunWait } from './runs/run.view.js';
export { StoreTimeoutError } from './errors/store-timeout.error.js';
export { PlainDataError } from './data/plain-data.error.js';
export {
  GuardrailFailedError,
  HookFailedError,
  HooksNotStoredError,
  ProviderError,
  RunCancelledError,
  RunShutDownError,
  RunTimeoutError,
  RunFailedError,
  RunHttpError,
  StepFailedError,
} from './errors/run.errors.js';

export { agentAsJudge, type AgentAsJudgeOptions } from './evals/agent-as-judge.js';

export type { HookErrorHandler, HookFailure } from './hooks/hook-failure.reporter.js';
export type { HookInfo, PostHookContext, PreHookContext } from './hooks/hook.context.js';
export { Guardrail, Hook } from './hooks/hook.decorators.js';
export { defineGuardrail, defineHook } from './hooks/hook.functions.js';
export type {
  GuardrailOptions,
  HookCondition,
  HookKey,
  HookOptions,
  HookRetryOptions,
} from './hooks/hook.options.js';
export {
  hookRef,
  HookReference,
  type HookClass,
  type HookFunction,
  type HookLike,
  type HookReferenceOptions,
} from './hooks/hook.reference.js';
export { sampled } from './hooks/sampled.js';

export type { ComponentIdentity, ComponentKind } from './model/component-identity.js';
export type { Message } from './model/message.js';
export type { PlainRecord, RunContext } from './model/run-context.js';
export type { RunEvent } from './model/run-event.js';
export type { RunFile, RunFileKind, RunInput } from './model/run-input.js';
export type { RunOutcome, RunOutput, RunStatus, StepOutput } from './model/run-output.js';
export type { RunMetrics } from './model/run-usage.js';
export type { ToolExecution } from './model/tool-execution.js';
export type { RunnableComponent, RunOptions } from './model/runnable-component.js';
export type { Session } from './model/session.js';

export type { RunErrorHandler, RunFailure } from './runs/outcome.js';
export { AgentOsInterceptor } from './runs/background/agent-os.interceptor.js';
export {
  InMemorySessionStore,
  type InMemorySessionStoreOptions,
} from './sessions/in-memory-session.store.js';
export { InMemoryEvalStore, type InMemoryEvalStoreOptions } from './sessions/in-memory-eval.store.js';
