import { forLog, quoted } from '../errors/log.text.js';
import type { RunEvent } from '../model/run-event.js';
import type { EvalStore, Evaluation } from '../sessions/eval.store.js';
import { changesOf, type SessionChanges } from '../sessions/session.changes.js';
import type { RunSession, SessionOwner } from '../sessions/session.store.js';
import { TimeLimitedEvalStore } from '../sessions/time-limited-eval.store.js';
import type { ActiveRun } from './active-run.js';
import { isAside } from './run.origin.js';
import { currentScope } from './run.scope.js';
import { storableSnapshot, type RunSnapshot } from './run.snapshot.js';
import type { SharedSession } from './shared-session.js';
import { toStoredRun, type SettledRun } from './stored-run.js';

/**
 * Something that is kept of a run. What guardrails of the run, or of a run above, are still to see waits for them:
 * clients read sessions and evaluations, and must not find there what was held in a stream.
 */
export interface Memory {
  readonly run: ActiveRun;
  /** Never fails: a store that does costs the history, not the answer. */
  readonly keep: () => Promise<void>;
}

/**
 * Remembers a settled run, and what has waited for its guardrails.
 *
 * @param last - the run's last event, if anybody reads its events
 * @param hasPassed - whether the run's answer is what the runs below it have made of it
 */
export async function rememberRun(
  run: ActiveRun,
  last: RunEvent | undefined,
  hasPassed: boolean,
): Promise<void> {
  const { memories } = run;
  for (const { run: below } of memories) {
    // Nobody has looked at what an attempt has left that was repeated.
    if (below !== run && (!hasPassed || below.isDiscarded)) below.withdraw(run);
  }
  if (run.isStored && run.tree.environment.sessions) {
    const settled = { run, snapshot: storableSnapshot(run), shown: [...run.events.shown], last };
    memories.push({ run, keep: () => keepRun(settled) });
  }
  while (memories[0]) {
    await run.storing.settled(keepOrPostpone(memories[0], guardAbove(run)));
    // Not before: who deletes a session looks here for what waits to be stored, or is being stored.
    memories.shift();
  }
}

/** The sessions that runs have open, and those of runs that wait to be kept. */
export function openSessions(runs: readonly ActiveRun[]): ReadonlySet<SharedSession> {
  const waiting = runs.flatMap(({ memories }) => memories.map(({ run }) => run));
  return new Set([...runs, ...waiting].map(({ sharedSession }) => sharedSession));
}

/** Saves what a judge has said of a run. Called within the judge's hook. */
export async function rememberEvaluation(given: EvalStore, evaluation: Evaluation): Promise<void> {
  const { run, origin, hook } = currentScope();
  const store = hook ? TimeLimitedEvalStore.of(given, hook.environment.storeCalls) : given;
  const owner = run ? run.sharedSession.owner : origin?.owner;
  const owned = owner === undefined ? evaluation : withOwner(evaluation, owner);
  const isUnseen = run ? isAside(run) : (origin?.isWithdrawn ?? false);
  // What nobody holds was seen already, and a store that fails is then the judge's failure.
  if (isUnseen || !run?.isHeld) return store.save(isUnseen ? withoutTexts(owned) : owned);
  const keep = (): Promise<void> => saveEvaluation(run, store, owned);
  await keepOrPostpone({ run, keep }, run.outcome === undefined ? run : guardAbove(run));
}

async function keepOrPostpone(memory: Memory, guard: ActiveRun | undefined): Promise<void> {
  if (guard && isSeenBy(guard, memory.run)) {
    guard.memories.push(memory);
    return;
  }
  if (guard) memory.run.withdraw(guard);
  await memory.keep();
}

/** Guardrails see what has settled while the run above it was still at work, and so on up to their own run. */
function isSeenBy(guard: ActiveRun, run: ActiveRun): boolean {
  if (run === guard) return guard.outcome === undefined;
  const { parent } = run;
  return parent !== undefined && waitsFor(parent, run) && isSeenBy(guard, parent);
}

/** A run that has done its work waits for nothing but its hooks, and these for what they have started. */
function waitsFor({ phase, outcome }: ActiveRun, { isOfHook }: ActiveRun): boolean {
  return outcome === undefined && (phase !== 'post' || isOfHook);
}

/** The next run above whose output guardrails hold what the runs below it say. */
function guardAbove({ parent }: ActiveRun): ActiveRun | undefined {
  return !parent || parent.hooks.holdsStream ? parent : guardAbove(parent);
}

/** Who deletes the session waits for what has begun to be stored in it. */
async function keepRun(settled: SettledRun): Promise<void> {
  const { writes } = settled.run.sharedSession;
  const writing = storeRun(settled);
  writes.add(writing);
  await writing;
  writes.delete(writing);
}

async function storeRun(settled: SettledRun): Promise<void> {
  const { run, snapshot } = settled;
  const { sessions, logger } = run.tree.environment;
  const { sharedSession } = run;
  if (sharedSession.deleted && (await sharedSession.deleted)) return;
  try {
    if (snapshot instanceof Error) throw snapshot;
    const stored = toStoredRun(settled, snapshot);
    const isStored = await sessions?.append(
      sessionOf(sharedSession, snapshot),
      stored,
      changesBy(run, snapshot),
    );
    if (isStored === false) {
      logger.warn(
        `Run ${run.runId} was not stored: its session ${quoted(run.sessionId)} is gone, or another's.`,
      );
      return;
    }
    sharedSession.isKnown = true;
    if (isOpener(run) || sharedSession.saved) sharedSession.saved = snapshot.session;
  } catch (thrown) {
    const { reason, stack } = forLog(thrown);
    logger.error(
      `Run ${run.runId} could not be stored in session ${quoted(run.sessionId)}: ${reason}`,
      stack,
    );
  }
}

function sessionOf({ component, owner, isKnown }: SharedSession, { session }: RunSnapshot): RunSession {
  // Whom the host has named counts, not what a hook has made of it.
  const userId = owner === undefined ? session.userId : (owner ?? undefined);
  return {
    id: session.id,
    component,
    isKnown,
    ...(userId === undefined ? {} : { userId }),
    ...(owner === undefined ? {} : { owner }),
  };
}

/** Whether the session was opened for this run: those below it share the session, and may settle first. */
function isOpener({ parent, sharedSession }: ActiveRun): boolean {
  return parent?.sharedSession !== sharedSession;
}

/** A session that is shared with the run above is saved by that one, unless that one has settled already. */
function changesBy(run: ActiveRun, { session }: RunSnapshot): SessionChanges {
  const { opened, saved = session } = run.sharedSession;
  return changesOf(isOpener(run) ? opened : saved, session);
}

async function saveEvaluation(run: ActiveRun, store: EvalStore, evaluation: Evaluation): Promise<void> {
  const isSeen = !run.isWithdrawn && run.outcome === 'completed' && run.output.content === evaluation.output;
  try {
    await store.save(isSeen ? evaluation : withoutTexts(evaluation));
  } catch (thrown) {
    const { reason, stack } = forLog(thrown);
    run.tree.environment.logger.error(
      `The evaluation of run ${run.runId} could not be saved: ${reason}`,
      stack,
    );
  }
}

/** Whom the host has named, or the application, counts: the judged run does not know of them. */
function withOwner({ userId: _, ...evaluation }: Evaluation, owner: SessionOwner): Evaluation {
  return owner === null ? evaluation : { ...evaluation, userId: owner };
}

/** A judge quotes what it judges. */
function withoutTexts(evaluation: Evaluation): Evaluation {
  return { ...evaluation, input: '', output: '', reason: '' };
}
