import { assignOwn } from '../data/assign-own.js';
import { copyToKeep } from '../data/lenient-copy.js';
import { replaceContent } from '../data/replace-content.js';
import type { HookPhase } from '../execution/hook-execution.js';
import { nowInSeconds } from '../model/clock.js';
import type { ComponentIdentity } from '../model/component-identity.js';
import { newId } from '../model/ids.js';
import type { Message } from '../model/message.js';
import type { PlainRecord, RunContext } from '../model/run-context.js';
import type { StepPosition } from '../model/run-event.js';
import type { RunInput } from '../model/run-input.js';
import type { RunOrigin } from '../model/run-origin.js';
import type { RunOutput, RunStatus } from '../model/run-output.js';
import type { RunOptions } from '../model/runnable-component.js';
import type { Session } from '../model/session.js';
import { SessionView, type OwnSessionData } from '../sessions/session.view.js';
import { describeUserId, isUserId } from '../sessions/user-id.js';
import type { RunComponent } from './component.port.js';
import { newMessage } from './conversation.js';
import {
  dropOptional,
  findAnswer,
  followEdit,
  isSame,
  noWork,
  refusedOutput,
  type AnswerEdit,
  type FoundAnswer,
  type RefusedOutput,
} from './hold/redaction.js';
import type { RunView } from './run.view.js';

/** The data that a run begins with. */
interface RunDataInit {
  readonly input: RunInput;
  readonly context: RunContext;
  readonly output: RunOutput;
  readonly session: SessionView;
  /** Of the run above. */
  readonly above: RunData | undefined;
}

/**
 * The data of a run: its input, context and output, and the session as it sees it. Hooks and engines read and write
 * it; it remembers their state before these changes, and restores it when guardrails refuse the run.
 */
export class RunData {
  readonly #above: RunData | undefined;
  readonly #createdAt: number;
  #input: RunInput;
  #isInputFinal = false;
  #context: RunContext;
  #output: RunOutput;
  #session: SessionView;
  /** The data before the engine has added to it. */
  #given: GivenData;
  #edit: AnswerEdit = 'none';

  constructor({ input, context, output, session, above }: RunDataInit) {
    this.#above = above;
    this.#createdAt = output.createdAt;
    this.#input = input;
    this.#context = context;
    this.#output = output;
    this.#session = session;
    this.#given = takeGiven(context, session.data);
  }

  get input(): RunInput {
    return this.#input;
  }

  get context(): RunContext {
    return this.#context;
  }

  /** Written here and by the attempts of the run. */
  get output(): RunOutput {
    return this.#output;
  }

  /** The session as the run sees it: hooks and steps read and write it. */
  get session(): Session {
    return this.#session.data;
  }

  /** The part of the output's metadata that the engine has not written. */
  get givenMetadata(): Readonly<PlainRecord> {
    return this.#given.metadata;
  }

  /** The metadata from the caller of the root run: an engine may have put answers into the metadata of its parts. */
  get callerMetadata(): Readonly<PlainRecord> {
    return this.#above ? this.#above.callerMetadata : this.#given.metadata;
  }

  /** How post-hooks have changed the answer so far. */
  get edit(): AnswerEdit {
    return this.#edit;
  }

  /** The session's name and metadata when the run began. */
  get begunSession(): OwnSessionData {
    return this.#session.begun;
  }

  /** A view of the session for a run below that shares it. */
  branchSession(): SessionView {
    return this.#session.branch();
  }

  /** The session was loaded. */
  useSession(session: Session): void {
    this.#session = new SessionView(session);
  }

  /** The session is open: adds the state from the caller, and remembers the data that the run is given. */
  openSession(added: Readonly<PlainRecord> | undefined): void {
    const { state } = this.session;
    assignOwn(state, added);
    this.#context = { ...this.#context, sessionState: state };
    this.#given = takeGiven(this.#context, this.session);
  }

