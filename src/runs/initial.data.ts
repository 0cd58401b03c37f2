import { copyToKeep } from '../data/lenient-copy.js';
import type { ComponentIdentity } from '../model/component.js';
import { newId } from '../model/ids.js';
import type { RunContext } from '../model/run-context.js';
import type { StepPosition } from '../model/run-event.js';
import type { RunInput } from '../model/run-input.js';
import type { RunOrigin } from '../model/run-origin.js';
import type { RunOutput } from '../model/run-output.js';
import type { RunOptions } from '../model/runnable-component.js';
import { describeUserId, isUserId } from '../sessions/user-id.js';
import type { RunComponent } from './component.port.js';
import { noWork } from './hold/redaction.js';
import type { RunView } from './run.view.js';

/**
 * Ids that are no strings, such as promises, would all become the same string in a store, and share one session.
 *
 * @throws TypeError if the id of the user or of the session is not a string, or is empty
 */
export function checkRunOptions({ userId, sessionId }: RunOptions): void {
  if (userId !== undefined && !isUserId(userId)) {
    throw new TypeError(
      `Expected userId of a run to be a text that is not empty, or to be left out, got ${describeUserId(userId)}.`,
    );
  }
  if (sessionId !== undefined && (typeof sessionId !== 'string' || sessionId === '')) {
    throw new TypeError(
      `Expected sessionId of a run to be a text that is not empty, or to be left out, got ${describeUserId(sessionId)}.`,
    );
  }
}

interface ContextParts {
  readonly runId: string;
  readonly parent: RunView | undefined;
  readonly options: RunOptions;
  readonly origin: RunOrigin | undefined;
}

/** The context of a run, from the data of its caller or of the run above. */
export function newContext({ runId, parent, options, origin }: ContextParts): RunContext {
  const userId = options.userId ?? parent?.namedUserId ?? origin?.userId;
  return {
    runId,
    sessionId: options.sessionId ?? parent?.session.id ?? newId(),
    ...(parent ? { parentRunId: parent.runId } : {}),
    ...(userId === undefined ? {} : { userId }),
    // A copy: hooks and engines add to the run's metadata, not to the caller's.
    metadata: copyToKeep(options.metadata ?? parent?.context.metadata ?? {}),
    dependencies: options.dependencies ? { ...options.dependencies } : (parent?.context.dependencies ?? {}),
    sessionState: {},
  };
}

interface OutputParts {
  readonly context: RunContext;
  readonly component: RunComponent;
  readonly identity: ComponentIdentity;
  readonly step: StepPosition | undefined;
  readonly createdAt: number;
}

/** The output that a run starts with. */
export function newOutput({ context, component, identity, step, createdAt }: OutputParts): RunOutput {
  const { runId, sessionId, parentRunId, userId, metadata } = context;
  return {
    runId,
    ...(parentRunId === undefined ? {} : { parentRunId }),
    sessionId,
    ...(userId === undefined ? {} : { userId }),
    component: identity,
    ...(step && step.workflowRunId === parentRunId ? { stepId: step.stepId } : {}),
    content: '',
    status: 'RUNNING',
    metrics: {},
    ...modelOf(component),
    messages: [],
    metadata,
    ...noWork(),
    createdAt,
  };
}

/** The model of a component's engine, as events and outputs name it. */
export function modelOf({ model }: RunComponent): Pick<RunOutput, 'model'> {
  return model ? { model } : {};
}

/**
 * The input of a run, as a copy of the caller's input.
 *
 * @throws TypeError if it is neither a text nor `{ content }`
 */
export function toRunInput(input: unknown, { kind, id }: RunComponent): RunInput {
  if (typeof input === 'string') return { content: input };
  const fail = (part: string, expected: string, value: unknown): never => {
    const got = value === null ? 'null' : typeof value;
    throw new TypeError(`Expected the ${part} of ${kind} "${id}" to be ${expected}, got ${got}.`);
  };
  if (typeof input !== 'object' || input === null)
    return fail('input', 'a string or { content: string }', input);
  const { content, files } = input as Partial<RunInput>;
  if (typeof content !== 'string') return fail("input's content", 'a string', content);
  if (files === undefined) return { content };
  return Array.isArray(files) ? { content, files: [...files] } : fail("input's files", 'an array', files);
}

/**
 * Freezes the input after the pre-hooks, files included: it is stored, streamed and shown in this form. The objects
 * that a caller or a hook has put into it are not frozen.
 */
export function freezeInput(input: RunInput): RunInput {
  const files: unknown = input.files;
  if (!Array.isArray(files)) return Object.freeze({ ...input });
  const frozen = files.map((file: unknown) => Object.freeze(copyFile(file)));
  return Object.freeze({ ...input, files: Object.freeze(frozen) as RunInput['files'] });
}

function copyFile(file: unknown): unknown {
  return typeof file === 'object' && file !== null ? { ...file } : file;
}
