import { toError } from '../errors/to-error.js';
import { copyPlainData } from '../execution/copy-plain-data.js';
import type { Message } from '../model/message.js';
import type { RunEventBody } from '../model/run-event.js';
import { changesOf, type SessionChanges } from '../sessions/session.changes.js';
import type { StoredRun } from '../sessions/session.store.js';
import type { ActiveRun } from './active-run.js';
import type { RunSnapshot } from './run.snapshot.js';
import { toStoredRun, type SettledRun } from './stored-run.js';

/** Gives a run its session: that of the run above it, the stored one, or a new one. */
export async function openSession(run: ActiveRun): Promise<void> {
  const { sessions } = run.tree.environment;
  if (run.parent?.sessionId === run.sessionId) {
    run.session = run.parent.session;
  } else if (sessions && run.isSessionNamed) {
    const { userId } = run.context;
    run.session = await sessions.open({ id: run.sessionId, ...(userId === undefined ? {} : { userId }) });
    run.openedSession = copyPlainData(run.session, 'session');
  }
  Object.assign(run.session.state, run.options.sessionState);
  Object.assign(run.context, { sessionState: run.session.state });
}

/**
 * Remembers a settled run, and those below it that have waited for its guardrails. A run that guardrails of a run above
 * are still to see waits for them in turn: clients read sessions, and must not find there what was held in a stream.
 *
 * @param last - the run's last event
 * @param hasPassed - whether the run's answer is what the runs below it have made of it
 */
export async function rememberRun(run: ActiveRun, last: RunEventBody, hasPassed: boolean): Promise<void> {
  const waiting = run.postponed.splice(0);
  // Nobody has looked at what an attempt has left that was repeated.
  const known = waiting.map((item) => (hasPassed && !item.run.isDiscarded ? item : withdrawn(item)));
  if (run.isStored)
    known.push({ run, snapshot: run.snapshot(), last: run.events.describe(last), isWithdrawn: false });
  const guard = guardAbove(run);
  if (guard && guard.outcome === undefined) guard.postponed.push(...known);
  // Nobody has waited for a run that settles after its guard: the guardrails have not seen it.
  else for (const item of known) await storeRun(guard ? withdrawn(item) : item);
}

function withdrawn(settled: SettledRun): SettledRun {
  return { ...settled, isWithdrawn: true };
}

/** The next run above whose output guardrails hold what the runs below it say. */
function guardAbove({ parent }: ActiveRun): ActiveRun | undefined {
  return !parent || parent.hooks.holdsStream ? parent : guardAbove(parent);
}

/** A store that fails costs the history, not the answer. */
async function storeRun(settled: SettledRun): Promise<void> {
  const { run, snapshot } = settled;
  const { sessions, logger } = run.tree.environment;
  try {
    if (snapshot instanceof Error) throw snapshot;
    const { id, userId } = snapshot.session;
    const session = { id, component: ownerOf(run).identity, ...(userId === undefined ? {} : { userId }) };
    await sessions?.append(session, toStoredRun(settled, snapshot), changesBy(run, snapshot));
  } catch (thrown) {
    const error = toError(thrown);
    logger.error(
      `Run ${run.runId} could not be stored in session ${run.sessionId}: ${error.message}`,
      error.stack,
    );
  }
}

/** The run that a session was opened for: those below it share the session, and may settle first. */
function ownerOf(run: ActiveRun): ActiveRun {
  return run.parent?.sessionId === run.sessionId ? ownerOf(run.parent) : run;
}

/** A session that is shared with the run above it is saved by that one. */
function changesBy(run: ActiveRun, { session }: RunSnapshot): SessionChanges {
  return changesOf(run.parent?.session === run.session ? session : run.openedSession, session);
}

/** Earlier questions and answers of the run's component in its session, the oldest first. */
export async function loadHistory(run: ActiveRun, limit: number): Promise<Message[]> {
  const { sessions } = run.tree.environment;
  const isNew = !run.isSessionNamed && !run.parent;
  if (!sessions || isNew || limit <= 0) return [];
  const filter = { componentId: run.component.id, status: 'COMPLETED', limit } as const;
  const stored = await sessions.runs(run.sessionId, filter);
  return stored.flatMap(toMessages);
}

/** What was asked and answered, without the rounds in between. */
function toMessages({ runId, input, output: { content, messages, createdAt } }: StoredRun): Message[] {
  const { id = runId, createdAt: answeredAt = createdAt } = messages.at(-1) ?? {};
  return [
    { id: messages[0]?.id ?? runId, role: 'user', content: input.content, createdAt },
    { id, role: 'assistant', content, createdAt: answeredAt },
  ];
}
