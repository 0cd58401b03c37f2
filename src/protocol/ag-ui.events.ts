import { toJsonValue } from '../data/to-json-value.js';
import { withoutUndefined } from '../data/without-undefined.js';
import type { HookExecution } from '../execution/hook-execution.js';
import type { ComponentIdentity } from '../model/component-identity.js';
import type { PlainRecord } from '../model/run-context.js';
import type { RunErrorFields, RunEvent } from '../model/run-event.js';
import type { RunOutput, StepOutput } from '../model/run-output.js';
import { tokensOf } from '../model/run-usage.js';
import { addUsage } from '../sessions/session.usage.js';
import type { SessionUsage } from '../sessions/session.store.js';
import { AgUiAnswer } from './ag-ui.answer.js';
import { AG_UI_VERSION, type AgUiEvent, type AgUiHook, type AgUiUsage } from './ag-ui.js';
import { toJsonPatch } from './json.patch.js';
import { toJsonObject } from './schema.js';

type EventOf<T extends RunEvent['type']> = Extract<RunEvent, { readonly type: T }>;
type AgUiEventOf<T extends AgUiEvent['type']> = Extract<AgUiEvent, { readonly type: T }>;

/** The request of a client, as far as the events repeat it or depend on it. */
export interface AgUiRequest {
  /** The client's name of the session. */
  readonly threadId: string;
  /** The client's name of the run. */
  readonly runId: string;
  /** Absent: a version before 1.0, which does not know subagents. The members of a team are steps for it. */
  readonly protocolVersion?: string | undefined;
  /** The state that the client has. */
  readonly state?: unknown;
}

/** Data of the run that its events do not carry. */
export interface AgUiSurroundings {
  /** The state of the session at this moment. */
  readonly sessionState: PlainRecord;
  /** The background hooks of the run and of the runs below it. */
  readonly backgroundHooks: readonly HookExecution[];
}

/**
 * Turns the events of a run into those of AG-UI: its answer as messages and calls of tools, runs below it as subagents with
 * answers of their own; changes of the session's state, steps of a workflow and hooks.
 */
export class AgUiEvents {
  readonly #request: AgUiRequest;
  #rootId: string | undefined;
  #isStarted = false;
  #isEnded = false;
  /** The answers of the run and of the runs below it that are shown, by the ids of the runs. */
  readonly #answers = new Map<string, AgUiAnswer>();
  /** The names of open steps as clients know them, by the ids of the steps. */
  readonly #steps = new Map<string, string>();
  /** The runs below that have started, and whether they have ended. */
  readonly #subagents = new Map<string, 'open' | 'ended'>();
  /** The states of hooks in the background as the client knows them, by the ids of their executions. */
  readonly #hooks = new Map<string, HookExecution['state']>();
  /** The state that the client has. */
  #state: unknown;
  #hasSnapshot = false;

  constructor(request: AgUiRequest) {
    this.#request = request;
    this.#state = request.state ?? {};
  }

