import { toError } from '../errors/to-error.js';
import type { RunInput } from '../model/run-input.js';
import type { RunOutput } from '../model/run-output.js';
import type { RunOptions } from '../model/runnable-component.js';
import type { StepPosition } from '../model/run-event.js';
import type { HookPosition } from '../hooks/hook.registry.js';
import type { SessionOwner } from '../sessions/session.store.js';
import { describeUserId, isUserId } from '../sessions/user-id.js';
import { ActiveRun } from './active-run.js';
import { conductRun } from './conduct-run.js';
import { directEnvironment } from './direct.environment.js';
import type { RunComponent } from './run.component.js';
import type { RunEventSink } from './run.events.js';
import type { RunEnvironment } from './run.environment.js';
import { inheritedOwner, namesOwnSession } from './run.origin.js';
import { currentScope, type RunScope } from './run.scope.js';
import { RunTree } from './run.tree.js';

/** What is to be run, and how. */
export interface RunRequest {
  readonly component: RunComponent;
  readonly input: string | RunInput;
  readonly options?: RunOptions;
  /** Who conducts the run if it starts a tree of its own. Default: whoever conducts the code that asks, else nobody. */
  readonly environment?: RunEnvironment;
  /** The run it is a part of. Default: the run that the code that asks is a part of. */
  readonly parent?: ActiveRun;
  readonly step?: StepPosition;
  readonly sink?: RunEventSink;
  /** Whether the run is remembered in its session. Default: unless a hook has started it and has named no session. */
  readonly isStored?: boolean;
  /** Whose the run's session must be, if it exists. Default: whoever begins a session, others may go on with it. */
  readonly owner?: SessionOwner;
  /** What becomes of it if its client leaves. Default: as the environment says. */
  readonly onDisconnect?: 'finish' | 'cancel';
  /** Is told the run before it starts. */
  readonly onStart?: (run: ActiveRun) => void;
}

/**
 * Starts a run: as a part of the run that the calling code belongs to, else as the root of a new tree.
 *
 * @returns the output of the completed run
 * @throws AgentRunError if the run does not complete
 * @throws AgentOsConfigurationError if a hook of the component cannot be bound
 * @throws TypeError if the input, the user id or the session id is none
 * @throws TooManyRunsError if it would be one run more than `maxRuns`
 */
export function startRun(request: RunRequest): Promise<RunOutput> {
  try {
    const run = createRun(request, currentScope());
    request.onStart?.(run);
    const ending = conductRun(run, startRun);
    // Handles its rejection, too. Code that has several runs under way awaits one after the other: if all of them are
    // cancelled, the rejection of the second must not end the process. How a run ended is in its events and in the log.
    run.ended = ending.then(ignore, ignore);
    return isConducted(run) ? ending : ending.then((output) => output);
  } catch (thrown) {
    return Promise.reject(toError(thrown));
  }
}

/** Of a direct run that is a part of nothing, only its caller knows: a rejection that it does not handle is its defect. */
function isConducted({ parent, tree: { environment, hook } }: ActiveRun): boolean {
  return parent !== undefined || hook !== undefined || environment.background !== undefined;
}

function ignore(): void {
  // How it ended is for those who asked for the run.
}

function createRun(
  { component, input, options = {}, step, sink, ...request }: RunRequest,
  scope: RunScope,
): ActiveRun {
  checkOptions(options);
  const parent = request.parent ?? joinedRun(scope, request.environment);
  const environment = parent?.tree.environment ?? request.environment ?? surroundingEnvironment(scope);
  if (!parent && !scope.hook) environment.inFlight.admit();
  const { origin } = scope;
  const source = { parent, origin };
  const position = positionOf(parent, scope);
  const run = new ActiveRun({
    component,
    position,
    hooks: environment.hooksOf(component, position),
    tree: parent?.tree ?? new RunTree(environment, scope, request.onDisconnect),
    input: copyInput(toRunInput(input)),
    isStored: request.isStored ?? (scope.hook === undefined || namesOwnSession(options, source)),
    options,
    ...(parent ? { parent } : {}),
    ...(step ? { step } : {}),
    ...(sink ? { sink } : {}),
    owner: request.owner ?? inheritedOwner(options, source),
    ...(origin ? { origin } : {}),
    isOfHook: scope.hook !== undefined,
  });
  if (parent) parent.children.push(run);
  else run.tree.plant(run);
  return run;
}

/** A run that has settled takes no more parts, and AgentOS does not join a run that it does not conduct. */
function joinedRun({ run }: RunScope, environment: RunEnvironment | undefined): ActiveRun | undefined {
  if (run === undefined || run.outcome !== undefined) return undefined;
  return environment?.background === undefined || environment === run.tree.environment ? run : undefined;
}

function surroundingEnvironment({ run, hook }: RunScope): RunEnvironment {
  return run?.tree.environment ?? hook?.environment ?? directEnvironment();
}

function positionOf(parent: ActiveRun | undefined, { hook, run }: RunScope): HookPosition {
  if (hook || (parent ?? run)?.position === 'inside-hook') return 'inside-hook';
  return parent ? 'member' : 'root';
}

/** What the caller passed stays the caller's. */
function copyInput({ content, files }: RunInput): RunInput {
  return files ? { content, files: [...files] } : { content };
}

/** Ids that are no texts, such as promises, would be written as one text by a store, and their sessions be shared. */
function checkOptions({ userId, sessionId }: RunOptions): void {
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

function toRunInput(input: unknown): RunInput {
  if (typeof input === 'string') return { content: input };
  if (typeof input === 'object' && input !== null && typeof (input as RunInput).content === 'string') {
    return input as RunInput;
  }
  throw new TypeError(
    `Expected the input of a run to be a string or { content: string }, got ${typeof input}.`,
  );
}
