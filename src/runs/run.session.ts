import { NotFoundException } from '@nestjs/common';

import { copyPlainData } from '../execution/copy-plain-data.js';
import type { Message } from '../model/message.js';
import { isOf } from '../sessions/session.filter.js';
import type { StoredRun } from '../sessions/session.store.js';
import type { ActiveRun } from './active-run.js';

/**
 * Gives a run its session: that of the run above it, the stored one, or a new one. Of the sessions of others clients
 * are told that they are not there, also if they have become another's since somebody looked; what application code
 * runs goes on without.
 *
 * @throws NotFoundException if the session must be somebody's and is another's
 */
export async function openSession(run: ActiveRun): Promise<void> {
  const { sessions } = run.tree.environment;
  if (run.parent?.sessionId === run.sessionId) {
    run.session = run.parent.session;
  } else if (sessions && run.isSessionNamed) {
    const session = await sessions.open(run.sessionId);
    const isOwn = session !== undefined && isOf(session, run.owner);
    if (session && !isOwn && run.position === 'root') throw sessionNotFound(run.sessionId);
    run.isSessionKnown = isOwn;
    if (isOwn) run.session = session;
    run.openedSession = copyPlainData(run.session, 'session');
  }
  Object.assign(run.session.state, run.options.sessionState);
  Object.assign(run.context, { sessionState: run.session.state });
}

/** What a client reads that asks for a session that is not there, or not for it. */
export function sessionNotFound(id: string): NotFoundException {
  return new NotFoundException(`Session with id '${id}' not found`);
}

/** Earlier questions and answers of the run's component in its session, the oldest first. */
export async function loadHistory(run: ActiveRun, limit: number): Promise<Message[]> {
  const { sessions } = run.tree.environment;
  const isNew = !run.isSessionNamed && !run.parent;
  if (!sessions || isNew || limit <= 0) return [];
  const { owner, component } = run;
  const filter = {
    owner,
    componentId: component.id,
    status: 'COMPLETED',
    isWithdrawn: false,
    limit,
  } as const;
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