  /** The events for the next event of the run. */
  take(event: RunEvent, surroundings?: AgUiSurroundings): readonly AgUiEvent[] {
    if (this.#isEnded) return [];
    const rootId = (this.#rootId ??= event.runId);
    const isOwn = event.runId === rootId;
    // A run that was cancelled early, say, has only a last event.
    const started = this.#start(rootId);
    const hooks = surroundings ? this.#toHooks(surroundings.backgroundHooks) : [];
    const events = isOwn ? this.#takeOwn(event) : this.#takeBelow(event, rootId);
    const state = changesState(event, isOwn) && surroundings ? this.#toState(surroundings.sessionState) : [];
    return [...started, ...hooks, ...events, ...state];
  }

  /** The events of a stream that broke: only the server knows why. */
  breakOff(): readonly AgUiEvent[] {
    if (this.#isEnded) return [];
    this.#isEnded = true;
    return [{ type: 'RUN_ERROR', message: 'Internal Server Error' }];
  }

  #takeOwn(event: RunEvent): readonly AgUiEvent[] {
    switch (event.type) {
      case 'step-started':
        return [this.#startStep(event, 'step')];
      case 'block-started':
        return [this.#startStep(event, event.block)];
      case 'step-completed':
      case 'block-completed':
        return this.#endStep(event.stepId, {
          ...stepOf(event, event.output.type),
          ...resultOf(event.output),
        });
      case 'pre-hook-started':
      case 'post-hook-started':
      case 'pre-hook-completed':
      case 'post-hook-completed':
        return [toHookEvent(inlineHookOf(event))];
      case 'run-completed':
        return this.#complete(event);
      case 'run-cancelled':
        return this.#cancel(event);
      case 'run-error':
        return this.#fail(event);
      default:
        return this.#answerOf(event.runId).take(event);
    }
  }

  /** A run below the root. Clients of older versions do not see that of a step: they see the step. */
  #takeBelow(event: RunEvent, rootId: string): readonly AgUiEvent[] {
    const { runId, parentRunId, step } = event;
    const isStep = parentRunId === rootId && step?.workflowRunId === rootId;
    if (isStep && !this.#knowsSubagents) return [];
    switch (event.type) {
      case 'run-started':
        return this.#startSubagent(event);
      case 'run-completed':
        return this.#completeSubagent(event);
      case 'run-cancelled':
        return this.#endSubagent(runId, subagentError(runId, 'The run was stopped.', 'run_cancelled'));
      case 'run-error':
        return this.#endSubagent(runId, subagentError(runId, event.content, event.errorType));
      case 'pre-hook-started':
      case 'post-hook-started':
      case 'pre-hook-completed':
      case 'post-hook-completed':
        return [toHookEvent(inlineHookOf(event))];
      default:
        return this.#isOpen(runId) ? this.#answerOf(runId).take(event) : [];
    }
  }

  /** Whether the pieces of the answer of this run below can be shown as its own. */
  #isOpen(runId: string): boolean {
    return this.#knowsSubagents && this.#subagents.get(runId) === 'open';
  }

  get #knowsSubagents(): boolean {
    return this.#request.protocolVersion !== undefined;
  }

  #answerOf(runId: string): AgUiAnswer {
    const known = this.#answers.get(runId);
    if (known) return known;
    const answer = new AgUiAnswer(runId, runId === this.#rootId ? {} : { subagentRunId: runId });
    this.#answers.set(runId, answer);
    return answer;
  }

  #start(agentOsRunId: string): readonly AgUiEvent[] {
    if (this.#isStarted) return [];
    this.#isStarted = true;
    const { threadId, runId } = this.#request;
    const metadata = { agentOs: { runId: agentOsRunId } };
    return [{ type: 'RUN_STARTED', threadId, runId, protocolVersion: AG_UI_VERSION, metadata }];
  }

  // ---- steps, and runs below ----

