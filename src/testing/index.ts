export type { ContractCase } from './contracts/contract.case.js';
export { evalStoreContract } from './contracts/eval-store.contract.js';
export {
  hookExecutorContract,
  type HookExecutorKind,
  type HookExecutorLimits,
} from './contracts/hook-executor.contract.js';
export { sessionStoreContract } from './contracts/session-store.contract.js';
export { blockEventLoop, type BlockOptions } from './event-loop.js';
export { ClientLeftError } from './exchange.js';
export {
  failingStore,
  FailingStore,
  type MethodOf,
  type StoreFault,
  type StoreFaultOptions,
} from './failing.store.js';
export { countedIds, fixedClock, type FixedClock } from './fixed.values.js';
export { createGate, type Gate } from './gate.js';
export { HeldHooks, type HeldHookSelector, type ReleaseOptions } from './held.hooks.js';
export { HookSpy, spyOnHooks, type HookSelector, type NextHookOptions, type SpiedRun } from './hook.spy.js';
export type { TestFile } from './encoded.form.js';
export { RunStream, type StreamedEvent } from './run.stream.js';
export {
  scriptedEngine,
  ScriptedEngine,
  ScriptOverError,
  type HangOptions,
  type ScriptedText,
  type ScriptedToolOptions,
} from './scripted.engine.js';
export {
  createTestAgentOs,
  TestAgentOs,
  type TestAgentOsOptions,
  type TestHookMode,
} from './test-agent-os.js';
export {
  createTestClient,
  TestClient,
  type PendingRun,
  type RunAnswer,
  type RunAnswerBody,
  type RunReference,
  type TestCall,
  type TestClientOptions,
  type TestReply,
  type TestRunOptions,
  TestSessions,
} from './test-client.js';
export { startProcess, TestProcess, type ProcessEnd, type TestProcessOptions } from './test-process.js';