  /** The pre-hooks have ended: the input is final, since it is stored, streamed and shown like this. */
  completeInput(): void {
    // A post-hook that edits it gets an error.
    this.#input = freezeInput(this.#input);
    this.#isInputFinal = true;
    this.#output.input = this.#input;
    this.#given = takeGiven(this.#context, this.session);
  }

  /** An inline hook begins. Returns the answer that a post-hook finds. */
  beginHook(phase: HookPhase, isGuardrail: boolean): FoundAnswer | undefined {
    if (phase === 'pre') return undefined;
    const found = findAnswer(this.#output, this.session, isGuardrail);
    // Unfinished work of the engine, parts and hooks may still write data that the guardrail would not see.
    if (isGuardrail) this.detach();
    return found;
  }

  /** A post-hook has ended: adapts the rest of the output to its edits. */
  followPostHook(found: FoundAnswer | undefined, isGuardrail: boolean): void {
    // Pre-hooks may change the input: it is stored, streamed and shown as they leave it.
    this.#output.input = this.#input;
    if (!found) return;
    const { output, edit } = followEdit(this.#output, found, isGuardrail, this.#given.metadata);
    this.#replaceOutput(output);
    if (isGuardrail) this.#followMetadata();
    if (edit === 'masked') {
      this.#restoreDependencies();
      const { name, metadata } = this.session;
      if (name === found.session.name) this.#session.restoreName(this.#given.session);
      if (isSame(metadata, found.session.metadata)) this.#session.restoreMetadata(this.#given.session);
    }
    if (edit === 'masked' || this.#edit === 'none') this.#edit = edit;
  }

  /** Goes on with copies: abandoned code, such as a hook, may still write into the old data. */
  detach(): void {
    this.#session.detach();
    const metadata = copyToKeep(this.#context.metadata);
    this.#context = { ...this.#context, metadata };
    this.#output = { ...copyToKeep(this.#output), metadata };
    if (this.#isInputFinal) this.#output.input = this.#input;
    else this.#input = copyToKeep(this.#input);
  }

  /** The attempt is repeated: removes all data that it has written. */
  restart(): void {
    Object.assign(this.#output, { content: '', metrics: {}, messages: [], ...noWork() });
    dropOptional(this.#output);
    // In place: engines and hooks hold references to the object.
    replaceContent(this.#output.metadata, this.#given.metadata);
    this.#restoreSession();
  }

  /** Writes the conversation; without its rounds if they no longer fit the answer. */
  writeMessages(rounds: readonly Message[]): void {
    const question = this.#question();
    this.#output.messages = rounds.length > 0 ? [question, ...rounds] : [question, this.#answer()];
  }

  /** Adds the output of a part, where guardrails look. */
  addMember(part: RunData): void {
    this.#output.memberResponses.push(part.#output);
  }

  /** The run did not complete: removes the parts of its output that guardrails have refused or not seen. */
  refuse({
    shown,
    isHeld,
    isPre,
    isPost,
  }: Pick<RefusedOutput, 'shown' | 'isHeld' | 'isPre' | 'isPost'>): void {
    const messages = isPre ? [] : [this.#question()];
    if (isHeld && !isPre && !isPost) this.detach();
    const { metadata: givenMetadata } = this.#given;
    this.#replaceOutput(
      refusedOutput(this.#output, { shown, isHeld, isPre, isPost, messages, givenMetadata }),
    );
    if (isHeld || isPost) {
      // Background hooks would read the removed metadata. After a rejection of the input they may: they audit it.
      this.#followMetadata();
      this.#restoreDependencies();
    }
    if (isHeld || isPre || isPost) this.#restoreSession();
  }

  /** The output is final. `duration`: seconds. */
  end(status: RunStatus, duration: number): void {
    this.#output.status = status;
    this.#output.metrics.duration = duration;
  }

  /** Hands the run's changes to the session's name and metadata to a run above. */
  mergeSessionInto(above: RunData): void {
    this.#session.mergeInto(above.#session);
  }

  #question(): Message {
    return { id: newId(), role: 'user', content: this.#input.content, createdAt: this.#createdAt };
  }

  #answer(): Message {
    return { ...newMessage(), role: 'assistant', content: this.#output.content };
  }

  /** In place: the run above, engines and hooks hold references to the object. */
  #replaceOutput(output: RunOutput): void {
    if (output === this.#output) return;
    dropOptional(this.#output, output);
    Object.assign(this.#output, output);
  }

  /** Hooks and engines read the metadata in two places, and a hook may have replaced it in one. */
  #followMetadata(): void {
    const { metadata } = this.#output;
    if (this.#context.metadata !== metadata) this.#context = { ...this.#context, metadata };
  }

  #restoreDependencies(): void {
    this.#context = { ...this.#context, dependencies: copyToKeep(this.#given.dependencies) };
  }

  #restoreSession(): void {
    this.#session.restoreName(this.#given.session);
    this.#session.restoreMetadata(this.#given.session);
  }
}

/** Data that an engine and hooks may add to, as it was before: after the run's pre-hooks, or at its start. */
interface GivenData {
  readonly metadata: Readonly<PlainRecord>;
  readonly dependencies: Readonly<PlainRecord>;
  readonly session: Readonly<Pick<Session, 'name' | 'metadata'>>;
}

/** Copies the data that a run is given, before hooks or its engine can change it. */
function takeGiven({ metadata, dependencies }: RunContext, session: Session): GivenData {
  return {
    metadata: copyRecord(metadata),
    dependencies: copyRecord(dependencies),
    session: { name: session.name, metadata: copyRecord(session.metadata) },
  };
}

/** Copies nothing if the record is empty, as in most runs. */
function copyRecord(record: Readonly<PlainRecord>): Readonly<PlainRecord> {
  for (const _ in record) return copyToKeep(record);
  return NOTHING;
}

const NOTHING: Readonly<PlainRecord> = Object.freeze({});

/**
 * Ids that are no strings, such as promises, would all become the same string in a store, and share one session.
 *
 * @throws TypeError if the id of the user or of the session is not a string, or is empty; or if `replaces` is no list of
 *   strings
 */
export function checkRunOptions({ userId, sessionId, replaces }: RunOptions): void {
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
  if (replaces !== undefined && !isListOfTexts(replaces)) {
    throw new TypeError(
      'Expected replaces of a run to be a list of the ids of earlier runs, or to be left out.',
    );
  }
}

function isListOfTexts(value: unknown): boolean {
  return Array.isArray(value) && value.every((item) => typeof item === 'string');
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
  readonly replaces: readonly string[] | undefined;
}

/** The output that a run starts with. */
export function newOutput({ context, component, identity, step, replaces }: OutputParts): RunOutput {
  const { runId, sessionId, parentRunId, userId, metadata } = context;
  return {
    runId,
    ...(parentRunId === undefined ? {} : { parentRunId }),
    sessionId,
    ...(userId === undefined ? {} : { userId }),
    component: identity,
    ...(step && step.workflowRunId === parentRunId ? { stepId: step.stepId } : {}),
    ...(replaces && replaces.length > 0 ? { replaces: [...replaces] } : {}),
    content: '',
    status: 'RUNNING',
    metrics: {},
    ...modelOf(component),
    messages: [],
    metadata,
    ...noWork(),
    createdAt: nowInSeconds(),
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
function freezeInput(input: RunInput): RunInput {
  const files: unknown = input.files;
  if (!Array.isArray(files)) return Object.freeze({ ...input });
  const frozen = files.map((file: unknown) => Object.freeze(copyFile(file)));
  return Object.freeze({ ...input, files: Object.freeze(frozen) as RunInput['files'] });
}

function copyFile(file: unknown): unknown {
  return typeof file === 'object' && file !== null ? { ...file } : file;
}