  #startStep(event: EventOf<'step-started' | 'block-started'>, type: StepOutput['type']): AgUiEvent {
    const stepName = this.#openStep(event.stepId, event.stepName);
    return { type: 'STEP_STARTED', stepName, metadata: { agentOs: stepOf(event, type) } };
  }

  /** @returns the name by which the client knows the step: two open steps must not have the same one */
  #openStep(stepId: string, name: string): string {
    const taken = new Set(this.#steps.values());
    let unique = name;
    for (let count = 2; taken.has(unique); count++) unique = `${name} (${count})`;
    this.#steps.set(stepId, unique);
    return unique;
  }

  #endStep(
    stepId: string,
    agentOs?: NonNullable<AgUiEventOf<'STEP_FINISHED'>['metadata']>['agentOs'],
  ): readonly AgUiEvent[] {
    const stepName = this.#steps.get(stepId);
    if (stepName === undefined) return [];
    this.#steps.delete(stepId);
    return [{ type: 'STEP_FINISHED', stepName, ...(agentOs ? { metadata: { agentOs } } : {}) }];
  }

  #startSubagent({ runId, parentRunId = '', component, step }: RunEvent): readonly AgUiEvent[] {
    if (this.#subagents.has(runId)) return [];
    this.#subagents.set(runId, 'open');
    const { kind, id, name, description } = component;
    if (!this.#knowsSubagents) return [{ type: 'STEP_STARTED', stepName: this.#openStep(runId, name) }];
    const stepId = step?.workflowRunId === parentRunId ? { stepId: step.stepId } : {};
    return [
      {
        type: 'SUBAGENT_STARTED',
        subagentRunId: runId,
        name,
        ...(description === undefined ? {} : { description }),
        ...(this.#subagents.has(parentRunId) ? { parentSubagentRunId: parentRunId } : {}),
        metadata: { agentOs: { component: { kind, id, name }, ...stepId } },
      },
    ];
  }

  #endSubagent(
    runId: string,
    event: AgUiEventOf<'SUBAGENT_FINISHED' | 'SUBAGENT_ERROR'>,
  ): readonly AgUiEvent[] {
    if (this.#subagents.get(runId) !== 'open') return [];
    this.#subagents.set(runId, 'ended');
    if (!this.#knowsSubagents) return this.#endStep(runId);
    return [...this.#answerOf(runId).end(), event];
  }

  #completeSubagent({ runId, output }: EventOf<'run-completed'>): readonly AgUiEvent[] {
    return [
      ...(this.#isOpen(runId) ? this.#answerOf(runId).complete(output) : []),
      ...this.#endSubagent(runId, {
        type: 'SUBAGENT_FINISHED',
        subagentRunId: runId,
        result: { content: output.content },
        outcome: { type: 'success' },
      }),
    ];
  }

  // ---- hooks in the background ----

  /** Those that have another state than the client knows. */
  #toHooks(executions: readonly HookExecution[]): readonly AgUiEvent[] {
    return executions.flatMap((execution) => {
      const { id, state, position } = execution;
      // Runs that a hook starts for itself, such as a judge, are not shown.
      if (position === 'inside-hook' || this.#hooks.get(id) === state) return [];
      this.#hooks.set(id, state);
      return [toHookEvent(backgroundHookOf(execution))];
    });
  }

  // ---- the state of the session ----

  /** The client has this state from now on. */
  #toState(sessionState: PlainRecord): readonly AgUiEvent[] {
    const state: unknown = JSON.parse(JSON.stringify(toJsonObject(sessionState)));
    const delta = toJsonPatch(this.#state, state);
    this.#state = state;
    if (delta.length === 0) return [];
    if (this.#hasSnapshot) return [{ type: 'STATE_DELTA', delta }];
    this.#hasSnapshot = true;
    return [{ type: 'STATE_SNAPSHOT', snapshot: state }];
  }

  // ---- the end ----

  #complete({ runId, output, sessionState }: EventOf<'run-completed'>): readonly AgUiEvent[] {
    const { content, data } = output;
    return [
      ...this.#answerOf(runId).complete(output),
      ...this.#toState(sessionState),
      ...this.#finish(),
      {
        type: 'RUN_FINISHED',
        threadId: this.#request.threadId,
        runId: this.#request.runId,
        result: { content, ...(data === undefined ? {} : { data: toJsonValue(data) }) },
        outcome: { type: 'success' },
        ...usageOf(output),
      },
    ];
  }

  #cancel({ output }: EventOf<'run-cancelled'>): readonly AgUiEvent[] {
    const { threadId, runId } = this.#request;
    const outcome = { type: 'cancelled' } as const;
    return [...this.#finish(), { type: 'RUN_FINISHED', threadId, runId, outcome, ...usageOf(output) }];
  }

  #fail({
    runId,
    content,
    errorType,
    errorId,
    additionalData,
  }: RunErrorFields & Pick<RunEvent, 'runId'>): readonly AgUiEvent[] {
    const agentOs = {
      runId,
      ...(errorId === undefined ? {} : { trigger: errorId }),
      ...(additionalData === undefined ? {} : { data: toJsonValue(additionalData) }),
    };
    return [
      ...this.#finish(),
      { type: 'RUN_ERROR', message: content, code: errorType, metadata: { agentOs } },
    ];
  }

  /** Ends all that is open. Nothing but the last event may follow. */
  #finish(): readonly AgUiEvent[] {
    this.#isEnded = true;
    const open = [...this.#subagents].filter(([, state]) => state === 'open').reverse();
    return [
      ...(this.#rootId === undefined ? [] : this.#answerOf(this.#rootId).end()),
      // Their last events were not shown: a guardrail has refused them, say, or the answer has not waited for them.
      ...open.flatMap(([runId]) =>
        this.#endSubagent(runId, subagentError(runId, 'The end of this run is not shown.')),
      ),
      ...[...this.#steps.keys()].reverse().flatMap((stepId) => this.#endStep(stepId)),
    ];
  }
}

/** Whether the code of the run may have changed the session's state, and readers may see what it has done. */
function changesState({ type }: RunEvent, isOwn: boolean): boolean {
  switch (type) {
    case 'run-started':
      return isOwn;
    case 'run-completed':
      return !isOwn;
    case 'tool-call-completed':
    case 'tool-call-failed':
    case 'step-completed':
    case 'block-completed':
      return true;
    default:
      return false;
  }
}

function toHookEvent(value: AgUiHook): AgUiEvent {
  return { type: 'CUSTOM', name: 'agentos.hook', value };
}

type InlineHookEvent = EventOf<
  'pre-hook-started' | 'post-hook-started' | 'pre-hook-completed' | 'post-hook-completed'
>;

function inlineHookOf(event: InlineHookEvent): AgUiHook {
  const { type, hook, component, runId } = event;
  const phase = type === 'pre-hook-started' || type === 'pre-hook-completed' ? 'pre' : 'post';
  const ended = 'error' in event ? 'failed' : 'succeeded';
  const state = type === 'pre-hook-started' || type === 'post-hook-started' ? 'running' : ended;
  return { hook, phase, mode: 'inline', state, component: namesOf(component), runId };
}

function backgroundHookOf({ hook, phase, mode, state, component, runId, id }: HookExecution): AgUiHook {
  return { hook, phase, mode, state, component: namesOf(component), runId, executionId: id };
}

function namesOf({ kind, id, name }: ComponentIdentity): AgUiHook['component'] {
  return { kind, id, name };
}

function subagentError(subagentRunId: string, message: string, code?: string): AgUiEventOf<'SUBAGENT_ERROR'> {
  return { type: 'SUBAGENT_ERROR', subagentRunId, message, ...(code === undefined ? {} : { code }) };
}

function stepOf<T extends StepOutput['type']>(
  { stepId, parentStepId }: EventOf<'step-started' | 'step-completed' | 'block-started' | 'block-completed'>,
  type: T,
): { stepId: string; parentStepId?: string; type: T } {
  return { stepId, ...(parentStepId === undefined ? {} : { parentStepId }), type };
}

function resultOf({ success, content, error }: StepOutput): {
  success: boolean;
  content?: string;
  error?: string;
} {
  if (success) return { success, content };
  return { success, ...(error === undefined ? {} : { error }) };
}

/** The usage of a run and of all runs below it. */
function usageOf(output: RunOutput): { usage?: AgUiUsage } {
  const usage = totalUsage([], output).map(toUsage);
  return usage.length === 0 ? {} : { usage };
}

function totalUsage(usage: readonly SessionUsage[], output: RunOutput): readonly SessionUsage[] {
  return output.memberResponses.reduce(totalUsage, addUsage(usage, output.metrics, output.model));
}

function toUsage({ model, ...counts }: SessionUsage): AgUiUsage[number] {
  const { inputTokens, outputTokens, reasoningTokens, cacheReadTokens, cacheWriteTokens } = tokensOf(counts);
  return withoutUndefined({
    provider: model?.provider,
    model: model?.id,
    inputTokens,
    outputTokens,
    // The sum, as the protocol defines it: providers count their totals in other ways.
    totalTokens:
      inputTokens === undefined || outputTokens === undefined ? undefined : inputTokens + outputTokens,
    reasoningTokens,
    cachedInputTokens: cacheReadTokens,
    cacheWriteInputTokens: cacheWriteTokens,
  });
}
